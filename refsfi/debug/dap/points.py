"""The client's breakpoints. It gives all of a kind at once, and again after a restart; what they are made of in the
session is kept beside them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from refsfi.debug.breakpoints import Access, Breakpoint, Event
from refsfi.debug.dap.arguments import Arguments
from refsfi.debug.dap.code import Code
from refsfi.debug.dap.sources import Sources
from refsfi.debug.dap.values import shown
from refsfi.debug.expressions import Evaluator
from refsfi.debug.model import DebugError, Place
from refsfi.debug.places import functions_named
from refsfi.debug.session import Session
from refsfi.syntax.types import ExternKind

__all__ = ["FILTERS", "Points"]

# Exceptions that can be stopped at: filter -> (label, on by default, takes a condition).
FILTERS: Final = {
    "trap": ("Traps", True, False),
    "uncaught": ("Uncaught exceptions", True, False),
    "thrown": ("Thrown exceptions", False, True),
}

_HIT: Final = re.compile(r"\s*(>=|<=|==|=|>|<|%)?\s*(\d{1,18})\s*")
_COMPARE: Final[dict[str, Callable[[int, int], bool]]] = {
    ">=": lambda hits, n: hits >= n,
    "<=": lambda hits, n: hits <= n,
    "==": lambda hits, n: hits == n,
    "=": lambda hits, n: hits == n,
    ">": lambda hits, n: hits > n,
    "<": lambda hits, n: hits < n,
    "%": lambda hits, n: n > 0 and hits % n == 0,
}

_ACCESSES: Final = {"read": Access.READ, "write": Access.CHANGE, "readWrite": Access.ACCESS}
_EXPRESSION: Final = re.compile(r"\\([{}\\])|\{([^{}]*)\}")


@dataclass(slots=True)
class Point:
    """One of the client's, and what stands for it in the session."""

    id: int
    numbers: list[int] = field(default_factory=list)


Make: TypeAlias = "Callable[[Arguments, Point], dict[str, Any]]"


@dataclass(slots=True)
class _Group:
    """What the client has set at once, to be set again in another session."""

    items: list[Arguments]
    make: Make
    points: list[Point]


