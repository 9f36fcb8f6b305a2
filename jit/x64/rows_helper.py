"""Instructions that the interpreter executes while the region waits.

Operands and results are in `RESULTS` of the VM context. To the region it is a call: what lives behind it is in memory.
References in globals and tables are read without it where the mirror knows them.
"""

from __future__ import annotations

from typing import Final

from jit.helper import Helper
from jit.x64 import layout as at
from jit.x64.emit import Emitter, emits
from jit.x64.registers import RAX
from jit.x64.rows_call import called, save, write_arguments
from refsfi.errors import Crash


@emits("helper")
def helper(e: Emitter, v: int) -> int:
    imm, args = e.graph.imm[v], e.graph.args[v]
    if not isinstance(imm, Helper):
        raise Crash("a helper without an instruction")
    known = e.asm.label()
    named = _READ.get(imm.instr.op.mnemonic, _ask)(e, v, imm, known)
    write_arguments(e, at.VM, args, [at.RESULTS + 16 * i for i in range(len(args))])
    e.asm.call_abs(e.addresses.helper)
    nothing = called(e, v, None, [e.graph.type[a] for a in args], named, imm)
    e.asm.bind(known)
    return nothing


def _ask(e: Emitter, v: int, helper: Helper, known: int) -> int:
    """What `save` names."""
    return save(e, v)


def _global_get(e: Emitter, v: int, helper: Helper, known: int) -> int:
    """Where the mirror knows the reference, it is the result at the label, as if the helper had been there."""
    named = save(e, v)
    e.asm.rm("mov64", RAX, at.INSTANCE, e.global_word(helper.instr.args[0]))
    e.asm.rm("mov64", RAX, RAX, 0)
    _if_known(e, known)
    return named


def _table_get(e: Emitter, v: int, helper: Helper, known: int) -> int:
    asm = e.asm
    index = e.gpr(e.graph.args[v][0])
    named = save(e, v)
    outside = asm.label()
    asm.rm("mov64", RAX, at.INSTANCE, e.table_word(helper.instr.args[0]))
    asm.rm("cmp64", index, RAX, at.TABLE_REFS_LENGTH)
    asm.jcc("ae", outside)
    asm.rm("mov64", RAX, RAX, at.TABLE_REFS)
    asm.rmx("mov64", RAX, RAX, index, 8, 0)
    _if_known(e, known)
    asm.bind(outside)
    return named


def _if_known(e: Emitter, known: int) -> None:
    e.asm.ri("test32", RAX, at.UNKNOWN)
    e.asm.jcc("e", known)


_READ: Final = {"global.get": _global_get, "table.get": _table_get}
