"""The trace monitor: what a guest does, instruction by instruction, as lines of text.

> $fac (5)                                    a call, indented by its depth, with the arguments
  $fac:1      0x4d  i64.eqz       ; 5         function and pc, position in the file, instruction, operands
      memory 0: load 4 bytes at 0x10 = 0x2a   what it reads or writes
< $fac = 120                                  a return, with the results

The position is the offset in a binary module, line and column in a text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum

from refsfi.errors import Crash, Trap
from refsfi.exec.code import FuncCode
from refsfi.observe.access import Access, accesses
from refsfi.observe.callees import CALLS, callee
from refsfi.observe.modules import Modules, ModuleView
from refsfi.observe.operands import operand_values
from refsfi.runtime.observer import Observer
from refsfi.runtime.show import show_value
from refsfi.runtime.store import Frame, HostFunc
from refsfi.runtime.values import Value, func_type
from refsfi.syntax.module import Instr
from refsfi.syntax.types import ValType

__all__ = ["Trace", "TraceKind"]


class TraceKind(StrEnum):
    """What a trace shows."""

    INSTR = "instr"  # each instruction
    OPERANDS = "operands"  # each instruction with the values it takes
    CALLS = "calls"  # calls and returns, the host's functions included
    MEMORY = "memory"  # loads and stores


# Deeper calls are no longer indented.
_MAX_INDENT = 40
_WIDTH = 48


class Trace(Observer):
    """Writes lines, without their ends, to `write`."""

    def __init__(self, kinds: Iterable[TraceKind], write: Callable[[str], None]) -> None:
        kinds = frozenset(kinds)
        self._instrs = not kinds.isdisjoint((TraceKind.INSTR, TraceKind.OPERANDS))
        self._operands = TraceKind.OPERANDS in kinds
        self._calls = TraceKind.CALLS in kinds
        self._memory = TraceKind.MEMORY in kinds
        self._write = write
        self._depth = 0
        self._modules = Modules()
        # A host function that has been called, and where its results will be.
        self._host: tuple[Frame, HostFunc, int] | None = None

    # --- hooks -------------------------------------------------------------------------------------------------------

    def before(self, frame: Frame, pc: int) -> None:
        self._host_returned(frame)
        code = _code(frame)
        view = self._modules.view(code.program)
        instr = code.program.module.funcs[code.index].body[pc]
        if self._instrs:
            self._instruction(frame, code, view, pc)
        if self._memory:
            for access in accesses(frame, pc, instr):
                self._line(f"    {_describe(access)}", view, code, pc)
        if self._calls and instr.op.mnemonic in CALLS:
            self._host_called(frame, code, view, pc, instr)

    def enter(self, frame: Frame) -> None:
        if self._calls:
            code = _code(frame)
            types = code.program.info.local_types[code.index][: code.nparams]
            self._emit(f"> {self._modules.view(code.program).func(code.func_index)} ({_show_all(frame.regs, types)})")
        self._depth += 1

    def leave(self, frame: Frame, results: Sequence[Value] | None) -> None:
        self._host_returned(frame)
        self._depth -= 1
        if self._calls:
            code = _code(frame)
            name = self._modules.view(code.program).func(code.func_index)
            if results is None:
                self._emit(f"< {name} left by a tail call or an exception")
            else:
                types = func_type(code.program.info.funcs[code.func_index]).results
                self._emit(f"< {name}{_results(results, types)}")

    def trap(self, frame: Frame, pc: int, trap: Trap) -> None:
        code = _code(frame)
        self._emit(f"trap in {self._modules.view(code.program).place(code, pc)}: {trap.report}")
        self._depth = 0
        self._host = None

    # --- lines -------------------------------------------------------------------------------------------------------

    def _emit(self, text: str) -> None:
        self._write("  " * min(self._depth, _MAX_INDENT) + text)

    def _instruction(self, frame: Frame, code: FuncCode, view: ModuleView, pc: int) -> None:
        text = f"{view.place(code, pc)}  {view.lister.line(code.index, pc)}"
        if self._operands:
            types = view.operands.of(code.index)[pc]
            if types:
                text = f"{text:<{_WIDTH}}  ; {_show_all(operand_values(frame, pc, len(types)), types)}"
        self._emit(text)

    def _line(self, text: str, view: ModuleView, code: FuncCode, pc: int) -> None:
        """A line about an instruction, which names its place unless the line above does."""
        self._emit(text if self._instrs else f"{view.place(code, pc)}  {text.lstrip()}")

    def _host_called(self, frame: Frame, code: FuncCode, view: ModuleView, pc: int, instr: Instr) -> None:
        types = view.operands.of(code.index)[pc]
        func = callee(frame, pc, instr)
        if not isinstance(func, HostFunc):
            return
        operands = operand_values(frame, pc, len(types))
        params = func_type(func.type).params
        self._emit(f"> host {func.name or 'function'} ({_show_all(operands, params)})")
        if instr.op.mnemonic.startswith("call"):
            height = code.side.heights[pc] - len(types)
            self._host = (frame, func, code.nlocals + height)

    def _host_returned(self, frame: Frame) -> None:
        if self._host is None or self._host[0] is not frame:
            return
        _, func, first = self._host
        self._host = None
        types = func_type(func.type).results
        self._emit(f"< host {func.name or 'function'}{_results(frame.regs[first : first + len(types)], types)}")


def _code(frame: Frame) -> FuncCode:
    if frame.code is None:
        raise Crash("an entry frame is not observed")
    return frame.code


def _show_all(values: Sequence[Value], types: Sequence[ValType]) -> str:
    # There may be more registers than parameters.
    return ", ".join(show_value(value, type) for value, type in zip(values, types, strict=False))


def _results(values: Sequence[Value], types: Sequence[ValType]) -> str:
    return f" = {_show_all(values, types)}" if types else ""


def _describe(access: Access) -> str:
    unit = "byte" if access.size == 1 else "bytes"
    text = f"memory {access.memory}: {access.kind} {access.size} {unit} at 0x{access.address:x}"
    if access.data is None:
        return text
    if len(access.data) > 8:
        return f"{text} = {access.data.hex(' ')}"
    return f"{text} = 0x{int.from_bytes(access.data, 'little'):0{2 * access.size}x}"
