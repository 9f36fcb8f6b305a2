"""Requests that look at the guest, and change what they see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from refsfi.debug import inspect
from refsfi.debug.dap.arguments import Arguments
from refsfi.debug.dap.evaluating import COMMANDS, command, evaluated, found_item, level_of, view_of
from refsfi.debug.dap.registry import Body, Needs, request
from refsfi.debug.dap.variables import Group, Item, scopes
from refsfi.debug.dwarf import debug_info_hint
from refsfi.debug.failure import explanation_of
from refsfi.debug.model import DebugError, Place, Reason
from refsfi.debug.symbols import info_of
from refsfi.errors import Frame as TraceFrame
from refsfi.runtime.store import Frame

if TYPE_CHECKING:
    from refsfi.debug.dap.adapter import Adapter

__all__: list[str] = []

# Of frames and variables that the client asks for at once.
_MOST: Final = 10_000


@request("stackTrace")
def _stack(adapter: Adapter, arguments: Arguments) -> Body:
    frames = []
    frame = adapter.run.guest.session.store.frame
    while frame is not None:
        if frame.code is not None:
            frames.append(frame)
        frame = frame.caller
    start = arguments.number("startFrame", 0)
    end = start + min(arguments.number("levels", 0) or _MOST, _MOST)
    shown = [_frame(adapter, level, frames[level]) for level in range(start, min(end, len(frames)))]
    return {"stackFrames": shown, "totalFrames": len(frames)}


def _frame(adapter: Adapter, level: int, frame: Frame) -> dict[str, Any]:
    run = adapter.run
    place = inspect.place_of(run.guest.session.store, frame)
    source, line, column = run.sources.position(place)
    return {
        "id": adapter.handles.add(level),
        "name": run.sources.function_name(place),
        "source": source,
        "line": line,
        "column": column or 1,
        "instructionPointerReference": f"{run.code.address(place):#x}",
        "moduleId": run.code.number(place.program),
    }


@request("scopes")
def _scopes(adapter: Adapter, arguments: Arguments) -> Body:
    arguments.number("frameId")
    view = view_of(adapter, level_of(adapter, arguments))
    found = []
    for name, hint, node in scopes(adapter.run.guest.session, view):
        found.append(
            {
                "name": name,
                "presentationHint": hint,
                "variablesReference": adapter.handles.add(node) if len(node) else 0,
                "namedVariables": len(node),
                "expensive": False,
            }
        )
    return {"scopes": found}


@request("variables")
def _variables(adapter: Adapter, arguments: Arguments) -> Body:
    node = adapter.handles[arguments.number("variablesReference")]
    if not isinstance(node, Group):
        raise DebugError("that has no parts")
    filter = arguments.text("filter", "")
    if filter and (filter == "indexed") != node.indexed:
        return {"variables": []}
    start = arguments.number("start", 0)
    end = start + min(arguments.number("count", 0) or _MOST, _MOST)
    hexadecimal = arguments.object("format").flag("hex")
    return {"variables": [_variable(adapter, item) for item in node.items(start, end, hexadecimal)]}


def _variable(adapter: Adapter, item: Item, value: str = "value") -> dict[str, Any]:
    found: dict[str, Any] = {value: item.value, "type": item.type, "variablesReference": 0}
    if value == "value":
        found["name"] = item.name
        if item.expression is not None:
            found["evaluateName"] = item.expression
    if item.node is not None and len(item.node):
        found["variablesReference"] = adapter.handles.add(item.node)
        found["indexedVariables" if item.node.indexed else "namedVariables"] = len(item.node)
    if item.memory is not None:
        found["memoryReference"] = item.memory
    if item.set is None:
        found["presentationHint"] = {"attributes": ["readOnly"]}
    return found


@request("setVariable")
def _set_variable(adapter: Adapter, arguments: Arguments) -> Body:
    arguments.number("variablesReference", least=1)
    return _set(adapter, arguments, arguments.text("name"))


@request("setExpression")
def _set_expression(adapter: Adapter, arguments: Arguments) -> Body:
    return _set(adapter, arguments, arguments.text("expression"))


def _set(adapter: Adapter, arguments: Arguments, name: str) -> Body:
    item = found_item(adapter, arguments, name)
    if item.set is None:
        raise DebugError(f"{name[:60]} cannot be set")
    item.set(arguments.text("value"))
    adapter.changed(item.memory)
    return _variable(adapter, found_item(adapter, arguments, name))


@request("evaluate")
def _evaluate(adapter: Adapter, arguments: Arguments) -> Body:
    text = arguments.text("expression")
    level = level_of(adapter, arguments)
    if arguments.text("context", "") == "repl":
        said = command(adapter, text, level)
        if said is not None:
            return {"result": said, "variablesReference": 0}
    item = evaluated(adapter, text, level, arguments.object("format").flag("hex"))
    return _variable(adapter, item, "result")


@request("completions")
def _completions(adapter: Adapter, arguments: Arguments) -> Body:
    """What the word in front of the caret can become."""
    text = arguments.text("text")[: max(arguments.number("column", least=0) - 1, 0)]
    word = text[max(text.rfind(sign) for sign in " ([,+-*/<>=!&|^~") + 1 :]
    names = [] if word != text else list(COMMANDS)
    session = adapter.run.guest.session
    if session.place is not None:
        for _, hint, node in scopes(session, view_of(adapter, level_of(adapter, arguments))):
            if not node.indexed and hint in ("locals", "registers", "globals"):
                names += [item.name for item in node.items(0, _MOST, False)]
    found = [name for name in dict.fromkeys(names) if word and name.startswith(word)]
    start = len(text) - len(word)
    return {"targets": [{"label": name, "start": start, "length": len(word)} for name in found[:_MOST]]}


@request("exceptionInfo")
def _exception(adapter: Adapter, arguments: Arguments) -> Body:
    run = adapter.run
    session = run.guest.session
    stop = session.stop
    if stop.reason is Reason.DEADLOCK:
        return {"exceptionId": "deadlock", "description": stop.message, "breakMode": "always"}
    if run.points.hit(stop.hits)[0] == "exception":
        return {"exceptionId": "thrown", "description": "an exception is about to be thrown", "breakMode": "always"}
    explained = explanation_of(session)

    def where(frame: TraceFrame, pc: int) -> str:
        if frame.code is None:
            return ""
        program = next(p for p in run.guest.programs if p.module is frame.code.program.module)
        source, line, _ = run.sources.position(Place(program, frame.func_index, pc))
        return f"{source['name']}:{line}"

    identity = "exception" if stop.trap is None else stop.trap.code.name.lower().replace("_", "-")
    text = "\n".join(explained.lines(where))
    return {
        "exceptionId": identity,
        "description": stop.message,
        "breakMode": "always" if stop.trap is not None else "unhandled",
        "details": {"message": stop.message, "typeName": identity, "stackTrace": text},
    }


@request("source", Needs.GUEST)
def _source(adapter: Adapter, arguments: Arguments) -> Body:
    source = arguments.object("source")
    reference = arguments.number("sourceReference", 0) or source.number("sourceReference", 0)
    if not reference:
        raise DebugError("only listings are given here; other sources are files of the client")
    return {"content": adapter.run.sources.content(reference), "mimeType": "text/x-wat"}


@request("loadedSources", Needs.GUEST)
def _sources(adapter: Adapter, arguments: Arguments) -> Body:
    return {"sources": adapter.run.sources.listed()}


@request("modules", Needs.GUEST)
def _modules(adapter: Adapter, arguments: Arguments) -> Body:
    found = []
    for number, (program, path) in enumerate(adapter.run.guest.paths.items()):
        hint = debug_info_hint(program.module)
        status = "no debug information" + (f": {hint}" if hint else "")
        found.append(
            {
                "id": number,
                "name": program.module.names.module or path.rpartition("/")[2],
                "path": path,
                "symbolStatus": "debug information" if info_of(program) is not None else status,
            }
        )
    start = arguments.number("startModule", 0)
    count = arguments.number("moduleCount", 0) or len(found)
    return {"modules": found[start : start + count], "totalModules": len(found)}
