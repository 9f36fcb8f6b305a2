"""Traps and uncaught guest exceptions as the embedder sees them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

from refsfi import errors as core
from refsfi.api.errors import ExitTrap, WasmtimeError, refused
from refsfi.api.managed import Managed
from refsfi.errors import GuestException, GuestExit, MemoryFault, TrapCode, WasmError
from refsfi.exec.machine import backtrace
from refsfi.host.unknown import UnknownImport
from refsfi.runtime.backtrace import Locator, backtrace_lines
from refsfi.runtime.store import FuncInst
from refsfi.syntax.module import Instr, MemArg
from refsfi.syntax.types import I32, MemType

if TYPE_CHECKING:
    from refsfi.api.context import Context
    from refsfi.api.tag import Tag
    from refsfi.debug.dwarf import SourceFrame

__all__ = ["Frame", "Trap", "TrapCode", "UncaughtException", "report_below", "surface"]

# Offsets up to here are covered by wasmtime's guard region: an access beyond memory faults there, and its report has
# the address. Others, and those of whole regions, are refused by a comparison that keeps no address.
_GUARD = 32 << 20


class Frame(Managed):
    """One activation of a backtrace. Offsets are of the faulting or the calling instruction, in bytes: `module_offset`
    from the start of the file, `func_offset` from the start of the function's body."""

    def __init__(self, frame: core.Frame) -> None:
        self._frame = frame

    @property
    def func_index(self) -> int:
        self._check_open()
        return self._frame.func_index

    @property
    def func_name(self) -> str | None:
        """From the name section, None where it says nothing."""
        self._check_open()
        return self._frame.func_name

    @property
    def module_name(self) -> str | None:
        """Likewise."""
        self._check_open()
        return self._frame.module_name

    @property
    def module_offset(self) -> int | None:
        self._check_open()
        return self._frame.module_offset

    @property
    def func_offset(self) -> int | None:
        self._check_open()
        return self._frame.func_offset

    @property
    def instruction(self) -> str:
        """The faulting or calling instruction, by its mnemonic."""
        instr = _instr(self._frame)
        return "" if instr is None else instr.op.mnemonic

    @property
    def source_frames(self) -> list[SourceFrame]:
        """The place in the source, by the module's debug information (DWARF): the functions that are inlined there,
        innermost first, and at last the frame's own. Each has `function`, `file`, `line`, `column` and `inlined`.
        Empty where the module does not say."""
        self._check_open()
        return _source_frames(self._frame)


class Trap(Exception, Managed):
    """The guest did what the rules forbid, or used up what its host allows. Host functions may raise it, too.

    `str(trap)` is the backtrace and the cause, letter by letter as wasmtime has it.
    """

    def __init__(self, message: str) -> None:
        if not isinstance(message, str):
            raise AttributeError(f"a trap's message must be a str, not {message!r}")
        super().__init__(message)
        self._cause: core.Trap | GuestException | None = None

    @classmethod
    def _of(cls, cause: core.Trap | GuestException) -> Trap:
        made = cls.__new__(cls)
        made._cause = cause
        return made

    @property
    def message(self) -> str:
        """The same text as `str(trap)`."""
        self._check_open()
        cause = self._cause
        if cause is None:
            return str(self.args[0])
        return _report(cause.frames, _causes(cause))

    @property
    def frames(self) -> list[Frame]:
        """Innermost first, at most 20, across calls of the host; empty for a trap that a host function raised."""
        self._check_open()
        return [] if self._cause is None else [Frame(frame) for frame in self._cause.frames]

    @property
    def trap_code(self) -> TrapCode | None:
        """None for a trap that a host function raised, and for an uncaught exception."""
        self._check_open()
        return self._cause.code if isinstance(self._cause, core.Trap) else None

    @property
    def memory_fault(self) -> MemoryFault | None:
        """Address and size (bytes) of a refused memory access: `.address` is the effective address, `.size` the
        memory's size then."""
        self._check_open()
        return self._cause.fault if isinstance(self._cause, core.Trap) else None

    def __str__(self) -> str:
        return self.message

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.message!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (Trap, (self.message,))


class UncaughtException(Trap):
    """A guest exception that no handler of the guest caught. Raised again by a host function, it goes on through the
    guest that called that function, which may catch it."""

    _context: Context
    _cause: GuestException

    @property
    def exception(self) -> Any:
        """The exception as an opaque reference, which a parameter of type exnref takes."""
        from refsfi.api.refs import Ref

        return Ref(self._context, self._cause.exception)

    @property
    def tag(self) -> Tag:
        from refsfi.api.tag import Tag

        return Tag._of(self._context, self._cause.exception.tag)

    @property
    def values(self) -> list[Any]:
        """What was thrown with it."""
        from refsfi.api.convert import signature

        exception = self._cause.exception
        from_params = signature(exception.tag.type).from_params
        return [convert(value, self._context) for convert, value in zip(from_params, exception.fields)]


