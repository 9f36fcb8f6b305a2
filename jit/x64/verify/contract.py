"""What a unit's code may rely on, and what it may do: all that the verifier knows besides the bytes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jit.ir.graph import CALL, Graph
from jit.ir.ops import Type, type_of
from jit.x64.code import Addresses, Code
from jit.x64.words import InstanceWords
from refsfi.errors import Crash
from refsfi.exec.code import FuncCode
from refsfi.runtime.values import func_type
from refsfi.syntax.module import Instr
from refsfi.syntax.types import I64, FuncType, MemType

__all__ = ["Call", "Contract", "Unsafe", "contract_of"]


class Unsafe(Crash):
    """Machine code that was not proved to be safe: a fault of the compiler, or of the verifier. `at` is the offset of
    the instruction."""

    def __init__(self, at: int, text: str, why: str) -> None:
        super().__init__(f"machine code refused at 0x{at:x}, `{text}`: {why}")
        self.at = at
        self.why = why


@dataclass(frozen=True, slots=True)
class MemoryType:
    """A memory: whether guard pages confine it, and how many bytes it may have."""

    guarded: bool
    largest: int


@dataclass(frozen=True, slots=True)
class GlobalType:
    """A global: of which type, and whether it may be written."""

    type: Type
    mutable: bool


@dataclass(frozen=True, slots=True)
class Call:
    """What a function takes and gives."""

    params: tuple[Type, ...]
    results: tuple[Type, ...]


@dataclass(slots=True)
class Contract:
    """Offsets are from the unit's beginning. `text`: how many bytes are instructions; behind them are constants and
    jump tables. `entries`: offset -> the types of what lies in the buffer of the VM context, None for the call entry.
    `body`: where tail calls enter. `frame`, `arguments`: bytes. `own`: the function's type. `cost`: of its frame.
    `thunks`, `cells`: address -> index of the function. `exits`: numbers that an exit may have. `faults`: offsets of
    accesses that may fault. `returns`: offsets that calls return to. `helper`: what is called for an instruction that
    the interpreter executes; `helped`: offset that such a call returns to -> what the instruction takes and gives.
    `words`: offset in the instance context -> (kind, index); see `access`. `types`: by number, those of functions.
    `places`: ascending (offset, instruction of Wasm). `type_of_index`: the module's types. `costs`: of the frames of
    functions that may be tail-called."""

    address: int
    text: int
    entries: Mapping[int, tuple[Type, ...] | None]
    body: int
    frame: int
    arguments: int
    own: Call
    cost: int
    metered: bool
    landing: int
    refused: int
    helper: int
    exits: range
    thunks: Mapping[int, int]
    cells: Mapping[int, int]
    functions: Mapping[int, Call]
    faults: frozenset[int]
    returns: frozenset[int]
    helped: Mapping[int, Call]
    memories: tuple[MemoryType, ...]
    globals: tuple[GlobalType, ...]
    words: Mapping[int, tuple[str, int]]
    types: Mapping[int, Call]
    places: list[tuple[int, Instr]] = field(default_factory=list)
    type_of_index: Any = None
    costs: Mapping[int, int] = field(default_factory=dict)

    def instruction(self, offset: int) -> Instr | None:
        """The instruction of Wasm that the code at an offset belongs to."""
        number = bisect_right(self.places, offset, key=lambda place: place[0])
        return self.places[number - 1][1] if number else None

    def called(self, offset: int) -> Call | None:
        """What the indirect call at an offset says that it calls."""
        instr = self.instruction(offset)
        if instr is None or instr.op.mnemonic.removeprefix("return_") not in ("call_indirect", "call_ref"):
            return None
        return _call(self.type_of_index[instr.args[0]])


def contract_of(
    graph: Graph, code: Code, address: int, addresses: Addresses, guarded: Any, first_exit: int
) -> Contract:
    """The contract of a unit that is about to be written to `address`."""
    function = graph.code
    if function is None:
        raise Crash("a region of no function")
    program = function.program
    info = program.info
    layout = InstanceWords(program)
    words: dict[int, tuple[str, int]] = {}
    for index in range(len(info.mems)):
        words[layout.memory(index)] = "memory", index
    for index in range(len(info.tables)):
        words[layout.table(index)] = "table", index
    for index in range(len(info.globals)):
        words[layout.globals(index)] = "global", index
    imported = program.imported_funcs
    own = range(imported, imported + len(program.funcs))
    return Contract(
        address,
        len(code.asm.code),
        {o: None if pc == CALL else tuple(t for _, t in code.homes[pc]) for pc, o in code.entries.items()},
        code.body,
        code.frame,
        code.arguments,
        _call(info.funcs[function.func_index]),
        function.cost,
        program.metered,
        addresses.landing,
        addresses.refused,
        addresses.helper,
        range(first_exit, first_exit + len(code.exits)),
        {addresses.thunk(i): i for i in own},
        {addresses.cell(i): i for i in own},
        {i: _call(type) for i, type in enumerate(info.funcs)},
        frozenset(code.faults),
        frozenset(code.calls),
        {o: Call(tuple(s.types), tuple(s.helper.results())) for o, s in code.calls.items() if s.helper is not None},
        tuple(MemoryType(guarded(i), _largest(m)) for i, m in enumerate(info.mems)),
        tuple(GlobalType(type_of(g.type), g.mut) for g in info.globals),
        words,
        {t.serial: _call(t) for t in info.types if _is_function(t)},
        _places(code, function),
        info.types,
        {imported + i: code.cost for i, code in enumerate(program.funcs) if code.tail is not None},
    )


def _largest(type: MemType) -> int:
    """Bytes: 32-bit addresses reach 4 GiB, of which a count of single bytes has one less."""
    if type.addr is I64:
        return (1 << 64) - 1
    return (1 << 32) - (0 if type.page_size_log2 else 1)


def _is_function(type: Any) -> bool:
    return isinstance(type.comp, FuncType)


def _call(type: Any) -> Call:
    expanded = func_type(type)
    return Call(tuple(map(type_of, expanded.params)), tuple(map(type_of, expanded.results)))


def _places(code: Code, own: FuncCode) -> list[tuple[int, Instr]]:
    found: list[tuple[int, Instr]] = []
    for offset, pc in code.pcs:
        function = code.inlined.get(offset, own)
        body = function.program.module.funcs[function.index].body
        if 0 <= pc < len(body):
            found.append((offset, body[pc]))
    return found
