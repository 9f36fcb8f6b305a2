"""One client's conversation: requests in, responses and events out, and the guest's way between two stops.

A request is answered by a function that `registry.request` has registered. What moves the guest is done behind its
response. While the guest runs forward, requests that come pause it for a moment; while it makes a
step, or goes back, they wait, but for those that stop it.
"""

from __future__ import annotations

import codecs
import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from refsfi.debug.dap import lifecycle, looking, memory, moving, setting
from refsfi.debug.dap.arguments import Arguments
from refsfi.debug.dap.code import Code
from refsfi.debug.dap.guest import Guest, Launcher
from refsfi.debug.dap.inbox import Cancelled, Inbox, Item
from refsfi.debug.dap.points import Points
from refsfi.debug.dap.protocol import Garbled, Message
from refsfi.debug.dap.registry import HANDLERS, Body, Needs
from refsfi.debug.dap.sources import Sources
from refsfi.debug.dap.stops import ending, stopped
from refsfi.debug.dap.variables import Handles
from refsfi.debug.model import DebugError, Place, Reason, Stop
from refsfi.errors import WasmError

__all__ = ["Adapter", "Ending", "Run"]

# They register what they answer.
_REQUESTS = (lifecycle, looking, memory, moving, setting)


class Ending(Enum):
    """How a conversation ended: the client has left, or it is gone, or has left a guest that waits for the next one."""

    LEFT = "left"
    LOST = "lost"


@dataclass(slots=True)
class Run:
    """A guest with what the client knows of it. `attached`: it is the command line's, and outlives this client."""

    guest: Guest
    arguments: Arguments
    attached: bool
    code: Code
    sources: Sources
    points: Points
    begun: bool = False
    finished: bool = False


