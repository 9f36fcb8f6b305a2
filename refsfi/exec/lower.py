"""From flat body and side table to steps.

The operand stack is static after validation, so operands become registers: operand `h` of a function with `n`
locals lives in its *slot*, register `n + h`. Lowering walks the body once with a model of the stack that holds, for
each operand, the register where its value is. That is the operand's slot, except that (with `fuse`)

  - `local.get` and constants emit nothing: the model holds the local's or the constant's register, and whoever
    consumes the operand reads it there;
  - `local.set` behind the instruction that made the value redirects that instruction's result;
  - a comparison in front of `br_if` or `if` becomes part of the branch.

Operands are brought to their slots (`flush`) before control can come together with other paths, and before a local
changes that the model still refers to. A step stands for one instruction that can trap or that controls, plus such
reads and writes before and behind it, so a trap's location is exact.

Without `fuse` an instruction is lowered by itself, with all operands in their slots before and behind it
(`exec/stepwise`). Registers are laid out alike in both forms.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from refsfi.errors import Crash, Exhaustion, GuestException, Trap, TrapCode
from refsfi.exec.code import Catcher, FuncCode, Guard, Lowered, Regs, Step
from refsfi.exec.registry import find
from refsfi.runtime.store import Frame
from refsfi.syntax.module import Expr
from refsfi.valid.sidetable import UNREACHABLE, Branch, SideTable

__all__ = ["Lowerer", "fuel_block_ends", "lower"]

# More constants than this are not kept in registers: every activation pays for each.
MAX_CONSTANT_REGISTERS = 256

Maker: TypeAlias = Callable[..., Step]


class Group:
    """A step to be made: `make(*args[, dest], *targets, next)`; `targets` are given as pcs and become step
    indices."""

    __slots__ = ("args", "before", "dest", "jump", "make", "pc", "suspends", "targets")

    def __init__(
        self,
        pc: int,
        make: Maker,
        args: tuple[Any, ...] = (),
        dest: int | None = None,
        targets: tuple[int, ...] = (),
        jump: bool = False,
        before: Group | None = None,
        suspends: bool = False,
    ) -> None:
        self.pc = pc
        self.make = make
        self.args = args
        self.dest = dest
        self.targets = targets
        # What `Lowerer.last` was when this group was made, for whoever takes it back.
        self.before = before
        # A call: the frame waits at the step behind it, from which the call is found again.
        self.suspends = suspends
        # An unconditional forward branch without moves: whoever would run it goes to its target at once.
        self.jump = jump


class Lowerer:
    """State of lowering one function; chapters' lowering functions use its methods."""

    def __init__(self, code: FuncCode, side: SideTable, fuse: bool) -> None:
        program = code.program
        self.program = program
        self.info = program.info
        self.body = program.module.funcs[code.index].body
        self.side = side
        self.code = code
        self.fuse = fuse
        # Whether somebody counts straight lines: all operands are in their slots where one begins.
        self.lines = program.metered
        self.nlocals = code.nlocals
        # The stack model: for each operand the register that holds it.
        self.stack: list[int] = []
        self.groups: list[Group] = []
        # The group that made the topmost operand, as long as nothing can come in between.
        self.last: Group | None = None
        self.live = True
        self.pc = 0
        # pc of a branch target -> group index.
        self.labels: dict[int, int] = {}
        self.first_exn = self.nlocals + self.side.max_height
        self.first_constant = self.first_exn + self.side.exn_slots
        self.constants: list[Any] = []
        self._constant_regs: dict[Any, int] = {}

    # --- registers -------------------------------------------------------------------------------------------------

    def slot(self, height: int) -> int:
        """The register of operand `height`."""
        return self.nlocals + height

    def constant(self, value: Any) -> int | None:
        """A register that holds `value`, None where there is no room for another constant."""
        register = self._constant_regs.get(value)
        if register is None and len(self.constants) < MAX_CONSTANT_REGISTERS:
            register = self._constant_regs[value] = self.first_constant + len(self.constants)
            self.constants.append(value)
        return register

    def push(self, register: int) -> None:
        self.stack.append(register)

    def push_slot(self) -> int:
        """Push an operand that will be in its own slot; the slot."""
        slot = self.nlocals + len(self.stack)
        self.stack.append(slot)
        return slot

    def push_many(self, count: int) -> int:
        """Push `count` operands; the first one's slot."""
        first = self.nlocals + len(self.stack)
        self.stack.extend(range(first, first + count))
        return first

    def pop(self) -> int:
        return self.stack.pop()

    def pop_many(self, count: int) -> list[int]:
        """Pop `count` operands; their registers, deepest first."""
        if count == 0:
            return []
        taken = self.stack[-count:]
        del self.stack[-count:]
        return taken

    # --- emitting --------------------------------------------------------------------------------------------------

    def emit(
        self, make: Maker, *args: Any, targets: tuple[int, ...] = (), jump: bool = False, suspends: bool = False
    ) -> None:
        """A step without a result of its own to place."""
        self.groups.append(Group(self.pc, make, args, None, targets, jump and self.fuse, suspends=suspends))
        self.last = None

    def emit_value(self, make: Maker, *args: Any, suspends: bool = False) -> None:
        """A step that makes one operand: pushes it and remembers the step, so that a consumer may redirect or
        absorb it."""
        dest = self.push_slot()
        group = Group(self.pc, make, args, dest, before=self.last, suspends=suspends)
        self.groups.append(group)
        self.last = group if self.fuse else None

    def move(self, source: int, dest: int) -> None:
        self.emit(_move, source, dest)

    def flush(self, keep: int | None = None) -> None:
        """Bring the operands (all, or the lowest `keep`) to their slots."""
        stack = self.stack
        first = self.nlocals
        for height in range(len(stack) if keep is None else keep):
            if stack[height] != first + height:
                self.move(stack[height], first + height)
                stack[height] = first + height
        self.last = None

    def retarget(self, source: int, dest: int) -> bool:
        """Let the step that has just made the value in `source` put it into `dest`, where that is possible."""
        last = self.last
        if last is not None and last.dest == source and source == self.nlocals + len(self.stack):
            last.dest = dest
            self.last = None
            return True
        return False

    def absorb(self, source: int) -> Group | None:
        """Take back the step that has just made the value in `source`, for a consumer that computes it itself."""
        last = self.last
        if last is not None and last.dest == source and source >= self.nlocals:
            self.groups.pop()
            self.last = last.before
            return last
        return None

    def label(self, pc: int) -> None:
        """Branches to `pc` arrive here, with all operands in their slots."""
        self.labels[pc] = len(self.groups)
        self.last = None

    def moves(self, branch: Branch) -> list[tuple[int, int]]:
        """What a taken branch must copy, as (source, destination) registers."""
        arity = branch.arity
        if arity == 0:
            return []
        first = self.nlocals + branch.height
        return [(source, first + i) for i, source in enumerate(self.stack[-arity:]) if source != first + i]

    def resume(self, height: int) -> None:
        """Control arrives with `height` operands in their slots."""
        self.stack = list(range(self.nlocals, self.nlocals + height))
        self.live = True
        self.last = None

    # --- one instruction at a time ---------------------------------------------------------------------------------

    def adopt(self, constants: list[Any]) -> None:
        """Use the registers that the constants of the fused form have."""
        self.constants = constants
        self._constant_regs = {value: self.first_constant + i for i, value in enumerate(constants)}

    def begin(self, pc: int, height: int) -> None:
        """Lower only instruction `pc` next, with all operands in their slots."""
        self.pc = pc
        self.groups.clear()
        self.resume(height)

    def only_step(self, pc: int) -> Step:
        """The step of the instruction that has just been lowered."""
        groups = self.groups
        if len(groups) > 1:
            raise Crash(f"{len(groups)} steps for {self.body[pc]!r}")
        following = min(pc + 1, len(self.body) - 1)
        if not groups:
            return _nothing(following)
        (group,) = groups
        args = group.args if group.dest is None else (*group.args, group.dest)
        return group.make(*args, *group.targets, pc + 1 if group.suspends else following)

    # --- the walk --------------------------------------------------------------------------------------------------

    def run(self) -> Lowered:
        self._walk(len(self.body))
        return self._finish()

    def stack_at(self, pc: int) -> list[int]:
        """The registers in which instruction `pc`, which control can reach, finds the operands, deepest first."""
        self._walk(pc)
        return self.stack

    def _walk(self, end: int) -> None:
        """Lower the instructions below `end`, and come to that one if there is one."""
        heights = self.side.heights
        charges = self.charges() if self.lines else {}
        for pc, instr in enumerate(self.body[: end + 1]):
            self.pc = pc
            height = heights[pc]
            if height != UNREACHABLE:
                if not self.live:
                    self.resume(height)
                elif len(self.stack) != height:
                    raise Crash(f"operand height {len(self.stack)} is not {height} at {instr!r}")
                if pc in charges:
                    self.flush()
                    self.begin_line(pc, charges[pc])
                if pc < end:
                    find(instr.op)(self, pc, instr)
            else:
                self.live = False
                if instr.op.mnemonic in _ARMS:
                    self.label(pc + 1)

    def begin_line(self, pc: int, cost: int) -> None:
        """Emit what counts a straight line."""
        self.emit(_charge, pc, cost)

    def charges(self) -> dict[int, int]:
        """pc of the first instruction of each straight line that is to be counted -> its fuel."""
        charges: dict[int, int] = {}
        start = 0
        for end in self.program.fuel_blocks(self.code.index):
            cost = sum(self.body[i].op.fuel for i in range(start, end))
            if cost:
                charges[start] = cost
            start = end
        return charges

    def _finish(self) -> Lowered:
        groups = self.groups
        labels = self.labels
        # Where control ends up that arrives at a group. Jumps go forward, so those further on are known already.
        arrivals = list(range(len(groups)))
        for ip in reversed(arrivals.copy()):
            if groups[ip].jump:
                arrivals[ip] = arrivals[labels[groups[ip].targets[0]]]
        resolve = arrivals.__getitem__

        steps: list[Step] = []
        last = len(groups) - 1
        for ip, group in enumerate(groups):
            args = group.args if group.dest is None else (*group.args, group.dest)
            nxt = ip + 1 if group.suspends else resolve(ip + 1) if ip < last else ip
            steps.append(group.make(*args, *(resolve(labels[t]) for t in group.targets), nxt))
        pcs = [group.pc for group in groups]
        guards = []
        for handler in self.side.handlers:
            clauses = []
            # One that control cannot reach catches nothing, and where it would go to may be unreachable, too.
            dead = self.side.heights[handler.start - 1] == UNREACHABLE
            for c in () if dead else handler.catches:
                target = c.branch.pc
                if target not in labels:
                    raise Crash(f"handler goes to unlabelled instruction {target}")
                keep = None if c.slot is None else self.first_exn + c.slot
                clauses.append(Catcher(c.tag, c.ref, self.slot(c.branch.height), resolve(labels[target]), keep))
            guards.append(Guard(handler.start, handler.end, handler.parent, tuple(clauses)))
        # A label whose step is a jump is never come to: whoever would goes on to the jump's target.
        places = {pc: ip for pc, ip in labels.items() if ip <= last and resolve(ip) == ip}
        return Lowered(steps, pcs, guards, places)


