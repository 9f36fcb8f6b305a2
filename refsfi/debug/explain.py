"""The explanation of a trap: what the instruction needed, what it got, and where that came from.

It is made from the frames that a `PostMortem` has kept. Without one, what the trap itself says is explained. The
result is plain data; `lines` writes it for people, `to_json` for programs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from refsfi.debug.dwarf import SourceVariable
from refsfi.debug.facts import Fact, facts
from refsfi.debug.flow import Flow, Origin
from refsfi.debug.meaning import meaning
from refsfi.debug.rules import rules_of
from refsfi.debug.symbols import variables_of
from refsfi.errors import SPEC_TEXT, Frame, GuestException, Trap, TrapCode
from refsfi.exec.postmortem import MISSING, Activation, PostMortem
from refsfi.observe.listing import Lister
from refsfi.observe.operands import OperandTypes
from refsfi.runtime.show import show_value
from refsfi.syntax.module import Instr
from refsfi.syntax.opcodes import OPS
from refsfi.syntax.types import I32, I64, ValType

__all__ = ["Explanation", "Operand", "explain"]


@dataclass(frozen=True, slots=True)
class Operand:
    """What the instruction took. `value` is None where it is not known any more."""

    type: str
    value: str | None
    origin: Origin


@dataclass(frozen=True, slots=True)
class Explanation:
    """`instruction` is None for a trap without a frame. `calls` are lines about what was asked of the host before, as
    the embedder logs it, the last one last."""

    instruction: str | None
    frame: Frame | None
    detail: str | None
    facts: tuple[Fact, ...]
    operands: tuple[Operand, ...]
    variables: tuple[SourceVariable, ...]
    meaning: str | None
    rules: tuple[str, ...]
    calls: tuple[str, ...]

    def lines(self, place: Callable[[Frame, int], str]) -> list[str]:
        """For people, 80 columns wide where names allow. `place` says where an instruction of the frame's function
        is."""
        rows: list[tuple[str, str]] = []
        if self.instruction is not None and self.frame is not None:
            rows.append(("instruction", self.instruction))
            name = "" if self.frame.func_name is None else f" (${self.frame.func_name})"
            at = place(self.frame, self.frame.instr)
            where = f"instruction {self.frame.instr} of func {self.frame.func_index}{name}"
            rows.append(("place", f"{where}, {at}" if at else where))
        if self.detail is not None:
            rows.append(("detail", self.detail))
        rows += ((fact.label, fact.text) for fact in self.facts)
        for operand in self.operands:
            value = "not known" if operand.value is None else operand.value
            rows.append(("operand", f"{value} ({operand.type}), made by"))
            if self.frame is not None:
                rows += (("", line) for line in _tree(operand.origin, 1, self.frame, place))
        for number, variable in enumerate(self.variables):
            value = "optimized away" if variable.value is None else variable.value
            rows.append(("" if number else "variables", f"{variable.name} = {value} ({variable.type})"))
        if self.meaning is not None:
            rows += (("meaning" if i == 0 else "", line) for i, line in enumerate(self.meaning.split("\n")))
        if self.rules:
            rows += (("rule" if i == 0 else "", rule) for i, rule in enumerate(self.rules))
        rows += (("host calls" if i == 0 else "", call) for i, call in enumerate(self.calls))
        return [f"{label:>11}{':' if label else ' '} {text}" for label, text in rows]

    def to_json(self, place: Callable[[Frame, int], str]) -> dict[str, Any]:
        """For programs; everything is a string, a number, a list or an object."""
        frame = self.frame
        return {
            "instruction": self.instruction,
            "facts": [{"label": fact.label, "text": fact.text, **dict(fact.numbers)} for fact in self.facts],
            "operands": [
                {
                    "type": operand.type,
                    "value": operand.value,
                    "origin": None if frame is None else _json(operand.origin, frame, place),
                }
                for operand in self.operands
            ],
            "variables": [
                {"name": variable.name, "type": variable.type, "value": variable.value, "kind": variable.kind}
                for variable in self.variables
            ],
            "meaning": None if self.meaning is None else self.meaning.replace("\n", " "),
            "rules": list(self.rules),
            "host_calls": list(self.calls),
        }


def explain(error: Trap | GuestException, witness: PostMortem | None = None, calls: Sequence[str] = ()) -> Explanation:
    """Of a trap or an exception that nobody caught; `witness` was the store's when it happened."""
    frame = error.frames[0] if error.frames else None
    activations = list(witness.activations()) if witness is not None and witness.error is error else []
    detail = None
    if isinstance(error, Trap) and error.message not in (error.report, SPEC_TEXT[error.code]):
        detail = error.message
    if frame is None or frame.code is None:
        return Explanation(None, frame, detail, (), (), (), meaning(error), (), tuple(calls))
    module = frame.code.program.module
    lister = Lister(module)
    types = OperandTypes(module)
    instr = module.funcs[frame.code.index].body[frame.instr]
    operands: tuple[Operand, ...] = ()
    found: list[Fact] = facts(error, instr, frame, activations, types)
    if _looks_at_operands(error) and activations:
        operands = _operands(activations[0], types, lister)
    return Explanation(
        lister.line(frame.code.index, frame.instr),
        frame,
        detail,
        tuple(found),
        operands,
        tuple(variables_of(activations[0])) if activations else (),
        meaning(error),
        _rules(error, instr),
        tuple(calls),
    )


