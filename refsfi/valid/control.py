"""Rules of control instructions: blocks, branches, calls, exceptions (specification, chapter 3.4).

Each function checks one instruction against the operand stack, and leaves in the checker what execution needs to know
of it.
"""

from __future__ import annotations

from refsfi.errors import ValidationError
from refsfi.syntax.features import Feature
from refsfi.syntax.module import Catch, CatchKind, Instr
from refsfi.syntax.types import BOT, EXNREF, FUNCREF, I32, AbsHeap, BlockType, RefType, ValType
from refsfi.valid.checker import Checker, Frame, HandlerDraft, Rule
from refsfi.valid.context import Context
from refsfi.valid.limits import MAX_CATCHES, check_limit
from refsfi.valid.matching import ref_matches, results_match
from refsfi.valid.sidetable import Branch

__all__ = ["RULES", "block_type"]

_EXN = RefType(False, AbsHeap.EXN)


# --- blocks ----------------------------------------------------------------------------------------------------------


def block_type(c: Context, type: BlockType) -> tuple[tuple[ValType, ...], tuple[ValType, ...]]:
    """Rule: Blocktype_ok/valtype, Blocktype_ok/typeidx"""
    if type is None:
        return (), ()
    if isinstance(type, int):
        if Feature.MULTI_VALUE not in c.features:
            raise ValidationError("invalid result arity: block types by index need the feature multi-value")
        func = c.func_type(type)
        return func.params, func.results
    return (), (c.val(type),)