def surface(error: WasmError | GuestExit, context: Context, func: Any = None) -> NoReturn:
    """Raise the embedder's error for what came out of the core; `func` is what was called."""
    made = _embedders(error, context, func)
    try:
        raise made from made.__cause__ or error.__cause__
    finally:
        # Else it would, by its traceback, refer to itself, and with it the store would wait for garbage collection.
        del made


def _embedders(error: WasmError | GuestExit, context: Context, func: Any) -> Exception:
    if isinstance(error, core.Trap):
        if not error.frames:
            error.frames = _outer_frames(context, func)
        if error is context.stop:
            context.settle()
        if isinstance(error, UnknownImport) or _is_hosts(error):
            return WasmtimeError(_report(error.frames, [error.message]))
        return Trap._of(error)
    if isinstance(error, GuestException):
        uncaught = UncaughtException._of(error)
        uncaught._context = context  # type: ignore[attr-defined]
        return uncaught
    if isinstance(error, GuestExit):
        return _exit_trap(error)
    # A body that was read only now.
    return refused(error)


def _is_hosts(error: core.Trap) -> bool:
    """Whether it was a host function that found no memory to work on, and said so in words of its own."""
    code = TrapCode.MEMORY_OUT_OF_BOUNDS
    own = error.code is code and error.fault is None and error.message != core.SPEC_TEXT[code]
    return own and not isinstance(error, core.Exhaustion)


def _outer_frames(context: Context, func: Any) -> list[core.Frame]:
    """The backtrace of a trap in the moment of a call, before there was a frame: of the function's beginning."""
    frames = [_beginning(func)] if isinstance(func, FuncInst) else []
    return [*frames, *backtrace(context.frame, context.limits.backtrace - len(frames))]


def _beginning(func: FuncInst) -> core.Frame:
    """The frame of a function before its first instruction."""
    first = func.code.trace_frame(0)
    if first.module_offset is None or first.func_offset is None:
        return first
    return replace(first, module_offset=first.module_offset - first.func_offset, func_offset=0)


def _exit_trap(error: GuestExit) -> ExitTrap:
    trap = ExitTrap(_report(error.frames, [f"Exited with i32 exit status {error.code}"]))
    trap.code = error.code
    return trap


# --- text ------------------------------------------------------------------------------------------------------------


def _report(frames: Sequence[core.Frame], causes: Sequence[str]) -> str:
    """The backtrace, and below it the causes from the outermost to the innermost, numbered where there are several."""
    if not frames:
        return causes[-1]
    return _report_causes("\n".join(_backtrace(frames)), causes)


def _source_frames(frame: core.Frame) -> list[SourceFrame]:
    # Few programs look at the source of their guests.
    from refsfi.debug.symbols import source_frames

    return source_frames(frame)


def _backtrace(frames: Sequence[core.Frame]) -> list[str]:
    """With places in the source where the environment asks for them, by the name that wasmtime's users know."""
    details = os.environ.get("WASMTIME_BACKTRACE_DETAILS") == "1"
    return backtrace_lines(frames, Locator(_source_frames if details else None))


def _report_causes(head: str, causes: Sequence[str]) -> str:
    if len(causes) == 1:
        lines = [f"    {causes[0]}"]
    else:
        lines = [f"    {i}: {cause}" for i, cause in enumerate(causes)]
    return "\n".join([head, "", "Caused by:", *lines]) + "\n"


def report_below(doing: str, trap: Trap) -> str:
    """The report of a trap beneath a line that says what was being done."""
    causes = [trap.message]
    if trap._cause is not None:
        causes = ["\n".join(_backtrace(trap._cause.frames)), *_causes(trap._cause)]
    return _report_causes(doing, [cause for cause in causes if cause])


def _causes(cause: core.Trap | GuestException) -> list[str]:
    if isinstance(cause, GuestException):
        return ["thrown Wasm exception"]
    text = f"wasm trap: {cause.report}"
    fault = cause.fault
    if fault is None or not cause.frames or not _faults(cause.frames[0]):
        return [text]
    # What faults is the first byte that lies outside.
    address = max(fault.address, fault.size)
    return [f"memory fault at wasm address {address:#x} in linear memory of size {fault.size:#x}", text]


def _instr(frame: core.Frame) -> Instr | None:
    if frame.code is None:
        return None
    body: list[Instr] = frame.code.program.module.funcs[frame.code.index].body
    return body[frame.instr]


def _faults(frame: core.Frame) -> bool:
    """Whether wasmtime leaves an access beyond memory at this place to the guard region."""
    instr = _instr(frame)
    if instr is None or not instr.args or not isinstance(instr.args[0], MemArg):
        return False
    arg = instr.args[0]
    type: MemType = frame.code.program.info.mems[arg.mem]
    return type.addr is I32 and type.page_size_log2 == 16 and arg.offset < _GUARD
