"""The validation algorithm for instruction sequences (specification, appendix A.3).

One pass over a flat body with an operand stack of types and a stack of control frames. Code behind an unconditional
branch is typed with a polymorphic stack: what is popped from below the frame's operands has the bottom type.

Each control frame has an operand stack of its own, a list whose first element, `FLOOR`, is no type. So a comparison
by identity with the expected type is at once the check against underflow, and it decides nearly all instructions of
real modules; whatever it does not decide (subtypes, unreachable code, errors) goes to `Checker.pops`.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias, cast

from refsfi.errors import LimitError, ValidationError
from refsfi.syntax.module import Expr, Instr
from refsfi.syntax.opcodes import Op
from refsfi.syntax.types import BOT, F32, F64, I32, I64, V128, AbsHeap, NumType, RefType, ValType
from refsfi.valid.context import Context
from refsfi.valid.limits import MAX_NESTING, MAX_OPERANDS
from refsfi.valid.matching import val_matches
from refsfi.valid.sidetable import UNREACHABLE, Branch, CatchTarget, Handler, SideTable

__all__ = [
    "BINARY",
    "BOTTOM_REF",
    "CONST",
    "FLOOR",
    "LOAD",
    "LOCAL_GET",
    "LOCAL_SET",
    "LOCAL_TEE",
    "SPECIAL",
    "STORE",
    "UNARY",
    "Checker",
    "Frame",
    "HandlerDraft",
    "Plan",
    "Rule",
    "signature",
]

FLOOR = cast(ValType, object())

# The reference type of an operand that unreachable code took from nowhere.
BOTTOM_REF = RefType(False, AbsHeap.BOT)


# How an instruction is checked. In `Plan`, a and b are its operands, r its result.
LOCAL_GET: Final = 0
CONST: Final = 1  # -> r
BINARY: Final = 2  # a b -> r
LOAD: Final = 3  # a (address in memory 0) -> r
LOCAL_SET: Final = 4
UNARY: Final = 5  # a -> r
STORE: Final = 6  # a (address in memory 0) b ->
LOCAL_TEE: Final = 7
SPECIAL: Final = 8


Rule: TypeAlias = "Callable[[Checker, Instr], None]"

# One of the numbers above, a, b, r, log2 of the natural alignment, the rule in full generality.
Plan: TypeAlias = "tuple[int, ValType | None, ValType | None, ValType, int, Rule]"

_NAMES: dict[str, NumType] = {"i32": I32, "i64": I64, "f32": F32, "f64": F64, "v128": V128}


def signature(op: Op, addr: NumType) -> tuple[tuple[ValType, ...], tuple[ValType, ...]]:
    """Operand and result types of a row that has them, for a memory with addresses of type `addr`."""
    names = {**_NAMES, "addr": addr}
    return tuple(names[n] for n in op.operands or ()), tuple(names[n] for n in op.results or ())


class HandlerDraft:
    """A `Handler` in the making: the clauses' branches are known when the function's end is."""

    __slots__ = ("catches", "end", "parent", "start")

    def __init__(self, start: int, parent: int) -> None:
        self.start = start
        self.end = start
        self.parent = parent
        # Tag, whether the exception is pushed, the frame whose label is the target or the branch itself, exception
        # slot.
        self.catches: list[tuple[int | None, bool, Frame | Branch, int | None]] = []


class Frame:
    """A control frame: a structured instruction that is open at the current one."""

    __slots__ = (
        "_branch",
        "base",
        "dead",
        "dead_from",
        "draft",
        "end",
        "handler",
        "inits",
        "kind",
        "label",
        "params",
        "pc",
        "results",
        "slot",
        "slots",
        "stack",
        "unreachable",
    )

    def __init__(
        self,
        kind: str,
        pc: int,
        base: int,
        params: tuple[ValType, ...],
        results: tuple[ValType, ...],
    ) -> None:
        self.kind = kind  # the mnemonic that opened the current part, or "func"
        self.pc = pc
        self.base = base  # operands below the frame's own
        self.params = params
        self.results = results
        self.label = params if kind == "loop" else results
        self.stack: list[ValType] = [FLOOR, *params]
        self.unreachable = False
        self.dead_from = 0  # the first pc that is unreachable, where `unreachable` is set
        self.dead = False  # the whole frame lies in unreachable code
        self.inits = 0
        self.end = pc
        self.handler = -1  # innermost handler active inside
        self.draft: HandlerDraft | None = None  # of a try_table or legacy try
        self.slot = -1  # exception slot of a legacy try whose clauses are open
        self.slots = 0  # exception slots in use inside
        self._branch: Branch | None = None

    def branch(self) -> Branch:
        """Where a branch to this frame's label goes; to be asked when the frame is closed."""
        if self._branch is None:
            self._branch = Branch(self.pc if self.kind == "loop" else self.end, len(self.label), self.base)
        return self._branch


