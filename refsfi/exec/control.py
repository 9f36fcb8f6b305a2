"""Control instructions, chapter 4.6.5, but for calls and exceptions.

There are no labels at run time: the side table says where a branch goes and how many operands it carries there, and
entering or leaving a block does nothing. Every backward branch looks whether the host wants the guest to stop.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeAlias

from refsfi.errors import Crash, Trap, TrapCode
from refsfi.exec import calls
from refsfi.exec.code import Regs, Step
from refsfi.exec.lower import Group, Lowerer
from refsfi.exec.reference import has_descriptor
from refsfi.exec.registry import lowering
from refsfi.runtime.store import Frame
from refsfi.runtime.values import ref_accepts
from refsfi.syntax.deftypes import close_ref
from refsfi.syntax.module import Instr
from refsfi.syntax.opcodes import OPS
from refsfi.syntax.types import RefType
from refsfi.valid.sidetable import Branch

Moves: TypeAlias = list[tuple[int, int]]
Predicate: TypeAlias = Callable[[Any], Any]


@lowering("unreachable")
def lower_unreachable(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_pure/unreachable"""
    low.emit(_unreachable)
    low.live = False


def _unreachable(nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        raise Trap(TrapCode.UNREACHABLE)

    return step


@lowering("block", "try", "try_table")
def lower_block(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_read/block, Step_read/try_table"""
    low.flush()


@lowering("loop")
def lower_loop(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_read/loop"""
    low.flush()
    low.label(pc)


@lowering("if")
def lower_if(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_pure/if-true, Step_pure/if-false"""
    condition = low.pop()
    test = _Condition(low, condition)
    low.flush()
    test.emit(_target(low, pc).pc, unless=True)


@lowering("else", "catch", "catch_all")
def lower_else(low: Lowerer, pc: int, instr: Instr) -> None:
    """The end of the arm above: on to the `end`. The arm below begins behind this instruction.

    Rule: Step_pure/label-vals, Step_pure/handler-vals
    """
    low.flush()
    low.emit(_goto, targets=(_target(low, pc).pc,), jump=True)
    low.label(pc + 1)
    low.live = False


@lowering("end", "delegate")
def lower_end(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_pure/label-vals, Step_pure/handler-vals, Step_pure/frame-vals"""
    if pc == len(low.body) - 1:
        # Where nobody arrives there is no label: results may still be read from locals.
        if pc in _branch_targets(low):
            low.flush()
            low.label(pc)
        calls.emit_return(low)
        return
    low.flush()
    low.label(pc)


def _branch_targets(low: Lowerer) -> set[int]:
    targets: set[int] = set()
    for branch in low.side.branches.values():
        for b in branch if isinstance(branch, tuple) else (branch,):
            targets.add(b.pc)
    targets.update(c.branch.pc for handler in low.side.handlers for c in handler.catches)
    return targets


def _target(low: Lowerer, pc: int) -> Branch:
    branch = low.side.branches[pc]
    if isinstance(branch, tuple):
        raise Crash("a single branch was expected")
    return branch


@lowering("br")
def lower_br(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_pure/br-label-zero, Step_pure/br-label-succ, Step_pure/br-handler"""
    emit_branch(low, pc, _target(low, pc))
    low.live = False


def emit_branch(low: Lowerer, pc: int, branch: Branch) -> None:
    """An unconditional branch; nothing at all where control can be led to its target beforehand."""
    moves = low.moves(branch)
    if branch.pc <= pc:
        low.emit(_go_back, moves, targets=(branch.pc,))
    elif moves:
        low.emit(_go_moving, moves, targets=(branch.pc,))
    else:
        low.emit(_goto, targets=(branch.pc,), jump=True)


@lowering("br_if")
def lower_br_if(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_pure/br_if-true, Step_pure/br_if-false"""
    condition = low.pop()
    branch = _target(low, pc)
    moves = low.moves(branch)
    if moves:
        low.emit(_branch_moving, bool, condition, moves, targets=(branch.pc,))
    else:
        _Condition(low, condition).emit(branch.pc)


# A step stands for one place only, so what can trap is not made part of the branch behind it.
_TRAPPING = frozenset(
    row.mnemonic
    for row in OPS
    if re.fullmatch(r"(i32|i64)\.((div|rem)_[su]|trunc_f(32|64)_[su])", row.mnemonic) is not None
)


class _Condition:
    """The condition of a branch, with the comparison that made it, if that step has just been emitted and can be
    taken back."""

    def __init__(self, low: Lowerer, register: int) -> None:
        self.low = low
        self.negated = False
        self.register = register
        self.test: Group | None = None
        while True:
            made = low.absorb(self.register)
            if made is None:
                return
            # (function, operands…) of a numeric step.
            if made.make.__name__ in ("_unary", "_binary") and made.args[0].__name__ in ("i32_eqz", "i64_eqz"):
                self.negated = not self.negated
                self.register = made.args[1]
                continue
            if made.make.__name__ in ("_unary", "_binary") and low.body[made.pc].op.mnemonic not in _TRAPPING:
                self.test = made
                return
            low.groups.append(made)
            return

    def emit(self, target: int, unless: bool = False) -> None:
        """Branch to `target` if the condition holds (`unless`: does not hold)."""
        low = self.low
        back = target <= low.pc
        negated = self.negated != unless
        test = self.test
        args = (self.register,) if test is None else test.args
        forms = _BACK if back else _FORWARD
        low.emit(forms[len(args) - 1], negated, *args, targets=(target,))


@lowering("br_table")
def lower_br_table(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_pure/br_table-lt, Step_pure/br_table-ge"""
    index = low.pop()
    branches = low.side.branches[pc]
    if not isinstance(branches, tuple):
        raise Crash("br_table has one branch only")
    moves = [low.moves(b) for b in branches]
    back = any(b.pc <= pc for b in branches)
    targets = tuple(b.pc for b in branches)
    if any(moves) or back:
        low.emit(_br_table_moving, index, moves, targets=targets)
    else:
        low.emit(_br_table, index, targets=targets)
    low.live = False


@lowering("return")
def lower_return(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_pure/return-frame, Step_pure/return-label, Step_pure/return-handler"""
    calls.emit_return(low)


@lowering("br_on_null")
def lower_br_on_null(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_pure/br_on_null-null, Step_pure/br_on_null-addr"""
    ref = low.pop()
    branch = _target(low, pc)
    low.emit(_branch_moving, _is_null, ref, low.moves(branch), targets=(branch.pc,))
    low.push(ref)


@lowering("br_on_non_null")
def lower_br_on_non_null(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_pure/br_on_non_null-null, Step_pure/br_on_non_null-addr"""
    ref = low.stack[-1]
    branch = _target(low, pc)
    low.emit(_branch_moving, _is_not_null, ref, low.moves(branch), targets=(branch.pc,))
    low.pop()


@lowering("br_on_cast")
def lower_br_on_cast(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_read/br_on_cast-succeed, Step_read/br_on_cast-fail"""
    _emit_cast_branch(low, pc, instr.args[2], True)


@lowering("br_on_cast_fail")
def lower_br_on_cast_fail(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_read/br_on_cast_fail-succeed, Step_read/br_on_cast_fail-fail"""
    _emit_cast_branch(low, pc, instr.args[2], False)


def _emit_cast_branch(low: Lowerer, pc: int, target: RefType, wanted: bool) -> None:
    type = close_ref(target, low.info.types)
    branch = _target(low, pc)

    def test(ref: Any) -> bool:
        return ref_accepts(type, ref) is wanted

    low.emit(_branch_moving, test, low.stack[-1], low.moves(branch), targets=(branch.pc,))


@lowering("br_on_cast_desc_eq")
def lower_br_on_cast_desc_eq(low: Lowerer, pc: int, instr: Instr) -> None:
    """Branch where the reference has the given descriptor, or is null and the target type admits null (custom
    descriptors)."""
    _emit_descriptor_branch(low, pc, instr.args[2], True)


@lowering("br_on_cast_desc_eq_fail")
def lower_br_on_cast_desc_eq_fail(low: Lowerer, pc: int, instr: Instr) -> None:
    """Branch where `ref.cast_desc_eq` would fail (custom descriptors)."""
    _emit_descriptor_branch(low, pc, instr.args[2], False)


def _emit_descriptor_branch(low: Lowerer, pc: int, target: RefType, wanted: bool) -> None:
    descriptor = low.pop()
    branch = _target(low, pc)
    low.emit(
        _branch_on_descriptor, target.null, wanted, low.stack[-1], descriptor, low.moves(branch), targets=(branch.pc,)
    )


def _is_null(ref: Any) -> bool:
    return ref is None


def _is_not_null(ref: Any) -> bool:
    return ref is not None


# --- steps -----------------------------------------------------------------------------------------------------------


def _goto(target: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        return target

    return step


def _go_moving(moves: Moves, target: int, nxt: int) -> Step:
    if len(moves) == 1:
        ((source, dest),) = moves

        def step_1(r: Regs, f: Frame) -> int:
            r[dest] = r[source]
            return target

        return step_1

    def step(r: Regs, f: Frame) -> int:
        move(r, moves)
        return target

    return step


def _go_back(moves: Moves, target: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        if f.store.stop is not None:
            raise f.store.stop
        if moves:
            move(r, moves)
        return target

    return step


def move(r: Regs, moves: Moves) -> None:
    """Copy registers as if all at once."""
    values = [r[source] for source, _ in moves]
    for (_, dest), value in zip(moves, values, strict=True):
        r[dest] = value


def _branch_moving(test: Predicate, a: int, moves: Moves, target: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        if test(r[a]):
            if f.store.stop is not None:
                raise f.store.stop
            move(r, moves)
            return target
        return nxt

    return step


def _branch_on_descriptor(
    null: bool, wanted: bool, a: int, descriptor: int, moves: Moves, target: int, nxt: int
) -> Step:
    def step(r: Regs, f: Frame) -> int:
        ref = r[a]
        given = r[descriptor]
        if given is None:
            raise Trap(TrapCode.NULL_REFERENCE, "null descriptor reference")
        if has_descriptor(ref, given, null) is wanted:
            if f.store.stop is not None:
                raise f.store.stop
            move(r, moves)
            return target
        return nxt

    return step


def _branch_0(negated: bool, c: int, target: int, nxt: int) -> Step:
    if negated:
        target, nxt = nxt, target

    def step(r: Regs, f: Frame) -> int:
        return target if r[c] else nxt

    return step


def _branch_1(negated: bool, test: Predicate, a: int, target: int, nxt: int) -> Step:
    if negated:
        target, nxt = nxt, target

    def step(r: Regs, f: Frame) -> int:
        return target if test(r[a]) else nxt

    return step


def _branch_2(negated: bool, test: Callable[[Any, Any], Any], a: int, b: int, target: int, nxt: int) -> Step:
    if negated:
        target, nxt = nxt, target

    def step(r: Regs, f: Frame) -> int:
        return target if test(r[a], r[b]) else nxt

    return step


def _back_0(negated: bool, c: int, target: int, nxt: int) -> Step:
    if negated:
        target, nxt = nxt, target

    def step(r: Regs, f: Frame) -> int:
        if f.store.stop is not None:
            raise f.store.stop
        return target if r[c] else nxt

    return step


def _back_1(negated: bool, test: Predicate, a: int, target: int, nxt: int) -> Step:
    if negated:
        target, nxt = nxt, target

    def step(r: Regs, f: Frame) -> int:
        if f.store.stop is not None:
            raise f.store.stop
        return target if test(r[a]) else nxt

    return step


def _back_2(negated: bool, test: Callable[[Any, Any], Any], a: int, b: int, target: int, nxt: int) -> Step:
    if negated:
        target, nxt = nxt, target

    def step(r: Regs, f: Frame) -> int:
        if f.store.stop is not None:
            raise f.store.stop
        return target if test(r[a], r[b]) else nxt

    return step


_FORWARD: tuple[Callable[..., Step], ...] = (_branch_0, _branch_1, _branch_2)
_BACK: tuple[Callable[..., Step], ...] = (_back_0, _back_1, _back_2)


def _br_table(index: int, *rest: int) -> Step:
    *targets, default, _nxt = rest
    count = len(targets)

    def step(r: Regs, f: Frame) -> int:
        i: int = r[index]
        return targets[i] if i < count else default

    return step


def _br_table_moving(index: int, moves: list[Moves], *rest: int) -> Step:
    targets: tuple[int, ...] = rest[:-1]
    default = len(targets) - 1

    def step(r: Regs, f: Frame) -> int:
        if f.store.stop is not None:
            raise f.store.stop
        i: int = min(r[index], default)
        if moves[i]:
            move(r, moves[i])
        return targets[i]

    return step
