"""Is a unit's machine code safe? An answer that does not rely on whoever made the code.

Before a unit becomes executable, `check` decodes its bytes with another decoder (iced-x86) and walks all paths through
them with abstract values: what a register may hold is a range of numbers, or a pointer of a known kind. It refuses code
that it cannot prove to touch nothing but the guest's own: its memories, its store's and its instance's context, its
frame on the native stack; and to go nowhere but within the unit, to thunks, to the landing, and back.

    contract    what the code may rely on, and what it may do
    decode      bytes -> instructions; which instructions there may be
    values      what a register may hold
    state       all of what is known at one place of the code; joins
    access      may this operand be read, or written?
    effects     what one instruction does to a state
    branches    what a condition that held says
    walk        the paths; calls, returns, exits
    loops       whether every loop can be interrupted

What it takes on trust is the contract: the layout of contexts, what the interpreter puts there, and that callees keep
the same rules, which holds as they are checked too. It proves safety, not meaning: code that adds instead of
subtracting passes. Meaning is what `jit.check` is for.

The ideas are those of Morrisett et al. (RockSalt, PLDI 2012) and Johnson et al. (VeriWasm, NDSS 2021).
"""

from __future__ import annotations

from jit.x64.verify.contract import Contract, Unsafe, contract_of
from jit.x64.verify.walk import check

__all__ = ["Contract", "Unsafe", "check", "contract_of"]
