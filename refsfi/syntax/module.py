"""The abstract syntax of modules and instructions, chapters 2.4 and 2.5, in the one form that all phases share.

A function body is a *flat* list of instructions: `block`, `loop`, `if`, `else`, `try_table` and `end` are entries
like any other, and the last entry is the `end` of the body. So nothing that handles code recurses, however deep it
nests, and an instruction's index in that list is its program counter everywhere: side table, traps, debugger, JIT.

Positions (`at`) are byte offsets into the file for a module that was decoded, and character offsets into the source
text for one that was parsed; `Module.source` tells which and turns the latter into lines and columns.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias

from refsfi.errors import PlacedError
from refsfi.syntax.opcodes import Op
from refsfi.syntax.types import (
    ExternKind,
    ExternType,
    GlobalType,
    MemType,
    RecType,
    RefType,
    TableType,
    TagType,
    ValType,
)

__all__ = [
    "Active",
    "Catch",
    "CatchKind",
    "Custom",
    "Data",
    "Declarative",
    "Elem",
    "Export",
    "Expr",
    "Func",
    "Global",
    "Import",
    "Instr",
    "MemArg",
    "Memory",
    "Module",
    "Names",
    "Passive",
    "Source",
    "Table",
    "Tag",
]


class Instr:
    """One instruction: its row of the opcode table, its immediates in binary order, its position.

    The immediates' Python types are given by the row's immediate kinds, see `syntax/opcodes.Imm`.
    """

    __slots__ = ("args", "at", "op")

    def __init__(self, op: Op, args: tuple[Any, ...] = (), at: int = 0) -> None:
        self.op = op
        self.args = args
        self.at = at

    def __eq__(self, other: object) -> bool:
        """Equal meaning; positions do not count."""
        if not isinstance(other, Instr):
            return NotImplemented
        return self.op is other.op and self.args == other.args

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{' '.join([self.op.mnemonic, *map(str, self.args)])} @0x{self.at:x}>"


# A function's body or a constant expression; the last entry is the `end` that closes it, here as there.
Expr: TypeAlias = list[Instr]


@dataclass(frozen=True, slots=True)
class MemArg:
    """Memory index, log2 of the alignment hint, static offset in bytes."""

    mem: int
    align: int
    offset: int


class CatchKind(Enum):
    """Kinds of catch clauses of try_table; the value is the binary code."""

    CATCH = 0
    CATCH_REF = 1
    CATCH_ALL = 2
    CATCH_ALL_REF = 3


@dataclass(frozen=True, slots=True)
class Catch:
    """A clause of try_table. `tag` is None for the two catch_all kinds."""

    kind: CatchKind
    tag: int | None
    label: int


@dataclass(slots=True)
class Func:
    """A function with a body. `locals` is run-length encoded, as in the binary format, without the parameters.

    `at` and `end` are the positions of the body's first byte (after its size) and behind its last; for text, of the
    field.
    """

    type: int
    locals: list[tuple[int, ValType]]
    body: Expr
    at: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)


@dataclass(slots=True)
class Table:
    """`init` is None where the table starts with null references."""

    type: TableType
    init: Expr | None = None
    at: int = field(default=0, compare=False)


@dataclass(slots=True)
class Memory:
    type: MemType
    at: int = field(default=0, compare=False)


@dataclass(slots=True)
class Global:
    type: GlobalType
    init: Expr
    at: int = field(default=0, compare=False)


@dataclass(slots=True)
class Tag:
    type: TagType
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Passive:
    """A segment that waits for `memory.init`, `table.init` or an array instruction."""


@dataclass(frozen=True, slots=True)
class Declarative:
    """An element segment that only declares references to functions."""


@dataclass(slots=True)
class Active:
    """A segment copied into table or memory `index` at `offset` during instantiation."""

    index: int
    offset: Expr


@dataclass(slots=True)
class Elem:
    """An element segment. `init` has one constant expression per element.

    `form` is the flag field of the binary format (0–7) where the module was decoded, None where the encoder may
    choose the shortest; it keeps bytes stable over a round trip and means nothing.
    """

    type: RefType
    init: list[Expr]
    mode: Passive | Declarative | Active
    at: int = field(default=0, compare=False)
    form: int | None = field(default=None, compare=False)


@dataclass(slots=True)
class Data:
    init: bytes
    mode: Passive | Active
    at: int = field(default=0, compare=False)


@dataclass(slots=True)
class Import:
    module: str
    name: str
    type: ExternType
    at: int = field(default=0, compare=False)


@dataclass(slots=True)
class Export:
    name: str
    kind: ExternKind
    index: int
    at: int = field(default=0, compare=False)


@dataclass(slots=True)
class Custom:
    """A custom section. `after` is the id of the known section it follows (0: it stands first)."""

    name: str
    data: bytes
    after: int = 0
    at: int = field(default=0, compare=False)


@dataclass(slots=True)
class Names:
    """What the name section (appendix A.4, with the extended subsections) says, by index space."""

    module: str | None = None
    funcs: dict[int, str] = field(default_factory=dict)
    locals: dict[int, dict[int, str]] = field(default_factory=dict)
    labels: dict[int, dict[int, str]] = field(default_factory=dict)
    types: dict[int, str] = field(default_factory=dict)
    tables: dict[int, str] = field(default_factory=dict)
    mems: dict[int, str] = field(default_factory=dict)
    globals: dict[int, str] = field(default_factory=dict)
    elems: dict[int, str] = field(default_factory=dict)
    datas: dict[int, str] = field(default_factory=dict)
    fields: dict[int, dict[int, str]] = field(default_factory=dict)
    tags: dict[int, str] = field(default_factory=dict)

    def empty(self) -> bool:
        return self == Names()


class Source:
    """The text that a module was parsed from, to turn character offsets into lines and columns."""

    __slots__ = ("_starts", "name", "text")

    def __init__(self, text: str, name: str = "<text>") -> None:
        self.text = text
        self.name = name
        self._starts: list[int] | None = None

    def position(self, at: int) -> tuple[int, int]:
        """Line and column of character `at`, both from 1."""
        if self._starts is None:
            starts = [0]
            find = self.text.find
            end = find("\n")
            while end >= 0:
                starts.append(end + 1)
                end = find("\n", end + 1)
            self._starts = starts
        line = bisect_right(self._starts, at)
        return line, at - self._starts[line - 1] + 1


@dataclass(slots=True)
class Module:
    """A module. Lists `funcs`, `tables`, `mems`, `tags`, `globals` hold definitions only; imports come before them
    in each index space. `source` is set for a module that was parsed; `binary` for one that was decoded."""

    types: list[RecType] = field(default_factory=list)
    imports: list[Import] = field(default_factory=list)
    funcs: list[Func] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    mems: list[Memory] = field(default_factory=list)
    tags: list[Tag] = field(default_factory=list)
    globals: list[Global] = field(default_factory=list)
    exports: list[Export] = field(default_factory=list)
    start: int | None = None
    elems: list[Elem] = field(default_factory=list)
    datas: list[Data] = field(default_factory=list)
    # The data count section's number; None where the section is absent. The encoder writes one where the code needs
    # it.
    data_count: int | None = field(default=None, compare=False)
    customs: list[Custom] = field(default_factory=list)
    names: Names = field(default_factory=Names)
    source: Source | None = field(default=None, compare=False, repr=False)
    binary: bytes | None = field(default=None, compare=False, repr=False)
    start_at: int = field(default=0, compare=False)

    def locate(self, error: PlacedError, at: int) -> None:
        """Give `error` the place of `at`, a position in this module's binary or text form."""
        if self.source is not None:
            error.line, error.column = self.source.position(at)
        elif self.binary is not None:
            error.offset = at

    def imported(self, kind: ExternKind) -> list[Import]:
        """The imports of one kind, in order: the first indices of that kind's index space."""
        from refsfi.syntax.types import kind_of

        return [i for i in self.imports if kind_of(i.type) is kind]