def lower(code: FuncCode, side: SideTable) -> tuple[Lowered, list[Any]]:
    """The steps of a function in fused form, and the constants that its registers end with."""
    import refsfi.exec.chapters  # noqa: F401  (registers the lowering functions)

    lowerer = Lowerer(code, side, fuse=True)
    lowered = lowerer.run()
    return lowered, lowerer.constants


# --- fuel ------------------------------------------------------------------------------------------------------------

# Control arrives behind these only by a branch or an exception.
_ARMS = frozenset("else catch catch_all".split())

# Branches arrive at these, so a straight line ends before them …
_LABELS = frozenset("loop else end catch catch_all delegate".split())
# … and behind these.
_TRANSFERS = frozenset(
    "block loop if else end br br_if br_table return unreachable call call_indirect call_ref return_call "
    "return_call_indirect return_call_ref throw throw_ref rethrow try try_table catch catch_all delegate br_on_null "
    "br_on_non_null br_on_cast br_on_cast_fail br_on_cast_desc_eq br_on_cast_desc_eq_fail".split()
)
# It also ends behind those that take more fuel, depending on how much they have to do.
_LENGTHY = frozenset(
    "memory.grow memory.fill memory.copy memory.init table.grow table.fill table.copy table.init array.new "
    "array.new_default array.new_data array.new_elem array.fill array.copy array.init_data array.init_elem".split()
)


