"""How a trap, or an exception that nobody caught, is reported: `--trap=text|json|explain`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any, Final

from refsfi.debug.explain import Explanation, explain
from refsfi.debug.symbols import problems, source_frames
from refsfi.errors import Frame, GuestException, Trap
from refsfi.exec.postmortem import PostMortem
from refsfi.observe.listing import Lister
from refsfi.runtime.backtrace import Locator, backtrace_lines
from refsfi.runtime.show import show_value
from refsfi.runtime.store import Instance
from refsfi.runtime.values import ExnInst, func_type

__all__ = ["MODES", "Reporter"]

MODES: Final = ("text", "json", "explain")


class Reporter:
    """Writes the report of one failure. `symbolized`: with places in the source where the module has them. `witness`
    and `calls`, lines about calls of the host, are for `explain` and `json`."""

    def __init__(
        self, mode: str, symbolized: bool = True, witness: PostMortem | None = None, calls: Sequence[str] = ()
    ) -> None:
        self._mode = mode
        self._witness = witness
        self._calls = calls
        self._locator = Locator(source_frames if symbolized else None)

    def trap(self, trap: Trap, context: str) -> list[str]:
        """The lines of a report. `context` says what was being done."""
        if self._mode == "json":
            report: dict[str, Any] = {
                "code": int(trap.code),
                "name": trap.code.name,
                "message": trap.report,
                "detail": trap.message,
                "fault": None if trap.fault is None else {"address": trap.fault.address, "size": trap.fault.size},
            }
            return [self._json(report, trap)]
        lines = self._text(trap, context)
        if trap.fault is not None:
            address, size = trap.fault.address, trap.fault.size
            lines.append(f"memory fault at wasm address {address:#x} in linear memory of size {size:#x}")
        return [*lines, f"wasm trap: {trap.report}"]

    def exception(self, error: GuestException, context: str, instances: Sequence[Instance]) -> list[str]:
        """Likewise; `instances` are asked for the name of its tag."""
        exception: ExnInst = error.exception
        types = func_type(exception.tag.type).params
        tag = _tag_name(exception.tag, instances)
        values = [show_value(value, type) for value, type in zip(exception.fields, types, strict=True)]
        if self._mode == "json":
            report = {"exception": tag, "types": [str(type) for type in types], "values": values}
            return [self._json(report, error)]
        return [*self._text(error, context), f"wasm exception: not caught: {tag} ({', '.join(values)})"]

    def _text(self, error: Trap | GuestException, context: str) -> list[str]:
        lines = [f"error: {context}", *backtrace_lines(error.frames, self._locator)]
        if self._mode == "explain":
            lines += self._explain(error).lines(self._place)
        return [*(f"warning: {problem}" for problem in problems(error.frames)), *lines]

    def _json(self, report: dict[str, Any], error: Trap | GuestException) -> str:
        report["frames"] = [self._frame(frame) for frame in error.frames]
        report["explanation"] = self._explain(error).to_json(self._place)
        report["warnings"] = problems(error.frames)
        return json.dumps(report)

    def _explain(self, error: Trap | GuestException) -> Explanation:
        return explain(error, self._witness, self._calls)

    # --- places ---

    def _frame(self, frame: Frame) -> dict[str, Any]:
        offsets = self._locator.offsets(frame)
        symbols = self._locator.symbols(frame)
        return {
            "func_index": frame.func_index,
            "func_name": frame.func_name,
            "module_name": frame.module_name,
            "module_offset": None if offsets is None else offsets[0],
            "func_offset": None if offsets is None else offsets[1],
            "source": str(symbols[0]) if symbols else self._locator.source(frame),
            "symbols": [{"function": symbol.function, "source": str(symbol)} for symbol in symbols],
            "instr": frame.instr,
            "text": _instruction(frame),
        }

    def _place(self, frame: Frame, pc: int) -> str:
        """Where an instruction of a frame's function is: `at 0x1f3 (walk.c:8:3)`."""
        if frame.code is None:
            return ""
        here: Frame = frame.code.trace_frame(pc)
        offsets = self._locator.offsets(here)
        symbols = self._locator.symbols(here)
        source = str(symbols[0]) if symbols and symbols[0].file is not None else self._locator.source(here)
        parts = [] if offsets is None else [f"at {offsets[0]:#x}"]
        if source is not None:
            # The backtrace has whole paths.
            parts.append(f"({PurePosixPath(source).name})")
        return " ".join(parts)


def _instruction(frame: Frame) -> str | None:
    """The frame's instruction in the text format."""
    if frame.code is None:
        return None
    return Lister(frame.code.program.module).line(frame.code.index, frame.instr)


def _tag_name(tag: object, instances: Sequence[Instance]) -> str:
    for inst in instances:
        for index, candidate in enumerate(inst.tags):
            if candidate is tag:
                name = inst.program.module.names.tags.get(index)
                return f"tag {index}" if name is None else f"tag ${name}"
    return "a tag of the host"
