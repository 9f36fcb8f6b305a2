"""What the compiler knows of a function before it looks at how it runs: where blocks end, which locals loops change,
and which locals are live where.

Liveness is computed once a function, over its whole body, because a region that leaves early leaves to code that it has
never seen. Wasm's control is structured, so one walk backwards does it but for loops, whose headers are needed before
they are reached: the walk begins with too large a set for them (what the loop reads, and what is live at any label
around it) and is repeated once with what it found. Both walks err on the same side: what they call dead is dead.
"""

from __future__ import annotations

from functools import cached_property

from jit.ir.ops import Type, type_of
from refsfi.errors import Crash
from refsfi.exec.code import FuncCode
from refsfi.runtime.values import func_type

__all__ = ["Flow"]

_OPENERS = frozenset("block loop if try try_table".split())
_WRITES = frozenset(["local.set", "local.tee"])
# Control does not get behind these.
_AWAY = frozenset("unreachable return return_call return_call_indirect return_call_ref throw throw_ref rethrow".split())


class Flow:
    """Of one function. Sets of locals are ints with a bit for each."""

    def __init__(self, code: FuncCode) -> None:
        self.code = code
        self.side = code.side
        program = code.program
        self.body = program.module.funcs[code.index].body
        self.locals: list[Type] = [type_of(t) for t in program.info.local_types[code.index]]
        type = func_type(program.info.funcs[code.func_index])
        self.params: list[Type] = [type_of(t) for t in type.params]
        self.results: list[Type] = [type_of(t) for t in type.results]
        # pc of an opener -> pc of its `end`.
        self.end_of: dict[int, int] = {}
        # pc of a loop -> the locals that are written, or read, in it.
        self.written: dict[int, int] = {}
        self.read: dict[int, int] = {}
        self._operands: dict[int, list[Type]] = {}
        self._survey()

    def operands(self, pc: int) -> list[Type]:
        """The types of the operands in front of an instruction, deepest first. Validation keeps heights only, and is
        asked once more: for the few regions that are entered with operands on the stack."""
        if not self.side.heights[pc]:
            return []
        found = self._operands.get(pc)
        if found is None:
            from refsfi.observe.stack import operands_at

            found = self._operands[pc] = [type_of(t) for t in operands_at(self.code, pc)]
        return found

    def _survey(self) -> None:
        open_: list[tuple[int, int, int]] = []
        writes = reads = 0
        for pc, instr in enumerate(self.body):
            mnemonic = instr.op.mnemonic
            if mnemonic == "local.get":
                reads |= 1 << instr.args[0]
            elif mnemonic in _WRITES:
                writes |= 1 << instr.args[0]
            elif mnemonic in _OPENERS:
                open_.append((pc, writes, reads))
                writes = reads = 0
            elif mnemonic in ("end", "delegate") and open_:
                start, outer_writes, outer_reads = open_.pop()
                self.end_of[start] = pc
                if self.body[start].op.mnemonic == "loop":
                    self.written[start] = writes
                    self.read[start] = reads
                writes |= outer_writes
                reads |= outer_reads

    @cached_property
    def live(self) -> dict[int, int]:
        """pc -> the locals that are live before that instruction."""
        headers = dict.fromkeys(self.read, -1)
        self._walk(headers)
        return self._walk(headers)

    def _walk(self, headers: dict[int, int]) -> dict[int, int]:
        """One walk backwards. `headers`: loop -> what is live at its header, -1 where that is not known; updated."""
        body, side = self.body, self.side
        branches, heights = side.branches, side.heights
        last = len(body) - 1
        live: dict[int, int] = {last + 1: 0}
        catching = self._catching(headers)
        begins = {end: start for start, end in self.end_of.items()}
        now = 0
        # What is live at the labels around, ends only; the union of them is on top of the stack.
        around: list[int] = [0]
        for pc in range(last, -1, -1):
            instr = body[pc]
            mnemonic = instr.op.mnemonic
            if mnemonic == "local.get":
                now |= 1 << instr.args[0]
            elif mnemonic in _WRITES:
                now &= ~(1 << instr.args[0])
            elif mnemonic in ("end", "delegate"):
                if pc == last:
                    now = 0
                else:
                    around.append(around[-1] | now)
                    start = begins[pc]
                    if headers.get(start) == -1:
                        headers[start] = self.read[start] | around[-1]
            elif mnemonic in _OPENERS:
                around.pop()
                if mnemonic == "loop":
                    headers[pc] = now
                elif mnemonic == "if":
                    now |= live[self._single(pc)]
            elif pc in branches:
                found = branches[pc]
                targets = found if isinstance(found, tuple) else (found,)
                out = 0
                for branch in targets:
                    out |= headers[branch.pc] if branch.pc in headers and branch.pc <= pc else live[branch.pc]
                now = out | now if mnemonic.startswith("br_") and mnemonic != "br_table" else out
            elif mnemonic in _AWAY:
                now = 0
            if catching is not None:
                for start, stop, wanted in catching:
                    if start <= pc < stop:
                        now |= wanted if wanted >= 0 else self._handled(pc, live, headers)
            live[pc] = now
        if not len(heights):
            raise Crash("a function without instructions")
        return live

    def _catching(self, headers: dict[int, int]) -> list[tuple[int, int, int]] | None:
        """The ranges in which an exception may be caught; None in functions without handlers."""
        handlers = self.side.handlers
        return [(h.start, h.end, -1) for h in handlers] if handlers else None

    def _handled(self, pc: int, live: dict[int, int], headers: dict[int, int]) -> int:
        """What is live at the places that an exception thrown at `pc` can be caught at."""
        found = 0
        for handler in self.side.handlers:
            if handler.start <= pc < handler.end:
                for clause in handler.catches:
                    target = clause.branch.pc
                    found |= live[target] if target > pc else headers[target]
        return found

    def _single(self, pc: int) -> int:
        branch = self.side.branches[pc]
        if isinstance(branch, tuple):
            raise Crash("a single branch was expected")
        return branch.pc
