"""A backtrace as text, in the form that wasmtime's users know."""

from __future__ import annotations

from collections.abc import Sequence

from refsfi.errors import Frame
from refsfi.syntax.module import Module

__all__ = ["Locator", "backtrace_lines"]


class Locator:
    """Tells where frames are, in the file and in the source. Keeps what it has worked out, for a whole backtrace."""

    def __init__(self) -> None:
        self._binaries: dict[int, Module | None] = {}

    def offsets(self, frame: Frame) -> tuple[int, int] | None:
        """The instruction's offset from the start of the file and from the start of the function's body.

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
        module = "<unknown>" if frame.module_name is None else frame.module_name
        func = f"<wasm function {frame.func_index}>" if frame.func_name is None else frame.func_name
        offsets = locator.offsets(frame)
        lines.append(f"  {i:>3}: {'' if offsets is None else f'{offsets[0]:#8x} - '}{module}!{func}")
        source = locator.source(frame)
        if source is not None:
            lines.append(f"{'at':>22} {source}")
    return lines
