"""Random programs under the debugger: stepping, jumping and running, forward and back, must come to the same states.

A state is known by the digest of frames, operands, memories, globals, tables and heap. First a run is made instruction
by instruction, and the digest at each clock noted; then the clocks are gone to in other ways, with snapshots at other
intervals and breakpoints that have the functions in other forms.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

from refsfi.debug.breakpoints import Access
from refsfi.debug.history import HistoryOptions
from refsfi.debug.model import Place, Reason
from refsfi.debug.session import Session
from refsfi.debug.target import Action, Call, Instantiate, Target
from refsfi.errors import Crash
from refsfi.exec.load import load_program
from refsfi.runtime.limits import Limits
from refsfi.runtime.store import Extern, FuncInst, GlobalInst, HostFunc, Instance
from refsfi.syntax.deftypes import DefType
from refsfi.syntax.features import ALL
from refsfi.syntax.types import FuncExtern
from tools.fuzzing.generate import generate

__all__ = ["Disagreement", "check", "random_target"]

_LIMITS: Final = Limits(stack=40_000, memory=1 << 20, table=2000)


class Disagreement(Exception):
    """A state, or a stop, is not what it was."""


def random_target(seed: int, *, metered: bool) -> Target:
    """A random module, and calls of its functions. Its host answers at random."""
    random = Random(seed)
    generated = generate(random)
    program = load_program(generated.text.encode(), ALL, metered=metered)
    answers: dict[str, Callable[..., Sequence[Any]]] = {
        "print": lambda *_: (),
        "twist": lambda *_: (random.getrandbits(32),),
        "again": lambda *_: (random.getrandbits(64),),
    }
    imports: list[Extern] = []
    for declared, type in zip(program.module.imports, program.import_types, strict=True):
        if not isinstance(type, FuncExtern) or not isinstance(type.type, DefType):
            raise Crash("the generator imports functions only")
        imports.append(HostFunc(type.type, answers[declared.name], declared.name))
    made: list[Instance] = []

    def function(name: str) -> Callable[[], FuncInst]:
        def find() -> FuncInst:
            # What loops and calls of these modules draw on, so that they end.
            budget, found = made[0].exports["budget"], made[0].exports[name]
            if not isinstance(budget, GlobalInst) or not isinstance(found, FuncInst):
                raise Crash("the generator exports a budget and functions")
            budget.value = 60
            return found

        return find

    actions: list[Action] = [Instantiate(program, lambda store: imports, made=made.append)]
    for signature in generated.signatures[:3]:
        actions.append(Call(function(signature.name), [_argument(type, random) for type in signature.params]))
    return Target(actions, _LIMITS, 100_000 if metered else None)


def _argument(type: str, random: Random) -> Any:
    if type == "v128":
        return random.randbytes(16)
    bits = 32 if type.endswith("32") else 64
    return random.choice((0, 1, random.getrandbits(8), random.getrandbits(bits)))


def check(seed: int, steps: int = 200) -> int:
    """The number of instructions that were looked at. Disagreement."""
    random = Random(f"time travel {seed}")
    metered = random.random() < 0.5
    interval = random.choice((7, 50, 400))
    session = Session(random_target(seed, metered=metered), HistoryOptions(1 << 22, interval))
    states = [session.state_hash()]
    while len(states) <= steps and session.running:
        if session.step().clock == len(states):
            states.append(session.state_hash())
        elif session.running:
            raise Disagreement(f"seed {seed}: a step led from clock {len(states) - 1} to {session.clock}")
    end = len(states) - 1

    def same(what: str) -> None:
        if session.state_hash() != states[session.clock]:
            raise Disagreement(f"seed {seed}: another state at clock {session.clock}, {what}")

    for clock in range(end, max(end - 40, 0), -1):
        session.step(back=True) if random.random() < 0.5 and session.clock > clock else session.goto(clock)
        same("going back step by step")
    for _ in range(10):
        session.goto(random.randrange(end + 1))
        same("going there at once")
    _set_breakpoints(session, random)
    forward, passed = _stops_forward(session, end, same)
    session.goto(end)
    same("running to the end")
    backward = _stops_back(session, same)
    if not forward <= backward <= forward | passed:
        raise Disagreement(f"seed {seed}: stops at {sorted(forward)} forward, at {sorted(backward)} back")
    session = Session(random_target(seed, metered=metered))
    session.goto(random.randrange(end + 1))
    same("in another session")
    return end


def _set_breakpoints(session: Session, random: Random) -> None:
    program = session.target.programs[0]
    for _ in range(3):
        index = random.randrange(len(program.funcs))
        pc = random.randrange(len(program.module.funcs[index].body))
        session.break_at(Place(program, program.imported_funcs + index, pc))
    instance = session.instances()[0]
    if instance.mems:
        session.watch(session.watch_memory(random.randrange(64), 8), random.choice(list(Access)))
    if instance.globals:
        session.watch(session.watch_global(random.randrange(len(instance.globals))), random.choice(list(Access)))


def _stops_forward(session: Session, end: int, same: Callable[[str], None]) -> tuple[set[int], set[int]]:
    """The clocks of the hits below `end`, but for one at the beginning, where nothing is left for going back; and those
    at which the guest stood behind a hit of a watchpoint: a breakpoint there does not stop it once more."""
    session.goto(0)
    found: set[int] = set()
    passed: set[int] = set()
    while True:
        stop = session.run()
        if stop.clock > end or stop.over:
            return {clock for clock in found if 0 < clock < end}, passed
        same("at a stop on the way forward")
        if stop.watch is not None:
            passed.add(stop.clock)
        found.add(stop.clock if stop.watch is None else stop.watch.clock)


def _stops_back(session: Session, same: Callable[[str], None]) -> set[int]:
    found: set[int] = set()
    while True:
        stop = session.run(back=True)
        if stop.reason is Reason.HISTORY_BEGIN:
            return {clock for clock in found if clock}
        same("at a stop on the way back")
        found.add(stop.clock)


def main(arguments: Sequence[str]) -> int:
    """`FIRST COUNT`, or only how many: check so many seeds; 1 where one fails."""
    *first, count = map(int, arguments or ["1000"])
    begin = first[0] if first else 0
    instructions = failed = 0
    for seed in range(begin, begin + count):
        try:
            instructions += check(seed)
        except Disagreement as error:
            failed += 1
            print(error)
    print(f"{count} programs, {instructions} instructions, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