class Points:
    """Of one session. `log` writes the message of a log point."""

    def __init__(
        self, session: Session, code: Code, sources: Sources, log: Callable[[str, Place | None], None]
    ) -> None:
        self._session = session
        self._code = code
        self._sources = sources
        self._log = log
        self._next = 1
        # What they were set for: ("source", path), ("function",), …
        self._groups: dict[tuple[Any, ...], _Group] = {}
        self._filters = {name for name, (_, on, _) in FILTERS.items() if on}

    def renew(self, session: Session, code: Code, sources: Sources) -> list[dict[str, Any]]:
        """Set all of them in another session of the same guest; what has become of each."""
        self._session, self._code, self._sources = session, code, sources
        answers = []
        for group in self._groups.values():
            for item, point in zip(group.items, group.points, strict=True):
                point.numbers.clear()
                answers.append(self._made(item, point, group.make))
        return answers

    def clear(self) -> None:
        for key in list(self._groups):
            self._forget(key)

    def _forget(self, key: tuple[Any, ...]) -> None:
        group = self._groups.pop(key, None)
        known = {b.number for b in self._session.breakpoints}
        for point in group.points if group is not None else ():
            for number in known.intersection(point.numbers):
                self._session.breakpoints.remove(number)

    def hit(self, numbers: Iterable[int]) -> tuple[str, list[int]]:
        """Of those that were hit in the session: the kind of the first, empty for none, and the client's ids."""
        wanted = set(numbers)
        found = [(str(k[0]), p.id) for k, group in self._groups.items() for p in group.points if wanted & {*p.numbers}]
        return (found[0][0] if found else ""), [id for _, id in found]

    # --- by kind -----------------------------------------------------------------------------------------------------

    def set_source(self, arguments: Arguments) -> list[dict[str, Any]]:
        source = arguments.object("source")
        key = ("source", source.number("sourceReference", 0) or source.text("path"))

        def make(item: Arguments, point: Point) -> dict[str, Any]:
            places = self._sources.places(source, item.number("line", least=1))
            self._add(point, item, places)
            found, line, column = self._sources.position(places[0])
            if "sourceReference" in source:
                found, line, column = self._sources.listing_position(places[0])
            return {"line": line, "column": column or 1, "source": found, **self._reference(places[0])}

        return self._set(key, arguments.objects("breakpoints"), make)

    def set_function(self, arguments: Arguments) -> list[dict[str, Any]]:
        def make(item: Arguments, point: Point) -> dict[str, Any]:
            name = item.text("name")
            places = self._functions(name)
            if not places:
                self._catch(point, item, Event.IMPORT, name)
                return {}
            places = [self._sources.behind_prologue(place) for place in places]
            self._add(point, item, places)
            source, line, _ = self._sources.position(places[0])
            return {"line": line, "source": source, **self._reference(places[0])}

        return self._set(("function",), arguments.objects("breakpoints"), make)

    def _functions(self, name: str) -> list[Place]:
        """Those of that name that have a body; none for an import. DebugError where there is no such function."""
        programs = self._code.programs
        try:
            return functions_named(programs, name)
        except DebugError:
            begins = (Place(program, func.func_index, 0) for program in programs for func in program.funcs)
            # Behind what is inlined there, the function itself.
            found = [place for place in begins if name in [f.function for f in self._sources.frames(place)[-1:]]]
            imported = any(
                name in (i.name, f"{i.module}::{i.name}") for p in programs for i in p.module.imported(ExternKind.FUNC)
            )
            if not found and not imported:
                raise
            return found

    def set_instruction(self, arguments: Arguments) -> list[dict[str, Any]]:
        def make(item: Arguments, point: Point) -> dict[str, Any]:
            text = item.text("instructionReference")
            try:
                address = int(text, 0) + item.number("offset", 0, least=-(1 << 62))
            except ValueError:
                raise DebugError(f"{text[:40]!r} is no address of code") from None
            place = self._code.place(address)
            self._add(point, item, [place])
            source, line, _ = self._sources.position(place)
            return {"line": line, "source": source, **self._reference(place)}

        return self._set(("instruction",), arguments.objects("breakpoints"), make)

    def set_data(self, arguments: Arguments) -> list[dict[str, Any]]:
        def make(item: Arguments, point: Point) -> dict[str, Any]:
            kind = item.text("accessType", "write")
            if kind not in _ACCESSES:
                raise DebugError(f"accessType {kind[:40]!r} is not one of {', '.join(_ACCESSES)}")
            watched = watched_of(self._session, item.text("dataId"))
            options = self._options(item)
            point.numbers.append(self._session.watch(watched, _ACCESSES[kind], **options).number)
            return {}

        return self._set(("data",), arguments.objects("breakpoints"), make)

    def set_exceptions(self, arguments: Arguments) -> list[dict[str, Any]]:
        items = [Arguments({"filterId": name}, "setExceptionBreakpoints") for name in arguments.texts("filters")]
        items += arguments.objects("filterOptions")
        self._filters = {item.text("filterId") for item in items}

        def make(item: Arguments, point: Point) -> dict[str, Any]:
            name = item.text("filterId")
            if name not in FILTERS:
                raise DebugError(f"there is no filter {name[:40]!r}: {', '.join(FILTERS)}")
            if name == "thrown":
                self._catch(point, item, Event.THROW, None)
            elif "condition" in item:
                raise DebugError(f"the filter {name} takes no condition: the guest cannot go on from there")
            return {}

        return self._set(("exception",), items, make)

    def stops_at(self, filter: str) -> bool:
        """Whether the client wants to see an end of that kind."""
        return filter in self._filters

    # --- making ------------------------------------------------------------------------------------------------------

    def _set(self, key: tuple[Any, ...], items: list[Arguments], make: Make) -> list[dict[str, Any]]:
        """In place of those that were set for the same. One that cannot be is told in its own answer."""
        self._forget(key)
        points = [Point(self._next + number) for number in range(len(items))]
        self._next += len(items)
        self._groups[key] = _Group(items, make, points)
        return [self._made(item, point, make) for item, point in zip(items, points, strict=True)]

    def _made(self, item: Arguments, point: Point, make: Make) -> dict[str, Any]:
        try:
            return {"id": point.id, "verified": True, **make(item, point)}
        except DebugError as error:
            return {"id": point.id, "verified": False, "message": str(error), "reason": "failed"}

    def _add(self, point: Point, item: Arguments, places: Iterable[Place]) -> None:
        options = self._options(item)
        for place in places:
            point.numbers.append(self._session.break_at(place, **options).number)

    def _catch(self, point: Point, item: Arguments, event: Event, name: str | None) -> None:
        point.numbers.append(self._session.catch(event, name, **self._options(item)).number)

    def _options(self, item: Arguments) -> dict[str, Any]:
        return {"condition": item.optional_text("condition") or None, "accept": self._accept(item)}

    def _accept(self, item: Arguments) -> Callable[[Breakpoint, bool], bool] | None:
        """What decides of a hit: the hit condition counts those of the way forward, and a log point stops nobody."""
        hit, message = item.optional_text("hitCondition"), item.optional_text("logMessage")
        if not hit and not message:
            return None
        match = _HIT.fullmatch(hit or ">= 1")
        if match is None:
            raise DebugError(f"hit condition {str(hit)[:40]!r}: a number expected, such as 3, >= 3 or % 3")
        compare, number = _COMPARE[match[1] or ">="], int(match[2])
        parts = None if not message else _parts(message)

        def accept(b: Breakpoint, back: bool) -> bool:
            if parts is None:
                return back or compare(b.hits, number)
            if not back and compare(b.hits, number):
                self._log("".join(self._said(text, code) for text, code in parts), b.place)
            return False

        return accept

    def _said(self, text: str, code: bool) -> str:
        if not code:
            return text
        try:
            return shown(self._session.evaluate(text))
        except DebugError as error:
            return f"<{error}>"

    def _reference(self, place: Place) -> dict[str, str]:
        return {"instructionReference": f"{self._code.address(place):#x}"}


def _parts(message: str) -> list[tuple[str, bool]]:
    """Text, and expressions in braces. DebugError for one that is none."""
    parts: list[tuple[str, bool]] = []
    at = 0
    for match in _EXPRESSION.finditer(message):
        parts.append((message[at : match.start()], False))
        at = match.end()
        if match[1]:
            parts.append((match[1], False))
        else:
            Evaluator.check(match[2])
            parts.append((match[2], True))
    parts.append((message[at:], False))
    return parts


def watched_of(session: Session, data_id: str) -> Any:
    """What a data breakpoint is to watch, by the id that it was given. DebugError."""
    kind, *numbers = data_id.split("/")
    try:
        values = [int(number, 0) for number in numbers]
        if kind == "memory":
            instance, memory, address, size = values
            return session.watch_memory(address, size, instance, memory)
        if kind == "global":
            instance, index = values
            return session.watch_global(index, instance)
        if kind == "table":
            instance, table, index = values
            return session.watch_table(index, 1, instance, table)
    except ValueError:
        pass
    raise DebugError(f"{data_id[:60]!r} is no data that can be watched; ask for it by dataBreakpointInfo")