class Checker:
    """Checks one body and builds its side table.

    `stack` is the current frame's operand stack, `base + len(stack)` the height above the function's locals. Locals
    that have no default value are in `tracked`, and in `initialised` once they are set; `inits` remembers the order,
    so that the end of a block can forget what was set inside it.
    """

    __slots__ = (
        "base",
        "branches",
        "context",
        "exn_slots",
        "frame",
        "frames",
        "handlers",
        "heights",
        "initialised",
        "inits",
        "length",
        "locals",
        "plans",
        "results",
        "rethrows",
        "stack",
        "tracked",
    )

    def __init__(
        self,
        context: Context,
        plans: Sequence[Plan],
        locals: Sequence[ValType],
        tracked: frozenset[int],
        results: tuple[ValType, ...],
    ) -> None:
        self.context = context
        self.plans = plans
        self.locals = locals
        self.tracked = tracked
        self.initialised: set[int] = set()
        self.inits: list[int] = []
        self.results = results
        self.length = 0
        self.frame = Frame("func", 0, 0, (), results)
        self.frames = [self.frame]
        self.stack = self.frame.stack
        self.base = -1
        self.heights: list[int] = []
        self.branches: dict[int, Frame | Branch | tuple[Frame, ...]] = {}
        self.handlers: list[HandlerDraft] = []
        self.rethrows: dict[int, int] = {}
        self.exn_slots = 0

    def run(self, body: Expr) -> None:
        """Rule: Instrs_ok/empty, Instrs_ok/instr, Instrs_ok/seq, Instrs_ok/sub, Instrs_ok/frame, Expr_ok
        Rule: Instrtype_sub, Localtype_ok

        Operands that an instruction leaves alone stay on the stack (frame), and a type on it may stand for any
        supertype (sub). ValidationError without a place: the instruction it is about is the last one in `heights`.
        """
        self.length = len(body)
        add_height = self.heights.append
        plans = self.plans
        locals = self.locals
        tracked = self.tracked
        initialised = self.initialised
        local_count = len(locals)
        stack = self.stack
        base = self.base
        for instr in body:
            add_height(base + len(stack))
            kind, a, b, r, natural, rule = plans[instr.op.id]
            if kind == LOCAL_GET:
                x = instr.args[0]
                if x < local_count and (not tracked or x not in tracked or x in initialised):
                    stack.append(locals[x])
                    continue
            elif kind == CONST:
                stack.append(r)
                continue
            elif kind == BINARY:
                if stack[-1] is b and stack[-2] is a:
                    del stack[-1]
                    stack[-1] = r
                    continue
            elif kind == LOAD:
                arg = instr.args[0]
                if stack[-1] is a and arg.mem == 0 and arg.align <= natural and arg.offset < 0x1_0000_0000:
                    stack[-1] = r
                    continue
            elif kind == LOCAL_SET:
                x = instr.args[0]
                if x < local_count and stack[-1] is locals[x] and not tracked:
                    del stack[-1]
                    continue
            elif kind == UNARY:
                if stack[-1] is a:
                    stack[-1] = r
                    continue
            elif kind == STORE:
                arg = instr.args[0]
                if (
                    stack[-1] is b
                    and stack[-2] is a
                    and arg.mem == 0
                    and arg.align <= natural
                    and arg.offset < 0x1_0000_0000
                ):
                    del stack[-2:]
                    continue
            elif kind == LOCAL_TEE:
                x = instr.args[0]
                if x < local_count and stack[-1] is locals[x] and not tracked:
                    continue
            rule(self, instr)
            stack = self.stack
            base = self.base
        if self.frames:
            raise ValidationError("END opcode expected: the body stops inside a block")

    # --- operands ----------------------------------------------------------------------------------------------------

    def pops(self, types: tuple[ValType, ...]) -> None:
        """Takes operands of the given types, the last of them on top, off the stack."""
        stack = self.stack
        n = len(types)
        if n == 0:
            return
        if n == 1:
            if stack[-1] is types[0]:
                del stack[-1]
                return
        elif tuple(stack[-n:]) == types:
            del stack[-n:]
            return
        self._pops(types, n)

    def pops_same(self, type: ValType, n: int) -> None:
        """Takes `n` operands of one type."""
        available = len(self.stack) - 1
        if n > available and self.frame.unreachable:
            n = available
        self.pops((type,) * n)

    def _pops(self, types: tuple[ValType, ...], n: int) -> None:
        """`pops` where identity did not decide."""
        stack = self.stack
        available = len(stack) - 1
        if available < n:
            if not self.frame.unreachable:
                raise self.mismatch(types)
            start, first = 1, n - available
        else:
            start, first = len(stack) - n, 0
        there = tuple(stack[start:])
        # Mostly equal, and there may be a thousand.
        if there != types[first:]:
            for actual, expected in zip(there, types[first:], strict=True):
                if actual is not expected and not val_matches(actual, expected):
                    raise self.mismatch(types)
        del stack[start:]

    def pop(self) -> ValType:
        """Takes one operand of any type; BOT where unreachable code has none."""
        if len(self.stack) > 1:
            return self.stack.pop()
        if self.frame.unreachable:
            return BOT
        raise ValidationError("type mismatch: instruction requires an operand but stack has []")

    def peek(self, depth: int) -> ValType:
        """The operand `depth` below the top; BOT where there is none, which a following `pops` finds out."""
        return self.stack[-1 - depth] if len(self.stack) - 1 > depth else BOT

    def peek_ref(self, depth: int = 0) -> RefType:
        """Likewise an operand that must be a reference."""
        type = self.peek(depth)
        if isinstance(type, RefType):
            return type
        if type is BOT:
            return BOTTOM_REF
        raise ValidationError(
            f"type mismatch: instruction requires reference type but stack has {self.context.show(type)}"
        )

    def push(self, types: Sequence[ValType]) -> None:
        """Puts results of the given types onto the stack."""
        self.stack += types
        if len(types) > 1 and self.base + len(self.stack) > MAX_OPERANDS:
            raise LimitError(f"too many operands on the stack, at most {MAX_OPERANDS} are supported")

    def mismatch(self, types: Sequence[ValType]) -> ValidationError:
        """The error that says what an instruction requires and what the stack has."""
        show = self.context.show_all
        found = self.stack[1:][-len(types) :]
        return ValidationError(f"type mismatch: instruction requires {show(types)} but stack has {show(found)}")

    # --- control frames ----------------------------------------------------------------------------------------------

    @property
    def pc(self) -> int:
        """The instruction that is being checked."""
        return len(self.heights) - 1

    def unreachable(self) -> None:
        """What follows in this frame cannot be reached: drops the operands and makes the stack polymorphic."""
        frame = self.frame
        if not frame.unreachable:
            frame.unreachable = True
            frame.dead_from = len(self.heights)
        del self.stack[1:]

    def enter(self, kind: str, params: tuple[ValType, ...], results: tuple[ValType, ...]) -> Frame:
        """Opens a frame whose parameters have just been popped."""
        outer = self.frame
        frame = Frame(kind, len(self.heights) - 1, self.base + len(self.stack), params, results)
        frame.inits = len(self.inits)
        frame.dead = outer.dead or outer.unreachable
        frame.handler = outer.handler
        frame.slots = outer.slots
        if len(self.frames) >= MAX_NESTING:
            raise LimitError(f"blocks nest too deep, at most {MAX_NESTING} are supported")
        self.frames.append(frame)
        self.frame = frame
        self.stack = frame.stack
        self.base = frame.base - 1
        if len(params) > 1 and self.base + len(self.stack) > MAX_OPERANDS:
            raise LimitError(f"too many operands on the stack, at most {MAX_OPERANDS} are supported")
        return frame

    def finish_part(self) -> None:
        """Checks what a part of the current frame leaves behind, and forgets the locals that were set in it."""
        frame = self.frame
        stack = self.stack
        if len(stack) - 1 == len(frame.results):
            self.pops(frame.results)
        else:
            found = stack[1:]
            self.pops(frame.results)
            if len(self.stack) > 1:
                show = self.context.show_all
                raise ValidationError(
                    f"type mismatch: block requires {show(frame.results)} but stack has {show(found)}"
                )
        if len(self.inits) > frame.inits:
            self.initialised.difference_update(self.inits[frame.inits :])
            del self.inits[frame.inits :]

    def next_part(self, kind: str, params: tuple[ValType, ...]) -> None:
        """Opens the next part (`else`, `catch`) of the current frame, after `finish_part`."""
        frame = self.frame
        if frame.unreachable:
            self._mark_dead(frame, len(self.heights))
            frame.unreachable = False
        frame.kind = kind
        frame.stack = self.stack = [FLOOR, *params]

    def leave(self) -> None:
        """Closes the current frame, after its last `finish_part`."""
        frame = self.frames.pop()
        frame.end = pc = len(self.heights) - 1
        if frame.unreachable:
            self._mark_dead(frame, pc)
            self.heights[pc] = frame.base + len(frame.results)
        if self.frames:
            outer = self.frame = self.frames[-1]
            self.stack = outer.stack
            self.base = outer.base - 1
            self.push(frame.results)
        elif pc != self.length - 1:
            raise ValidationError("END opcode expected: the body goes on behind its end")

    def _mark_dead(self, frame: Frame, end: int) -> None:
        """Marks the rest of a part as unreachable. The frame around it does so where it is unreachable itself."""
        if not frame.dead:
            self.heights[frame.dead_from : end] = [UNREACHABLE] * (end - frame.dead_from)

    def label(self, depth: int) -> Frame:
        """The frame whose label is `depth` labels out."""
        if depth < len(self.frames):
            return self.frames[-1 - depth]
        raise ValidationError(f"unknown label {depth}")

    # --- result ------------------------------------------------------------------------------------------------------

    def side_table(self) -> SideTable:
        """The side table of a body that `run` accepted."""
        branches: dict[int, Branch | tuple[Branch, ...]] = {}
        for pc, target in self.branches.items():
            if isinstance(target, Frame):
                branches[pc] = target.branch()
            elif isinstance(target, Branch):
                branches[pc] = target
            else:
                branches[pc] = tuple([frame.branch() for frame in target])
        handlers = [
            Handler(
                draft.start,
                draft.end,
                draft.parent,
                tuple(
                    CatchTarget(tag, ref, target.branch() if isinstance(target, Frame) else target, slot)
                    for tag, ref, target, slot in draft.catches
                ),
            )
            for draft in self.handlers
        ]
        heights = array("i", self.heights)
        return SideTable(heights, max(heights, default=0), branches, handlers, self.rethrows, self.exn_slots)