def _looks_at_operands(error: Trap | GuestException) -> bool:
    return not isinstance(error, Trap) or error.code not in (
        TrapCode.STACK_OVERFLOW,
        TrapCode.OUT_OF_FUEL,
        TrapCode.INTERRUPT,
    )


def _operands(activation: Activation, types: OperandTypes, lister: Lister) -> tuple[Operand, ...]:
    code, pc = activation.code, activation.pc
    taken = types.of(code.index)[pc]
    if not taken:
        return ()
    values = activation.taken(taken)
    origins = Flow(code, types, lister).operands(pc)
    return tuple(
        Operand(str(type), None if value is MISSING else _shown(value, type), origin)
        for type, value, origin in zip(taken, values, origins, strict=True)
    )


def _shown(value: Any, type: ValType) -> str:
    """Integers that may be addresses in both bases."""
    text = show_value(value, type)
    return f"{text} = {value:#x}" if type in (I32, I64) and value > 255 else text


# How the names of the rules end that say when an instruction traps.
_ENDINGS: Final[dict[TrapCode, tuple[str, ...]]] = {
    TrapCode.MEMORY_OUT_OF_BOUNDS: ("oob",),
    TrapCode.TABLE_OUT_OF_BOUNDS: ("oob", "call_indirect"),
    TrapCode.ARRAY_OUT_OF_BOUNDS: ("oob", "oob1", "oob2"),
    TrapCode.NULL_REFERENCE: ("null", "null1", "null2"),
    TrapCode.CAST_FAILURE: ("fail",),
}


def _rules(error: Trap | GuestException, instr: Instr) -> tuple[str, ...]:
    names = rules_of(instr.op)
    endings = _ENDINGS.get(error.code, ("trap",)) if isinstance(error, Trap) else ("instrs",)
    if not names and endings == ("trap",):
        # Numeric instructions share what executes them.
        return (f"Step_pure/{instr.op.rule}-trap",)
    # What executes it may execute other families as well.
    family = [name for name in names if _family(name) == instr.op.rule] or list(names)
    return tuple([name for name in family if name.endswith(endings)] or family)


_FAMILIES: Final = sorted({op.rule for op in OPS}, key=len, reverse=True)


def _family(rule: str) -> str | None:
    """The family of the opcode table that a rule's name begins with."""
    stem = rule.partition("/")[2]
    return next((family for family in _FAMILIES if stem == family or stem.startswith(f"{family}-")), None)


# --- origins ---------------------------------------------------------------------------------------------------------


def _tree(origin: Origin, depth: int, frame: Frame, place: Callable[[Frame, int], str]) -> list[str]:
    at = "" if origin.pc is None else place(frame, origin.pc)
    text = origin.text if origin.kind != "more" or origin.pc is None else f"{origin.text} …"
    lines = [f"{'  ' * depth}{text}{f', {at}' if at else ''}"]
    for source in origin.sources:
        lines += _tree(source, depth + 1, frame, place)
    return lines


def _json(origin: Origin, frame: Frame, place: Callable[[Frame, int], str]) -> dict[str, Any]:
    return {
        "kind": origin.kind,
        "text": origin.text,
        "instr": origin.pc,
        "place": None if origin.pc is None else place(frame, origin.pc),
        "sources": [_json(source, frame, place) for source in origin.sources],
    }