def fuel_block_ends(body: Expr) -> list[int]:
    """The pcs behind the straight lines of a body, ascending, the last one `len(body)`. Fuel is charged a straight
    line at a time; whoever leaves one early (a trap) gets the rest back."""
    ends = set()
    for pc, instr in enumerate(body):
        mnemonic = instr.op.mnemonic
        if mnemonic in _LABELS:
            ends.add(pc)
        if mnemonic in _TRANSFERS or mnemonic in _LENGTHY:
            ends.add(pc + 1)
    ends.discard(0)
    ends.add(len(body))
    return sorted(ends)


def _charge(pc: int, cost: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        store = f.store
        fuel = store.fuel
        if fuel is None:
            raise Crash("a metered program in a store without fuel")
        if fuel < cost:
            return _spend_rest(r, f, pc)
        store.fuel = fuel - cost
        return nxt

    return step


def _spend_rest(r: Regs, f: Frame, pc: int) -> int:
    """Run the straight line at `pc`, for which the fuel is short, instruction by instruction until it is gone or a
    trap comes first."""
    code = f.code
    store = f.store
    if code is None or store.fuel is None:
        raise Crash("fuel is charged outside of a function")
    lowered = code.stepwise
    body = code.program.module.funcs[code.index].body
    while True:
        cost = body[pc].op.fuel
        # Whatever is raised here comes from this instruction, not from the step that the machine is at.
        store.at = pc
        if store.fuel < cost:
            raise Exhaustion(TrapCode.OUT_OF_FUEL)
        store.fuel -= cost
        try:
            pc = lowered.steps[pc](r, f)
        except (Trap, GuestException):
            # Said again: a call of the host may have run other instructions.
            store.at = pc
            raise


# --- the steps that lowering itself needs ----------------------------------------------------------------------------


def _move(source: int, dest: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        r[dest] = r[source]
        return nxt

    return step


def _nothing(nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        return nxt

    return step
