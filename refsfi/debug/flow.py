"""Where an instruction's operands come from, as far as the function's code alone tells: data flow back from an
instruction, over operands and locals, to constants, arguments, loads and calls.

It is exact where every way to an instruction leads through the same definition. Where there may be several it says
`either`, and may list one too many; what happened in memory it does not know. The time-travelling debugger follows the
values themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from refsfi.exec.code import FuncCode
from refsfi.observe.listing import Lister
from refsfi.observe.operands import Operands, OperandTypes
from refsfi.syntax.module import Instr
from refsfi.valid.sidetable import UNREACHABLE, Branch, SideTable

__all__ = ["Flow", "Origin"]

# How far back, and how many instructions, the origin of an operand goes.
_DEPTH: Final = 6
_MOST: Final = 16

_OPENING: Final = frozenset("block loop if try try_table".split())
_ARMS: Final = frozenset("else catch catch_all".split())
_CLOSING: Final = frozenset("end delegate".split())


@dataclass(frozen=True, slots=True)
class Origin:
    """What made a value. `kind` is one of constant, argument, zero, local, global, load, call, operation, either, more.

    `text` is the instruction, or what else it was; `pc` its place in the function, None where it has none. `sources`
    are those of its operands, or the possible ones.
    """

    kind: str
    text: str
    pc: int | None = None
    sources: tuple[Origin, ...] = ()


class Flow:
    """Of one function that has been prepared."""

    def __init__(self, code: FuncCode, operands: OperandTypes | None = None, lister: Lister | None = None) -> None:
        module = code.program.module
        self._code = code
        self._body: Sequence[Instr] = module.funcs[code.index].body
        self._types = (operands or OperandTypes(module)).of(code.index)
        self._lister = lister or Lister(module)
        walk = _Walk(self._body, code.side, self._types)
        self._producers = walk.producers
        # pc -> the pc of the block that it is directly in, -1 for the function's own; block -> its end.
        self._block, self._end = walk.block, walk.end
        self._straight = walk.straight
        self._sets: dict[int, list[int]] = {}
        for pc, instr in enumerate(self._body):
            if instr.op.mnemonic in ("local.set", "local.tee") and code.side.heights[pc] != UNREACHABLE:
                self._sets.setdefault(instr.args[0], []).append(pc)

    def operands(self, pc: int) -> list[Origin]:
        """The origins of what instruction `pc` takes, deepest first."""
        return [self._origin(producer, _DEPTH, set()) for producer in self._producers[pc]]

    def _origin(self, pc: int, depth: int, seen: set[int]) -> Origin:
        """`seen` are the instructions that have been told already: a loop leads back to them."""
        instr = self._body[pc]
        text = self._lister.line(self._code.index, pc)
        if not instr.op.const and (depth == 0 or len(seen) >= _MOST or pc in seen):
            return Origin("more", text, pc)
        seen.add(pc)
        mnemonic, rule = instr.op.mnemonic, instr.op.rule
        if mnemonic == "local.get":
            return self._local(instr.args[0], pc, depth, seen)
        if mnemonic == "local.tee":
            return self._origin(self._producers[pc][0], depth, seen)
        if mnemonic in _CLOSING or mnemonic in _OPENING or mnemonic in _ARMS:
            return Origin("either", f"what the block leaves that ends with this {mnemonic}", pc)
        if instr.op.const and not instr.op.operands:
            kind = "global" if mnemonic == "global.get" else "constant"
            return Origin(kind, text, pc)
        kind = "call" if "call" in mnemonic else "load" if "load" in rule else "operation"
        sources = tuple(self._origin(producer, depth - 1, seen) for producer in self._producers[pc])
        return Origin(kind, text, pc, sources)

    # --- locals ---

    def _local(self, local: int, pc: int, depth: int, seen: set[int]) -> Origin:
        sets = self._sets.get(local, [])
        name = self._local_name(local)
        definite = self._reaching(sets, pc)
        if definite is not None:
            return self._set(name, definite, depth, seen)
        argument = local < self._code.nparams
        initial = Origin("argument", f"argument {name}") if argument else Origin("zero", f"local {name}, still 0")
        possible = [s for s in sets if s < pc or self._repeats(s, pc)]
        if not possible:
            return initial
        ways = [self._set(name, s, depth, seen) for s in possible[:4]]
        if len(possible) > len(ways):
            ways.append(Origin("more", f"{len(possible) - len(ways)} more places that set it"))
        if not any(s < pc and self._open(self._block[s], pc) for s in possible):
            ways.append(initial)
        return Origin("either", f"local {name}, one of", None, tuple(ways))

    def _set(self, name: str, pc: int, depth: int, seen: set[int]) -> Origin:
        text = f"local {name}, set here"
        if depth == 0 or pc in seen:
            return Origin("more", text, pc)
        seen.add(pc)
        return Origin("local", text, pc, (self._origin(self._producers[pc][0], depth - 1, seen),))

    def _local_name(self, local: int) -> str:
        names = self._code.program.module.names.locals.get(self._code.func_index, {})
        return f"${names[local]}" if local in names else str(local)

    def _reaching(self, sets: list[int], pc: int) -> int | None:
        """The definition that every way to `pc` passes last, if there is one.

        Control is structured: what stands in a block that is still open at `pc` has been executed. A later definition,
        or one in a loop around `pc` that comes after it, can take its place.
        """
        before = [s for s in sets if s < pc]
        if not before:
            return None
        last = before[-1]
        if self._straight[last] == self._straight[pc]:
            return last
        if not self._open(self._block[last], pc):
            return None
        loop = self._block[pc]
        while loop >= 0:
            repeated = self._body[loop].op.mnemonic == "loop" and loop > last
            if repeated and any(pc < s < self._end[loop] for s in sets):
                return None
            loop = self._block[loop]
        return last

    def _open(self, block: int, pc: int) -> bool:
        return block < 0 or block < pc < self._end[block]

    def _repeats(self, later: int, pc: int) -> bool:
        """Whether a loop around both leads from a later instruction back to `pc`."""
        block = self._block[pc]
        while block >= 0:
            if self._body[block].op.mnemonic == "loop" and later < self._end[block]:
                return True
            block = self._block[block]
        return False


class _Walk:
    """One pass over a body with a stack of the instructions that made each operand.

    Where ways meet, an operand counts as made by the instruction they meet at. `block[pc]` is the block that is open
    around an instruction, -1 for none, `end` where it closes; instructions with equal `straight` are executed one
    behind the other.
    """

    def __init__(self, body: Sequence[Instr], side: SideTable, types: list[Operands]) -> None:
        self.producers: list[tuple[int, ...]] = []
        self.block: list[int] = []
        self.end: dict[int, int] = {}
        self.straight: list[int] = []
        # Where branches arrive -> how many operands stay below those that they carry.
        joins: dict[int, int] = {}
        for branch in _branches(side):
            joins[branch.pc] = min(branch.height, joins.get(branch.pc, branch.height))
        # The open blocks, each with the stack that it began with.
        opened: list[tuple[int, list[int]]] = []
        stack: list[int] = []
        line = 0
        for pc, instr in enumerate(body):
            mnemonic = instr.op.mnemonic
            entered = stack
            if (mnemonic in _CLOSING or mnemonic in _ARMS) and opened:
                # Each arm is a block of its own: what one does, the other has not done.
                block, entered = opened.pop()
                self.end[block] = pc
            self.block.append(opened[-1][0] if opened else -1)
            height, count = side.heights[pc], len(types[pc])
            live = height != UNREACHABLE
            taken = stack[height - count : height] if live else []
            self.producers.append(tuple(taken))
            after = side.heights[pc + 1] if pc + 1 < len(body) else UNREACHABLE
            if live:
                stack = stack[: height - count]
            if mnemonic in _OPENING:
                opened.append((pc, stack))
            if mnemonic in _ARMS:
                opened.append((pc, entered))
                stack = _joined(entered, min(len(entered), after), after, pc)
            elif pc in joins or (mnemonic in _CLOSING and not live):
                stack = _joined(stack if mnemonic == "loop" else entered, joins.get(pc, len(entered)), after, pc)
            elif live and mnemonic not in _CLOSING and mnemonic not in _OPENING:
                stack = _joined(stack, len(stack), after, pc)
            line += mnemonic in _MARKS
            self.straight.append(line)
            line += mnemonic in _MARKS or mnemonic.startswith(_TRANSFERS)


_MARKS: Final = _OPENING | _ARMS | _CLOSING
_TRANSFERS: Final = ("br", "return", "unreachable", "throw")


def _joined(stack: list[int], keep: int, height: int, pc: int) -> list[int]:
    """The lowest `keep` operands of a stack, and others up to `height` that instruction `pc` makes."""
    return stack if height == UNREACHABLE else [*stack[:keep], *([pc] * (height - min(keep, len(stack))))]


def _branches(side: SideTable) -> list[Branch]:
    found: list[Branch] = []
    for branch in side.branches.values():
        found += branch if isinstance(branch, tuple) else (branch,)
    for handler in side.handlers:
        found += (clause.branch for clause in handler.catches)
    return found
