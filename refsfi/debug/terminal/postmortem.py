"""A core dump in the place of a session: everything can be looked at, nothing moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from refsfi.debug.breakpoints import Breakpoint, Breakpoints
from refsfi.debug.coredump import Core, core_views, instances_of
from refsfi.debug.expressions import Evaluator
from refsfi.debug.journal import Journal
from refsfi.debug.model import DebugError, FrameView, Place, Reason, Stop, Variable
from refsfi.debug.motion import Line
from refsfi.debug.session import Session
from refsfi.debug.timeline import Timeline
from refsfi.exec.code import Program
from refsfi.runtime.store import Instance, Store

__all__ = ["CoreSession"]


class CoreSession(Session):
    """`programs` are those of `core.modules`, in this order. What a session does by its timeline raises DebugError.
    CoreError where the core dump is not one of these modules."""

    def __init__(self, core: Core, programs: Sequence[Program]) -> None:
        # Nothing is being executed in it.
        self._store = Store()
        self._made = instances_of(core, programs, self._store)
        self._views = core_views(core, self._made)
        self._source: Callable[[Place], Line | None] = lambda place: None
        self.journal = Journal(live=False)
        self.breakpoints = Breakpoints(lambda: None)
        self.stop = Stop(Reason.TRAP, 0, self.place, message=core.trap or "not said by the core dump")

    @property
    def _time(self) -> Timeline:
        raise DebugError("a core dump can be looked at only: it neither runs nor changes, and has no past")

    def _prepare(self) -> None:
        raise DebugError("a core dump does not run: debug the module without --core")

    def _add(self, **what: Any) -> Breakpoint:
        raise DebugError("a core dump does not run: nothing can stop it")

    @property
    def store(self) -> Store:
        return self._store

    @property
    def place(self) -> Place | None:
        return self._views[0].place if self._views else None

    @property
    def clock(self) -> int:
        return 0

    @property
    def lines(self) -> Callable[[Place], Line | None]:
        return self._source

    @lines.setter
    def lines(self, lines: Callable[[Place], Line | None]) -> None:
        self._source = lines

    def instances(self) -> list[Instance]:
        return list(self._made)

    def _instance(self, number: int) -> Instance:
        if not 0 <= number < len(self._made):
            raise DebugError(f"there is no instance {number}")
        return self._made[number]

    def frames(self, limit: int | None = None) -> list[FrameView]:
        return self._views[:limit]

    def evaluate(self, expression: str, frame: int = 0) -> Variable:
        return _Evaluator(self, frame).evaluate(expression)


class _Evaluator(Evaluator):
    """Finds locals and operands in the core dump's frames."""

    def _find(self, kind: str, name: str, arguments: tuple[int, ...]) -> Variable:
        if kind not in ("$", "%"):
            return super()._find(kind, name, arguments)
        frames = self._session.frames()
        if self._level >= len(frames):
            raise DebugError("there is no such frame")
        frame = frames[self._level]
        variables = frame.locals if kind == "$" else frame.operands
        for index, variable in enumerate(variables):
            if name == str(index) or variable.name == f"{kind}{name}":
                if variable.value is None:
                    raise DebugError(f"{kind}{name} is not in the core dump")
                return variable
        raise DebugError(f"there is no {'local' if kind == '$' else 'operand'} {name}")
