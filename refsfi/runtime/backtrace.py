"""A backtrace as text, in the form that wasmtime's users know."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from refsfi.errors import Frame
from refsfi.syntax.module import Module

__all__ = ["Locator", "Symbol", "Symbolize", "backtrace_lines"]


class Symbol(Protocol):
    """A function at a place in its source, as `debug.dwarf` finds it; its text is `file:line:column`."""

    @property
    def function(self) -> str | None: ...

    @property
    def file(self) -> str | None: ...


# The functions that a frame stands in, innermost first, where some are inlined; empty where nothing is known.
Symbolize: TypeAlias = Callable[[Frame], Sequence[Symbol]]


class Locator:
    """Tells where frames are, in the file and in the source. Keeps what it has worked out, for a whole backtrace.

    `symbolize` looks into the debug information of modules; without it only modules that came from text have a source.
    """

    def __init__(self, symbolize: Symbolize | None = None) -> None:
        self._symbolize = symbolize
        self._binaries: dict[int, Module | None] = {}

    def offsets(self, frame: Frame) -> tuple[int, int] | None:
        """The offset of the frame's instruction from the start of the file and from the start of the function's body.

        For a module that came from text, in the binary that stands for it. None for a frame that knows no module.
        """
        if frame.module_offset is not None and frame.func_offset is not None:
            return frame.module_offset, frame.func_offset
        if frame.code is None:
            return None
        binary = self._binary(frame.code.program.module)
        if binary is None:
            return None
        func = binary.funcs[frame.code.index]
        at = func.body[frame.instr].at
        return at, at - func.at

    def source(self, frame: Frame) -> str | None:
        """`name:line:column` for a module that came from text, else None."""
        if frame.code is None:
            return None
        module: Module = frame.code.program.module
        if module.source is None:
            return None
        line, column = module.source.position(module.funcs[frame.code.index].body[frame.instr].at)
        return f"{module.source.name}:{line}:{column}"

    def symbols(self, frame: Frame) -> Sequence[Symbol]:
        """What the debug information says about a frame."""
        return () if self._symbolize is None else self._symbolize(frame)

    def _binary(self, module: Module) -> Module | None:
        key = id(module)
        if key not in self._binaries:
            from refsfi.binary.decode import decode
            from refsfi.binary.encode import encode
            from refsfi.syntax.features import ALL

            try:
                self._binaries[key] = decode(encode(module), ALL)
            except ValueError:
                self._binaries[key] = None
        return self._binaries[key]


def backtrace_lines(frames: Sequence[Frame], locator: Locator | None = None) -> list[str]:
    """A heading and a line for each frame, innermost first, and one for its place in the source where that is known;
    nothing without frames."""
    if not frames:
        return []
    locator = locator or Locator()
    lines = ["error while executing at wasm backtrace:"]
    for i, frame in enumerate(frames):
        offsets = locator.offsets(frame)
        head = f"  {i:>3}: {'' if offsets is None else f'{offsets[0]:#8x} - '}"
        symbols = locator.symbols(frame)
        for symbol in symbols:
            lines.append(f"{head}{symbol.function or _name(frame)}")
            head = f"{'- ':>18}"
            if symbol.file is not None:
                lines.append(f"{'at':>22} {symbol}")
        if not symbols:
            lines.append(f"{head}{_name(frame)}")
            source = locator.source(frame)
            if source is not None:
                lines.append(f"{'at':>22} {source}")
    return lines


def _name(frame: Frame) -> str:
    module = "<unknown>" if frame.module_name is None else frame.module_name
    return f"{module}!{f'<wasm function {frame.func_index}>' if frame.func_name is None else frame.func_name}"
