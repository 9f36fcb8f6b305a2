"""Requests that move the guest through time."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from refsfi.debug.dap.arguments import Arguments
from refsfi.debug.dap.registry import Body, Needs, request
from refsfi.debug.model import DebugError, Place, Unit

if TYPE_CHECKING:
    from refsfi.debug.dap.adapter import Adapter

__all__: list[str] = []

_UNITS = {"instruction": Unit.INSTRUCTION, "line": Unit.LINE, "statement": Unit.LINE}


def _check_thread(arguments: Arguments) -> None:
    thread = arguments.number("threadId", 1)
    if thread != 1:
        raise DebugError(f"there is no thread {thread}: the only one is 1")


def _step(adapter: Adapter, arguments: Arguments, *, over: bool = False, out: bool = False, back: bool = False) -> Body:
    _check_thread(arguments)
    granularity = arguments.text("granularity", "statement")
    if granularity not in _UNITS:
        raise DebugError(f"granularity {granularity[:40]!r} is not one of {', '.join(_UNITS)}")
    step = partial(adapter.run.guest.session.step, _UNITS[granularity], over=over, out=out, back=back)
    adapter.move(step, back=back)
    return None


@request("next")
def _next(adapter: Adapter, arguments: Arguments) -> Body:
    return _step(adapter, arguments, over=True)


@request("stepIn")
def _in(adapter: Adapter, arguments: Arguments) -> Body:
    return _step(adapter, arguments)


@request("stepOut")
def _out(adapter: Adapter, arguments: Arguments) -> Body:
    return _step(adapter, arguments, out=True)


@request("stepBack")
def _back(adapter: Adapter, arguments: Arguments) -> Body:
    return _step(adapter, arguments, over=True, back=True)


@request("continue")
def _continue(adapter: Adapter, arguments: Arguments) -> Body:
    _check_thread(arguments)
    adapter.go()
    return {"allThreadsContinued": True}


@request("reverseContinue")
def _continue_back(adapter: Adapter, arguments: Arguments) -> Body:
    _check_thread(arguments)
    adapter.move(partial(adapter.run.guest.session.run, back=True), back=True)
    return None


@request("pause", Needs.GUEST)
def _pause(adapter: Adapter, arguments: Arguments) -> Body:
    """Nothing to do where it stands."""
    _check_thread(arguments)
    adapter.pause()
    return None


@request("gotoTargets")
def _targets(adapter: Adapter, arguments: Arguments) -> Body:
    """Where code is executed from is not changed; one can go back to when it was there."""
    line = arguments.number("line", least=1)
    source = arguments.object("source")
    place = adapter.run.sources.places(source, line)[0]
    there = adapter.run.sources.line_in(source, place)
    return {
        "targets": [
            {
                "id": adapter.handles.add(place),
                "label": f"back to when line {there} was reached last",
                "line": there,
                "instructionPointerReference": f"{adapter.run.code.address(place):#x}",
            }
        ]
    }


@request("goto")
def _goto(adapter: Adapter, arguments: Arguments) -> Body:
    _check_thread(arguments)
    place = adapter.handles[arguments.number("targetId")]
    if not isinstance(place, Place):
        raise DebugError("that is no target to go to")
    adapter.move(partial(adapter.run.guest.session.until, place, back=True), back=True)
    return None
