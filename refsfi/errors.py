"""Every way in which refsfi refuses or stops, one class per phase.

A phase raises its own class and no other, so that a caller (the script runner, a command, an embedder) knows from the
class alone how far the module came:

    DecodeError      binary format, chapter 5: the bytes are no module          (malformed)
    ParseError       text format, chapter 6: the text is no module              (malformed)
    ValidationError  validation, chapter 3: the module is not well-typed         (invalid)
    LinkError        instantiation, chapter 4.7: an import is missing or wrong   (unlinkable)
    Trap             execution, chapter 4.6: the guest did what the rules forbid
    Exhaustion       execution: the guest used up something the host limits
    GuestException   execution: a guest exception that no handler of the guest caught
    GuestExit        execution: the guest ended itself
    Crash            impossible in validated code: a defect of refsfi itself
    Divergence       the same: compiled code and the interpreter do not agree

`Trap` is also the class of a trap's *report*: code, text, backtrace and, for memory faults, the address.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

__all__ = [
    "Crash",
    "DecodeError",
    "Divergence",
    "Exhaustion",
    "Frame",
    "GuestException",
    "GuestExit",
    "LimitError",
    "LinkError",
    "MalformedError",
    "MemoryFault",
    "ParseError",
    "PlacedError",
    "Trap",
    "TrapCode",
    "ValidationError",
    "WasmError",
]


class WasmError(Exception):
    """Base of everything refsfi raises about a module or its execution.

    `late_in` is the function (`exec.code.FuncCode`) whose body turned out to be malformed or invalid only when it was
    first called, in a module loaded lazily; else None.
    """

    late_in: Any = None


class MalformedError(WasmError):
    """The input is no module at all; `DecodeError` and `ParseError` say of which format."""


class DecodeError(MalformedError):
    """The bytes do not follow the binary grammar. `offset` counts bytes from the start of the module."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset

    def __str__(self) -> str:
        return f"{self.message} (at offset 0x{self.offset:x})"


class ParseError(MalformedError):
    """The text does not follow the text grammar. `line` and `column` count from 1, columns in characters."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column

    def __str__(self) -> str:
        return f"{self.line}:{self.column}: {self.message}"


class PlacedError(WasmError):
    """What validation says about a module, and where.

    `offset` is where the offending construct lies: a file offset for a binary module, None where none is known.
    `where` names the enclosing definition for people, as in `func 3 ($name), instruction 17 (i32.add)`. `line` and
    `column` are set instead of `offset` for a module that came from text.
    """

    def __init__(
        self,
        message: str,
        offset: int | None = None,
        where: str = "",
        line: int | None = None,
        column: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.where = where
        self.line = line
        self.column = column

    def __str__(self) -> str:
        text = self.message
        if self.where:
            text += f", in {self.where}"
        if self.line is not None:
            return f"{self.line}:{self.column}: {text}"
        if self.offset is not None:
            text += f" (at offset 0x{self.offset:x})"
        return text


class ValidationError(PlacedError):
    """The module is well-formed but not valid."""


class LimitError(PlacedError):
    """The module is legal but asks for more than this implementation allows (specification, appendix A.2). Instances
    that cannot be made for want of room have no place in the module."""


class LinkError(WasmError):
    """An import is missing or does not match. The message begins with the specification's words."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Crash(Exception):
    """A defect of refsfi: a state that validated code cannot reach. Never caught and turned into a trap."""


class Divergence(Crash):
    """Compiled code and the interpreter, run side by side, do not agree."""


class TrapCode(IntEnum):
    """What kind of trap it was. Numbers and names are those that embedders of Wasm in C and Python already know."""

    STACK_OVERFLOW = 0
    MEMORY_OUT_OF_BOUNDS = 1
    HEAP_MISALIGNED = 2
    TABLE_OUT_OF_BOUNDS = 3
    INDIRECT_CALL_TO_NULL = 4
    BAD_SIGNATURE = 5
    INTEGER_OVERFLOW = 6
    INTEGER_DIVISION_BY_ZERO = 7
    BAD_CONVERSION_TO_INTEGER = 8
    UNREACHABLE = 9
    INTERRUPT = 10
    OUT_OF_FUEL = 11
    ATOMIC_WAIT_NON_SHARED_MEMORY = 12
    NULL_REFERENCE = 13
    ARRAY_OUT_OF_BOUNDS = 14
    ALLOCATION_TOO_LARGE = 15
    CAST_FAILURE = 16


