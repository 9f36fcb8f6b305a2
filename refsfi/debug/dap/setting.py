"""Requests that set breakpoints of every kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from refsfi.debug.dap.arguments import Arguments
from refsfi.debug.dap.code import parse_memory
from refsfi.debug.dap.evaluating import found_item
from refsfi.debug.dap.registry import Body, Needs, request
from refsfi.debug.model import DebugError

if TYPE_CHECKING:
    from refsfi.debug.dap.adapter import Adapter

__all__: list[str] = []


def _set(adapter: Adapter, arguments: Arguments, answers: list[dict[str, Any]]) -> Body:
    if adapter.run.arguments.flag("noDebug"):
        adapter.run.points.clear()
        answers = [{"verified": False, "message": "the guest is run without debugging (noDebug)"} for _ in answers]
    return {"breakpoints": answers}


@request("setBreakpoints", Needs.GUEST)
def _source(adapter: Adapter, arguments: Arguments) -> Body:
    return _set(adapter, arguments, adapter.run.points.set_source(arguments))


@request("setFunctionBreakpoints", Needs.GUEST)
def _function(adapter: Adapter, arguments: Arguments) -> Body:
    return _set(adapter, arguments, adapter.run.points.set_function(arguments))


@request("setInstructionBreakpoints", Needs.GUEST)
def _instruction(adapter: Adapter, arguments: Arguments) -> Body:
    return _set(adapter, arguments, adapter.run.points.set_instruction(arguments))


@request("setDataBreakpoints", Needs.GUEST)
def _data(adapter: Adapter, arguments: Arguments) -> Body:
    return _set(adapter, arguments, adapter.run.points.set_data(arguments))


@request("setExceptionBreakpoints", Needs.GUEST)
def _exceptions(adapter: Adapter, arguments: Arguments) -> Body:
    return _set(adapter, arguments, adapter.run.points.set_exceptions(arguments))


@request("breakpointLocations", Needs.GUEST)
def _locations(adapter: Adapter, arguments: Arguments) -> Body:
    first = arguments.number("line", least=1)
    lines = adapter.run.sources.lines(arguments.object("source"), first, arguments.number("endLine", first))
    return {"breakpoints": [{"line": line} for line in lines]}


@request("dataBreakpointInfo")
def _data_info(adapter: Adapter, arguments: Arguments) -> Body:
    """What a variable, an expression, or a range of memory is watched by; null where it cannot be."""
    name = arguments.text("name")
    if arguments.flag("asAddress"):
        instance, memory, address = parse_memory(name)
        size = arguments.number("bytes", 1, least=1)
        adapter.run.guest.session.watch_memory(address, size, instance, memory)
        return _watchable(f"memory/{instance}/{memory}/{address}/{size}", f"{size} bytes at {name}")
    try:
        item = found_item(adapter, arguments, name)
    except DebugError as error:
        return {"dataId": None, "description": str(error)}
    if item.data is None:
        return {"dataId": None, "description": f"{name} is neither in memory nor a global or an element of a table"}
    return _watchable(item.data, name)


def _watchable(data: str, description: str) -> dict[str, Any]:
    return {
        "dataId": data,
        "description": description,
        "accessTypes": ["read", "write", "readWrite"],
        "canPersist": True,
    }
