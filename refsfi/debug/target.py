"""What is debugged: a store, and the instantiations, calls and changes that make up its run, in their order.

They are given as actions and not done yet, for the debugger does them itself: a start function is stepped through like
any other, and going back to before an instantiation is going back to a state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from refsfi.debug.journal import Effects, Tracker
from refsfi.exec.code import Program
from refsfi.runtime.limits import Limits
from refsfi.runtime.store import Extern, FuncInst, HostFunc, Instance, Store
from refsfi.runtime.values import Value

__all__ = ["Action", "Call", "Change", "Image", "Instantiate", "Target", "untracked"]


@dataclass(frozen=True, slots=True)
class Instantiate:
    """Make an instance of `program`, and call its start function if it has one.

    `imports` gives, in the order of the module's imports, what was made in this store by earlier actions or is the
    host's own; it is asked once, when the action's turn comes. `made` is told of the instance, before its start
    function is called.
    """

    program: Program
    imports: Callable[[Store], Sequence[Extern]] = lambda store: ()
    name: str = ""
    made: Callable[[Instance], None] | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """Invoke a function; `function` is asked when the action's turn comes, each time. `finished` is told the results,
    each time as well."""

    function: Callable[[], FuncInst | HostFunc]
    arguments: Sequence[Value] = ()
    finished: Callable[[Sequence[Value]], None] | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What the host does to the guest between two calls: bytes it writes, memories it grows, globals and tables."""

    effects: Effects


def untracked(function: HostFunc) -> Tracker | None:
    """Of no function is it known what it writes."""
    return None


Action: TypeAlias = "Instantiate | Call | Change"


@dataclass(frozen=True, slots=True)
class Image:
    """A module's file: where it came from, and its bytes, to which the offsets of instructions refer."""

    path: str
    program: Program
    data: bytes


@dataclass(slots=True)
class Target:
    """`fuel` as `Store.fuel`; programs must be metered where it is given, and must have no tier."""

    actions: Sequence[Action]
    limits: Limits = field(default_factory=Limits)
    fuel: int | None = None
    tracker: Callable[[HostFunc], Tracker | None] = untracked

    @classmethod
    def of(
        cls,
        program: Program,
        imports: Mapping[tuple[str, str], Extern] | None = None,
        calls: Sequence[tuple[str, Sequence[Value]]] = (),
        *,
        limits: Limits | None = None,
        fuel: int | None = None,
    ) -> Target:
        """One instance and calls of its exported functions. KeyError where an import is missing."""
        given = [(imports or {})[declared.module, declared.name] for declared in program.module.imports]
        made: list[Instance] = []

        def function(name: str) -> Callable[[], FuncInst | HostFunc]:
            def find() -> FuncInst | HostFunc:
                found = made[0].export(name)
                if not isinstance(found, FuncInst | HostFunc):
                    raise KeyError(name)
                return found

            return find

        actions: list[Action] = [Instantiate(program, lambda store: given, made=made.append)]
        actions += [Call(function(name), arguments) for name, arguments in calls]
        return cls(actions, limits or Limits(), fuel)

    @property
    def programs(self) -> list[Program]:
        """Without repetitions."""
        return list(dict.fromkeys(a.program for a in self.actions if isinstance(a, Instantiate)))
