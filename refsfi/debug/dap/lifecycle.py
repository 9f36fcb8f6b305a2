"""Requests about the conversation: who is there, what is debugged, and the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from refsfi.debug.dap.arguments import Arguments
from refsfi.debug.dap.points import FILTERS
from refsfi.debug.dap.registry import Body, Needs, request
from refsfi.debug.model import DebugError

if TYPE_CHECKING:
    from refsfi.debug.dap.adapter import Adapter

__all__: list[str] = []

_CAPABILITIES: Final[dict[str, Any]] = {
    f"supports{name}": True
    for name in (
        "ConfigurationDoneRequest FunctionBreakpoints ConditionalBreakpoints HitConditionalBreakpoints "
        "EvaluateForHovers StepBack SetVariable GotoTargetsRequest CompletionsRequest ModulesRequest RestartRequest "
        "ValueFormattingOptions ExceptionInfoRequest DelayedStackTraceLoading LoadedSourcesRequest LogPoints "
        "SetExpression TerminateRequest DataBreakpoints ReadMemoryRequest WriteMemoryRequest DisassembleRequest "
        "CancelRequest BreakpointLocationsRequest ClipboardContext SteppingGranularity InstructionBreakpoints "
        "ExceptionFilterOptions DataBreakpointBytes"
    ).split()
} | {
    "supportTerminateDebuggee": True,
    "supportSuspendDebuggee": True,
    "completionTriggerCharacters": ["$", "@", "%"],
    "exceptionBreakpointFilters": [
        {
            "filter": name,
            "label": label,
            "default": on,
            **(
                {"supportsCondition": True, "conditionDescription": "an expression, such as $i > 3"}
                if condition
                else {}
            ),
        }
        for name, (label, on, condition) in FILTERS.items()
    ],
}


@request("initialize", Needs.NOTHING)
def _initialize(adapter: Adapter, arguments: Arguments) -> Body:
    if adapter.client is not None:
        raise DebugError("initialize has come already")
    if not arguments.flag("linesStartAt1", True) or not arguments.flag("columnsStartAt1", True):
        raise DebugError("lines and columns are counted from 1 here")
    if arguments.text("pathFormat", "path") != "path":
        raise DebugError("sources are named by paths here, not by URIs")
    adapter.client = arguments
    return _CAPABILITIES


@request("launch", Needs.CLIENT)
def _launch(adapter: Adapter, arguments: Arguments) -> Body:
    _check_first(adapter)
    guest = adapter.launcher.launch(arguments)
    adapter.set_up(guest, arguments, attached=False)
    adapter.later(lambda: adapter.event("initialized"))
    return None


@request("attach", Needs.CLIENT)
def _attach(adapter: Adapter, arguments: Arguments) -> Body:
    """To the guest of the command line, where it stands."""
    _check_first(adapter)
    given = adapter.launcher.given
    if given is None:
        raise DebugError("there is nothing to attach to: name a module on the command line, or launch one")
    adapter.set_up(given, arguments, attached=True)
    adapter.later(lambda: adapter.event("initialized"))
    return None


def _check_first(adapter: Adapter) -> None:
    if adapter.has_run:
        raise DebugError("there is a guest already: disconnect first, or restart it")


@request("configurationDone", Needs.GUEST)
def _configured(adapter: Adapter, arguments: Arguments) -> Body:
    if adapter.run.begun:
        raise DebugError("configurationDone has come already")
    _begin(adapter)
    return None


def _begin(adapter: Adapter) -> None:
    """The guest is to go, but for one that is looked at where it stands."""
    run = adapter.run
    run.begun = True
    stop = run.guest.session.stop
    adapter.event("process", {"name": next(iter(run.guest.paths.values()), ""), "startMethod": _method(run.attached)})
    adapter.event("thread", {"reason": "started", "threadId": 1})
    if run.attached or stop.over or run.arguments.flag("stopOnEntry"):
        adapter.later(lambda: adapter.arrived(stop))
    else:
        adapter.go()


def _method(attached: bool) -> str:
    return "attach" if attached else "launch"


@request("restart", Needs.GUEST)
def _restart(adapter: Adapter, arguments: Arguments) -> Body:
    """From the start, with the host asked anew: the module's file is read again."""
    run = adapter.run
    if run.attached:
        raise DebugError("a guest of the command line is not started again: go back to its beginning")
    given = arguments.object("arguments") if "arguments" in arguments else run.arguments
    guest = adapter.launcher.launch(given)
    run.guest.output.connect(None)
    run.guest.close()
    adapter.handles.forget()
    adapter.set_up(guest, given, attached=False)
    _begin(adapter)
    return None


@request("terminate", Needs.GUEST)
def _terminate(adapter: Adapter, arguments: Arguments) -> Body:
    run = adapter.run
    told = run.finished
    run.finished = True
    if not told:
        adapter.later(lambda: adapter.event("terminated"))
    return None


@request("disconnect", Needs.NOTHING)
def _disconnect(adapter: Adapter, arguments: Arguments) -> Body:
    """The guest that was launched ends; that of the command line goes on alone, or waits for the next client if it is
    to be suspended."""
    if adapter.has_run and adapter.run.attached and not arguments.flag("terminateDebuggee"):
        if arguments.flag("suspendDebuggee"):
            adapter.leave(waits=True)
            return None
        adapter.launcher.detached = True
    adapter.leave()
    return None


@request("cancel", Needs.CLIENT)
def _cancel(adapter: Adapter, arguments: Arguments) -> Body:
    """The inbox has seen to requests that wait; a step or a journey back that is under way has ended where it is."""
    return None


@request("threads", Needs.GUEST)
def _threads(adapter: Adapter, arguments: Arguments) -> Body:
    return {"threads": [{"id": t.number, "name": t.name} for t in adapter.run.guest.session.threads()]}