class Adapter:
    """`send` is given each message, with everything but its number."""

    def __init__(self, launcher: Launcher, inbox: Inbox, send: Callable[[Message], None]) -> None:
        self.launcher = launcher
        self.inbox = inbox
        self.client: Arguments | None = None
        self.handles = Handles()
        self.running = False
        self.left = False
        self._waits = False
        self._later: deque[Callable[[], None]] = deque()
        self._send = send
        self._seq = 0
        self._run: Run | None = None
        self._pausing = False
        self._decoders: dict[str, codecs.IncrementalDecoder] = {}

    # --- the conversation --------------------------------------------------------------------------------------------

    def serve(self) -> Ending:
        """Until the client leaves, or nothing more comes of it. OSError where it cannot be told something."""
        while not self.left:
            item = self.inbox.get()
            if item is None:
                return Ending.LOST
            self._take(item)
        return Ending.LOST if self._waits else Ending.LEFT

    def close(self) -> None:
        """The client is gone: what it has started goes as well, what the command line has waits for the next one."""
        run = self._run
        if run is None:
            return
        run.guest.output.connect(None)
        run.points.clear()
        if not run.attached:
            run.guest.close()
        self._run = None

    def _take(self, item: Item) -> None:
        if isinstance(item, Cancelled):
            self._respond(item.request, error="cancelled")
            return
        if isinstance(item, Garbled):
            self.tell(f"error: {item.why}", important=True)
            if self.client is None:
                # Not a client of this protocol: perhaps a browser that somebody has talked into sending one.
                self.leave(waits=True)
            return
        if item.get("type") != "request":
            if item.get("type") != "response":
                self._respond(item, error="a message of type request is expected")
            return
        try:
            body = self._answer(item)
        except DebugError as error:
            self._respond(item, error=str(error))
        except WasmError as error:
            # A function that is checked late, or a limit.
            self._respond(item, error=f"the guest cannot go on: {error}")
        except (OSError, MemoryError, RecursionError) as error:
            self._respond(item, error=f"this machine cannot do it: {error or type(error).__name__}")
        except Exception as error:
            # A defect of ours must not cost the user the state that the guest is in.
            if os.environ.get("REFSFI_TRACEBACK"):
                raise
            self._respond(
                item,
                error=f"internal error: {type(error).__name__}: {error}; this is a defect of refsfi, please report it"
                " (REFSFI_TRACEBACK=1 shows where)",
            )
        else:
            self._respond(item, body)
        # In the middle of a run, when it is over.
        while self._later and not self.running:
            self._later.popleft()()

    def _answer(self, item: Message) -> Body:
        command = item.get("command")
        if not isinstance(command, str) or command not in HANDLERS:
            raise DebugError(f"there is no request {str(command)[:60]!r}")
        arguments = item.get("arguments")
        if arguments is not None and not isinstance(arguments, dict):
            raise DebugError(f"{command}: arguments: an object expected")
        needs, handler = HANDLERS[command]
        if needs is not Needs.NOTHING and self.client is None:
            raise DebugError(f"{command} comes too early: initialize is the first request")
        if needs in (Needs.GUEST, Needs.STOP):
            run = self.run
            if needs is Needs.STOP and not run.begun:
                raise DebugError(f"{command} comes too early: configurationDone has not come yet")
            if needs is Needs.STOP and self.running:
                raise DebugError("notStopped")
        return handler(self, Arguments(arguments or {}, command))

    def _respond(self, item: Message, body: Body = None, error: str | None = None) -> None:
        seq, command = item.get("seq"), item.get("command")
        response: Message = {
            "type": "response",
            "request_seq": seq if isinstance(seq, int) else 0,
            "success": error is None,
            "command": command if isinstance(command, str) else "",
        }
        if error is not None:
            response["message"] = error
            body = {"error": {"id": 1, "format": _no_variables(error), "showUser": command in ("launch", "attach")}}
        # The protocol lets it be left out, but not every client.
        response["body"] = {} if body is None else body
        self._number(response)

    def event(self, name: str, body: dict[str, Any] | None = None) -> None:
        self._number({"type": "event", "event": name, "body": {} if body is None else body})

    def _number(self, message: Message) -> None:
        self._seq += 1
        self._send({"seq": self._seq, **message})

    def later(self, do: Callable[[], None]) -> None:
        """Do something behind the response."""
        self._later.append(do)

    def tell(self, text: str, *, important: bool = False) -> None:
        """A line for the user."""
        self.event("output", {"category": "important" if important else "console", "output": f"{text}\n"})

    # --- the guest ---------------------------------------------------------------------------------------------------

    @property
    def run(self) -> Run:
        if self._run is None:
            raise DebugError("there is no guest yet: launch or attach comes first")
        return self._run

    @property
    def has_run(self) -> bool:
        return self._run is not None

    def set_up(self, guest: Guest, arguments: Arguments, attached: bool) -> Run:
        """This is the guest now; breakpoints that the client has set for the one before are set for it."""
        code = Code(guest.programs)
        mapping = {begin: to for begin, to in arguments.table("sourceMap").items() if to is not None}
        sources = Sources(guest.programs, guest.paths, mapping)
        guest.session.lines = sources.line
        before = self._run
        points = Points(guest.session, code, sources, self._log) if before is None else before.points
        self._run = Run(guest, arguments, attached, code, sources, points)
        self._decoders = {}
        guest.output.connect(self._guest_output)
        if before is not None:
            for answer in points.renew(guest.session, code, sources):
                self.event("breakpoint", {"reason": "changed", "breakpoint": answer})
        return self._run

    def _guest_output(self, stream: str, data: bytes) -> None:
        decoder = self._decoders.setdefault(stream, codecs.getincrementaldecoder("utf-8")("replace"))
        text = decoder.decode(data)
        try:
            if text:
                self.event("output", {"category": stream, "output": text})
        except OSError:
            # That a client is lost is nothing that the guest should learn.
            self.run.guest.output.connect(None)

    def _log(self, text: str, place: Place | None) -> None:
        body: dict[str, Any] = {"category": "console", "output": f"{text}\n"}
        if place is not None:
            source, line, _ = self.run.sources.position(place)
            body |= {"source": source, "line": line}
        self.event("output", body)

    # --- moving ------------------------------------------------------------------------------------------------------

    def move(self, move: Callable[[], Stop], *, back: bool = False) -> None:
        """Behind the response: make a step, or go back, and tell where the guest stands then."""
        self._begin(move, None, back)

    def go(self) -> None:
        """Behind the response: run to the next stop."""
        session = self.run.guest.session
        self._begin(session.run, session.resume, False)

    def _begin(self, move: Callable[[], Stop], resume: Callable[[], Stop] | None, back: bool) -> None:
        run = self.run
        if run.finished:
            raise DebugError("the guest has ended: restart it")
        session = run.guest.session
        if session.stop.over and not back:
            # It has been shown where it ended, and is told to go on from there.
            self.later(lambda: self._finish(session.stop))
            return

        def after() -> None:
            if self._run is not run or run.finished:
                # Restarted, or ended, before it has begun.
                return
            self.handles.forget()
            self.running, self._pausing = True, False
            try:
                stop = self._moved(move, resume)
            finally:
                self.running = False
            if stop is not None:
                self.arrived(stop)

        self.later(after)

    def _moved(self, move: Callable[[], Stop], resume: Callable[[], Stop] | None) -> Stop | None:
        run = self.run
        session = run.guest.session
        while True:
            self.inbox.moving(session.pause, any=resume is not None)
            try:
                stop = move()
            except Exception as error:
                # It comes of the host, or of a function that is checked late; the guest stands in front of it.
                if os.environ.get("REFSFI_TRACEBACK"):
                    raise
                self.tell(f"error: the guest cannot go on: {error or type(error).__name__}", important=True)
                return Stop(Reason.PAUSE, session.clock, session.place, message="it cannot go on from here")
            finally:
                self.inbox.still()
            if stop.reason is not Reason.PAUSE:
                return stop
            while (item := self.inbox.poll()) is not None:
                self._take(item)
            if self.left or self._run is not run or run.finished or self.inbox.closed:
                return None
            if resume is None or self._pausing:
                return stop
            move = resume

    def pause(self) -> None:
        """The client wants the guest to stand."""
        self._pausing = True

    def arrived(self, stop: Stop) -> None:
        """Tell where the guest stands."""
        run = self.run
        shown = stop.reason is not Reason.EXIT or run.arguments.flag("stopOnExit")
        if stop.reason in (Reason.TRAP, Reason.EXCEPTION):
            shown = run.points.stops_at("trap" if stop.reason is Reason.TRAP else "uncaught")
        if run.arguments.flag("noDebug"):
            shown = not stop.over
        if not shown:
            self._finish(stop)
            return
        kind, ids = run.points.hit(stop.hits)
        self.event("stopped", stopped(stop, kind, ids, run.guest.session.breakpoints))

    def _finish(self, stop: Stop) -> None:
        """The guest is over, and nobody is to look at it."""
        run = self.run
        run.finished = True
        code, lines = ending(stop)
        for category, line in lines:
            self.event("output", {"category": category, "output": f"{line}\n"})
        self.event("exited", {"exitCode": code})
        self.event("terminated")

    def leave(self, *, waits: bool = False) -> None:
        """The client goes; whether its guest waits for the next one."""
        self.left = True
        self._waits = waits

    def changed(self, memory: str | None = None, offset: int = 0, count: int = 0) -> None:
        """Tell a client that understands it that something is not what it has been told."""
        client = self.client
        if client is not None and client.flag("supportsInvalidatedEvent"):
            self.event("invalidated", {"areas": ["variables"]})
        if memory is not None and client is not None and client.flag("supportsMemoryEvent"):
            self.event("memory", {"memoryReference": memory, "offset": offset, "count": count})


def _no_variables(text: str) -> str:
    # Braces mean something in the protocol's messages.
    return text.replace("{", "(").replace("}", ")")