def unreachable(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/unreachable"""
    c.unreachable()


def nop(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/nop"""


def block(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/block, Instr_ok/loop"""
    params, results = block_type(c.context, instr.args[0])
    c.pops(params)
    c.enter(instr.op.mnemonic, params, results)


def if_(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/if

    Where a false condition goes is known at the `else` or, where there is none, at the `end`.
    """
    params, results = block_type(c.context, instr.args[0])
    if c.stack[-1] is I32:
        del c.stack[-1]
        c.pops(params)
    else:
        c.pops((*params, I32))
    c.enter("if", params, results)


def else_(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/if"""
    frame = c.frame
    if frame.kind != "if":
        raise ValidationError("unexpected else: no if is open")
    c.finish_part()
    pc = c.pc
    c.branches[frame.pc] = Branch(pc + 1, len(frame.params), frame.base)
    c.branches[pc] = frame
    c.next_part("else", frame.params)


def end(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/block, Instr_ok/loop, Instr_ok/if, Instr_ok/try_table

    An `if` without `else` passes its parameters on.
    """
    frame = c.frame
    kind = frame.kind
    c.finish_part()
    if kind == "if":
        c.branches[frame.pc] = Branch(c.pc, len(frame.params), frame.base)
        if not results_match(frame.params, frame.results):
            show = c.context.show_all
            raise ValidationError(
                f"type mismatch: if without else requires {show(frame.results)} but stack has {show(frame.params)}"
            )
    elif kind == "try_table" or kind == "try":
        close_handler(c, frame)
    c.leave()


def close_handler(c: Checker, frame: Frame) -> None:
    """The current instruction is the first one that the frame's handler does not cover."""
    if frame.draft is not None:
        frame.draft.end = c.pc


# --- branches --------------------------------------------------------------------------------------------------------


def br(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/br"""
    frame = c.branches[c.pc] = c.label(instr.args[0])
    c.pops(frame.label)
    c.unreachable()


def br_if(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/br_if"""
    frame = c.branches[c.pc] = c.label(instr.args[0])
    label = frame.label
    if not label:
        if c.stack[-1] is I32:
            del c.stack[-1]
        else:
            c.pops((I32,))
        return
    c.pops((*label, I32))
    c.push(label)


def br_table(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/br_table

    The operands must match every label, and may have different types from each.
    """
    labels, default = instr.args
    label = c.label
    frames = tuple([label(depth) for depth in labels] + [label(default)])
    n = len(frames[-1].label)
    if c.stack[-1] is I32:
        del c.stack[-1]
    else:
        c.pops((I32,))
    operands = tuple(c.stack[max(1, len(c.stack) - n) :])
    if c.frame.unreachable:
        operands = (BOT,) * (n - len(operands)) + operands
    seen: set[int] = set()
    for frame in (frames[-1], *frames):
        if id(frame.label) in seen:
            continue
        seen.add(id(frame.label))
        if not results_match(operands, frame.label):
            raise c.mismatch(frame.label)
    c.branches[c.pc] = frames
    c.unreachable()


def return_(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/return"""
    frame = c.branches[c.pc] = c.frames[0]
    c.pops(frame.results)
    c.unreachable()


# --- calls -----------------------------------------------------------------------------------------------------------


def call(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/call"""
    func = c.context.func_signature(instr.args[0])
    c.pops(func.params)
    c.push(func.results)


def call_indirect(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/call_indirect"""
    params, results = _indirect(c, instr)
    c.pops(params)
    c.push(results)


def call_ref(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/call_ref"""
    params, results = _by_reference(c, instr)
    c.pops(params)
    c.push(results)


def return_call(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/return_call"""
    func = c.context.func_signature(instr.args[0])
    _returns(c, func.results)
    c.pops(func.params)
    c.unreachable()


def return_call_indirect(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/return_call_indirect"""
    params, results = _indirect(c, instr)
    _returns(c, results)
    c.pops(params)
    c.unreachable()


def return_call_ref(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/return_call_ref"""
    params, results = _by_reference(c, instr)
    _returns(c, results)
    c.pops(params)
    c.unreachable()


def _indirect(c: Checker, instr: Instr) -> tuple[tuple[ValType, ...], tuple[ValType, ...]]:
    x, y = instr.args
    table = c.context.table(y)
    func = c.context.func_type(x)
    if not ref_matches(table.elem, FUNCREF):
        raise ValidationError(
            "type mismatch: instruction requires table of function type but table has element type "
            f"{c.context.show(table.elem)}"
        )
    return (*func.params, table.addr), func.results


def _by_reference(c: Checker, instr: Instr) -> tuple[tuple[ValType, ...], tuple[ValType, ...]]:
    x = instr.args[0]
    func = c.context.func_type(x)
    return (*func.params, c.context.use(x, null=True)), func.results


def _returns(c: Checker, results: tuple[ValType, ...]) -> None:
    """That a callee's results may become those of the function that calls it last."""
    if not results_match(results, c.results):
        show = c.context.show_all
        raise ValidationError(
            f"type mismatch: current function requires result type {show(c.results)} but callee returns {show(results)}"
        )


# --- exceptions ------------------------------------------------------------------------------------------------------


def throw(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/throw"""
    c.pops(c.context.tag_params(instr.args[0]))
    c.unreachable()


def throw_ref(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/throw_ref"""
    c.pops((EXNREF,))
    c.unreachable()


def try_table(c: Checker, instr: Instr) -> None:
    """Rule: Instr_ok/try_table

    The labels of catch clauses are counted from outside.
    """
    type, catches = instr.args
    params, results = block_type(c.context, type)
    check_limit(len(catches), MAX_CATCHES, "catch clauses")
    draft = HandlerDraft(c.pc + 1, c.frame.handler)
    for catch in catches:
        _catch(c, catch, draft)
    c.pops(params)
    frame = c.enter("try_table", params, results)
    frame.draft = draft
    frame.handler = len(c.handlers)
    c.handlers.append(draft)


def _catch(c: Checker, catch: Catch, draft: HandlerDraft) -> None:
    """Rule: Catch_ok/catch, Catch_ok/catch_ref, Catch_ok/catch_all, Catch_ok/catch_all_ref"""
    has_ref = catch.kind is CatchKind.CATCH_REF or catch.kind is CatchKind.CATCH_ALL_REF
    types = c.context.tag_params(catch.tag) if catch.tag is not None else ()
    if has_ref:
        types = (*types, _EXN)
    target = c.label(catch.label)
    if not results_match(types, target.label):
        show = c.context.show_all
        raise ValidationError(f"type mismatch: catch handler requires {show(target.label)} but label has {show(types)}")
    draft.catches.append((catch.tag, has_ref, target, None))


RULES: dict[str, Rule] = {
    "unreachable": unreachable,
    "nop": nop,
    "block": block,
    "loop": block,
    "if": if_,
    "else": else_,
    "end": end,
    "br": br,
    "br_if": br_if,
    "br_table": br_table,
    "return": return_,
    "call": call,
    "call_indirect": call_indirect,
    "call_ref": call_ref,
    "return_call": return_call,
    "return_call_indirect": return_call_indirect,
    "return_call_ref": return_call_ref,
    "throw": throw,
    "throw_ref": throw_ref,
    "try_table": try_table,
}
