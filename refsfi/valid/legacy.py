"""Rules of the legacy exception instructions (the exception-handling proposal's third phase, kept as `legacy` by its
authors).

`try` is a block with parts: its body, then a part for each `catch` with the exception's fields on the stack, and
perhaps one for `catch_all`. Or it has no further part and ends with `delegate` instead of `end`.
"""

from __future__ import annotations

from refsfi.errors import ValidationError
from refsfi.syntax.module import Instr
from refsfi.syntax.types import ValType
from refsfi.valid.checker import Checker, HandlerDraft, Rule
from refsfi.valid.control import block_type, close_handler
from refsfi.valid.limits import MAX_CATCHES, check_limit
from refsfi.valid.sidetable import Branch

__all__ = ["RULES"]


def try_(c: Checker, instr: Instr) -> None:
    """Opens the body, where the handler is active. Its clauses are added as they come."""
    params, results = block_type(c.context, instr.args[0])
    c.pops(params)
    draft = HandlerDraft(c.pc + 1, c.frame.handler)
    frame = c.enter("try", params, results)
    frame.draft = draft
    frame.handler = len(c.handlers)
    c.handlers.append(draft)


def catch(c: Checker, instr: Instr) -> None:
    """Opens the part that handles one tag."""
    _clause(c, "catch", instr.args[0], c.context.tag_params(instr.args[0]))


def catch_all(c: Checker, instr: Instr) -> None:
    """Opens the part that handles every other exception."""
    _clause(c, "catch_all", None, ())


def _clause(c: Checker, kind: str, tag: int | None, fields: tuple[ValType, ...]) -> None:
    frame = c.frame
    draft = frame.draft
    if draft is None or (frame.kind != "try" and frame.kind != "catch"):
        raise ValidationError(f"unexpected {kind}: no try that could have it is open")
    c.finish_part()
    if frame.kind == "try":
        close_handler(c, frame)
        frame.handler = draft.parent
        frame.slot = frame.slots
        frame.slots += 1
        c.exn_slots = max(c.exn_slots, frame.slots)
    pc = c.pc
    check_limit(len(draft.catches) + 1, MAX_CATCHES, "catch clauses")
    draft.catches.append((tag, False, Branch(pc + 1, len(fields), frame.base), frame.slot))
    c.branches[pc] = frame
    c.next_part(kind, fields)


def rethrow(c: Checker, instr: Instr) -> None:
    """Throws the exception again that the named catch part handles."""
    frame = c.label(instr.args[0])
    if frame.kind != "catch" and frame.kind != "catch_all":
        raise ValidationError(f"invalid rethrow label {instr.args[0]}: it names no catch part")
    c.rethrows[c.pc] = frame.slot
    c.unreachable()


def delegate(c: Checker, instr: Instr) -> None:
    """Closes a try without clauses, whose exceptions go to what handles those of the named label's block.

    The label is counted from outside the try.
    """
    frame = c.frame
    if frame.kind != "try" or frame.draft is None:
        raise ValidationError("unexpected delegate: no try without clauses is open")
    depth = instr.args[0]
    if depth + 1 >= len(c.frames):
        raise ValidationError(f"unknown label {depth}")
    frame.draft.parent = c.label(depth + 1).handler
    c.finish_part()
    close_handler(c, frame)
    c.leave()


RULES: dict[str, Rule] = {
    "try": try_,
    "catch": catch,
    "catch_all": catch_all,
    "rethrow": rethrow,
    "delegate": delegate,
}
