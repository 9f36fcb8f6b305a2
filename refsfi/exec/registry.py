"""Which code executes which instruction.

Two ways to say it, both keyed by a mnemonic or by a rule family of the opcode table (the mnemonic wins):

    @instruction("table.get", pops=1, pushes=1)
    def table_get(frame, table, index): ...

for an instruction that computes: called with the frame, the immediates and the operands, it returns its result (a
sequence of them where `pushes` is above 1), or raises. And

    @lowering("br_if")
    def lower_br_if(lowerer, pc, instr): ...

for one that moves control or is so frequent that it has steps of its own; it emits steps through the `Lowerer`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from refsfi.errors import Crash
from refsfi.exec.code import Regs, Step
from refsfi.runtime.store import Frame
from refsfi.syntax.module import Instr
from refsfi.syntax.opcodes import Op

if TYPE_CHECKING:
    from refsfi.exec.lower import Lowerer

__all__ = ["find", "instruction", "lowering"]

Lowering: TypeAlias = "Callable[[Lowerer, int, Instr], None]"
_Function = TypeVar("_Function", bound=Callable[..., Any])

_LOWERINGS: dict[str, Lowering] = {}
# The function that means the instruction, for the generated table of rules.
SEMANTICS: dict[str, Callable[..., Any]] = {}


def lowering(*names: str) -> Callable[[Lowering], Lowering]:
    """Register what emits the steps of these mnemonics or rule families."""

    def register(function: Lowering) -> Lowering:
        for name in names:
            _LOWERINGS[name] = function
            SEMANTICS.setdefault(name, function)
        return function

    return register


def instruction(*names: str, pops: int, pushes: int) -> Callable[[_Function], _Function]:
    """Register a computing instruction, with how many operands it takes and results it gives."""

    def register(function: _Function) -> _Function:
        def lower(lowerer: Lowerer, pc: int, instr: Instr) -> None:
            emit_call(lowerer, function, instr.args, pops, pushes)

        for name in names:
            _LOWERINGS[name] = lower
            SEMANTICS[name] = function
        return function

    return register


def find(op: Op) -> Lowering:
    """What lowers an instruction. Crash where the table has a row that nothing executes."""
    found = _LOWERINGS.get(op.mnemonic) or _LOWERINGS.get(op.rule)
    if found is None:
        raise Crash(f"{op.mnemonic} has no execution semantics")
    return found


def emit_call(
    lowerer: Lowerer, function: Callable[..., Any], immediates: tuple[Any, ...], pops: int, pushes: int
) -> None:
    """Emit a step that calls `function(frame, *immediates, *operands)` and stores what it returns."""
    sources = lowerer.pop_many(pops)
    if pushes == 0:
        lowerer.emit(_perform, function, immediates, sources)
    elif pushes == 1:
        make = (_compute_0, _compute_1, _compute_2)[pops] if pops < 3 else None
        if make is None:
            lowerer.emit_value(_compute_n, function, immediates, sources)
        else:
            lowerer.emit_value(make, function, immediates, *sources)
    else:
        lowerer.emit(_compute_many, function, immediates, sources, lowerer.push_many(pushes))


def _perform(function: Callable[..., Any], imms: tuple[Any, ...], sources: list[int], nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        function(f, *imms, *[r[s] for s in sources])
        return nxt

    return step


def _compute_0(function: Callable[..., Any], imms: tuple[Any, ...], d: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        r[d] = function(f, *imms)
        return nxt

    return step


def _compute_1(function: Callable[..., Any], imms: tuple[Any, ...], a: int, d: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        r[d] = function(f, *imms, r[a])
        return nxt

    return step


def _compute_2(function: Callable[..., Any], imms: tuple[Any, ...], a: int, b: int, d: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        r[d] = function(f, *imms, r[a], r[b])
        return nxt

    return step


def _compute_n(function: Callable[..., Any], imms: tuple[Any, ...], sources: list[int], d: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        r[d] = function(f, *imms, *[r[s] for s in sources])
        return nxt

    return step


def _compute_many(function: Callable[..., Any], imms: tuple[Any, ...], sources: list[int], d: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        results = function(f, *imms, *[r[s] for s in sources])
        r[d : d + len(results)] = results
        return nxt

    return step