# The words of the specification's own test suite for each code; an instruction may raise with more specific ones.
SPEC_TEXT: dict[TrapCode, str] = {
    TrapCode.STACK_OVERFLOW: "call stack exhausted",
    TrapCode.MEMORY_OUT_OF_BOUNDS: "out of bounds memory access",
    TrapCode.HEAP_MISALIGNED: "unaligned atomic",
    TrapCode.TABLE_OUT_OF_BOUNDS: "out of bounds table access",
    TrapCode.INDIRECT_CALL_TO_NULL: "uninitialized element",
    TrapCode.BAD_SIGNATURE: "indirect call type mismatch",
    TrapCode.INTEGER_OVERFLOW: "integer overflow",
    TrapCode.INTEGER_DIVISION_BY_ZERO: "integer divide by zero",
    TrapCode.BAD_CONVERSION_TO_INTEGER: "invalid conversion to integer",
    TrapCode.UNREACHABLE: "unreachable",
    TrapCode.INTERRUPT: "interrupt",
    TrapCode.OUT_OF_FUEL: "all fuel consumed by WebAssembly",
    TrapCode.ATOMIC_WAIT_NON_SHARED_MEMORY: "expected shared memory",
    TrapCode.NULL_REFERENCE: "null reference",
    TrapCode.ARRAY_OUT_OF_BOUNDS: "out of bounds array access",
    TrapCode.ALLOCATION_TOO_LARGE: "allocation size too large",
    TrapCode.CAST_FAILURE: "cast failure",
}

# What follows `wasm trap: ` in a report, where embedders expect other words than the specification's.
REPORT_TEXT: dict[TrapCode, str] = {
    **SPEC_TEXT,
    TrapCode.UNREACHABLE: "wasm `unreachable` instruction executed",
    TrapCode.TABLE_OUT_OF_BOUNDS: "undefined element: out of bounds table access",
    TrapCode.ATOMIC_WAIT_NON_SHARED_MEMORY: "atomic wait on non-shared memory",
}


@dataclass(frozen=True, slots=True)
class Frame:
    """One activation in a backtrace, innermost first; offsets are of the faulting or the calling instruction.

    `module_offset` counts bytes from the start of the file, `func_offset` from the start of the function's body;
    both are None for a module that never had a binary form. `instr` is the instruction's index in the function. `code`
    is the function itself (`exec.code.FuncCode`), for whoever looks further: source lines, instructions, debug
    information.
    """

    func_index: int
    func_name: str | None
    module_name: str | None
    module_offset: int | None
    func_offset: int | None
    instr: int
    code: Any = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class MemoryFault:
    """The effective address (bytes) of a refused memory access and the memory's size (bytes) at that moment."""

    address: int
    size: int


@dataclass(eq=False)
class Trap(WasmError):
    """Execution stopped. `code` says why, `message` in the specification's words; `frames` is filled in by the
    machine."""

    code: TrapCode
    message: str = ""
    fault: MemoryFault | None = None
    frames: list[Frame] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.message:
            self.message = SPEC_TEXT[self.code]

    def __str__(self) -> str:
        return self.message

    @property
    def report(self) -> str:
        """The text after `wasm trap: ` in a report, in the words that embedders expect."""
        return REPORT_TEXT[self.code]


class Exhaustion(Trap):
    """A trap that is the host's limit and not the guest's doing: stack, fuel, time, growth."""

    @property
    def report(self) -> str:
        """The words for the code, or others where they say more."""
        return REPORT_TEXT[self.code] if self.message == SPEC_TEXT[self.code] else self.message


class GuestException(WasmError):
    """A Wasm exception that reached the host. `exception` is the instance (`runtime.values.ExnInst`): tag and
    fields. `frames` is the backtrace of where it was thrown, innermost first, filled in by the machine."""

    def __init__(self, exception: Any) -> None:
        super().__init__("uncaught exception")
        self.exception = exception
        self.frames: list[Frame] = []


class GuestExit(Exception):
    """The guest ended itself with `code`, an unsigned 32-bit number. No failure and no trap; passes through the guest's
    frames without meeting a handler. `frames` is the backtrace, filled in by the machine."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exit with code {code}")
        self.code = code
        self.frames: list[Frame] = []
