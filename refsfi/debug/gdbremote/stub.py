"""What each packet asks for, and the answer: the protocol's meaning, with no connection in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from refsfi.debug.breakpoints import Access, Breakpoint
from refsfi.debug.gdbremote.addresses import Address, Space
from refsfi.debug.gdbremote.modules import Modules
from refsfi.debug.gdbremote.monitor import monitor
from refsfi.debug.gdbremote.packets import MOST
from refsfi.debug.gdbremote.stops import exit_reply, stop_reply
from refsfi.debug.gdbremote.values import hex_value
from refsfi.debug.model import DebugError, Place, Reason, Stop, Variable
from refsfi.debug.session import Session
from refsfi.debug.target import Image
from refsfi.errors import WasmError

__all__ = ["Stub"]

# The numbers of errors. The protocol gives them no meaning; these are the system's: bad address, bad argument.
_FAULT: Final = 14
_INVALID: Final = 22

_TRIPLE: Final = "wasm32-unknown-wasi-wasm"
_HOST: Final = f"triple:{_TRIPLE.encode().hex()};ostype:wasi;endian:little;ptrsize:4;"

# What the protocol calls points of these kinds.
_BREAKPOINTS: Final = ("0", "1")
_WATCH_NAMES: Final = {"2": "watch", "3": "rwatch", "4": "awatch"}
_WATCHPOINTS: Final = {"2": Access.WRITE, "3": Access.READ, "4": Access.ACCESS}

_FEATURES: Final = (
    f"PacketSize={MOST:x};QStartNoAckMode+;qXfer:libraries:read+;vContSupported+;swbreak+;hwbreak+;"
    "ReverseStep+;ReverseContinue+;error-message+"
)

# Packet's name -> the method that answers, with what follows the name. Of two that fit the longer counts.
_Handler: TypeAlias = "Callable[[Stub, str], str]"
_HANDLERS: Final[dict[str, _Handler]] = {}


def _packet(*names: str) -> Callable[[_Handler], _Handler]:
    def register(handler: _Handler) -> _Handler:
        for name in names:
            _HANDLERS[name] = handler
        return handler

    return register


class Stub:
    """Of one session. `images` are the files of the modules. `over`: the client has ended the session, or taken its
    leave of the guest (`detached`).

    Instances are counted as in the session; of an instance with several memories, LLDB sees the first.
    """

    def __init__(self, session: Session, images: Sequence[Image]) -> None:
        self.session = session
        self.over = False
        self.detached = False
        self.stop_at_exit = False
        self._modules = Modules(session, images)
        self._points: dict[tuple[str, int, int], Breakpoint] = {}
        # The addresses that the client stops at, where they are not those of the instructions that it means.
        self._aliases: dict[Place, int] = {}
        self._error_texts = False

    def answer(self, payload: bytes) -> str:
        """The reply to a packet; empty for one that is not known, as the protocol wants it."""
        packet = payload.decode("latin-1")
        for length in range(min(len(packet), _LONGEST), 0, -1):
            handler = _HANDLERS.get(packet[:length])
            if handler is not None:
                break
        else:
            return ""
        try:
            return handler(self, packet[length:])
        except DebugError as error:
            return self._error(_FAULT, str(error))
        except WasmError as error:
            # A function that is checked late, or a limit.
            return self._error(_FAULT, f"the guest cannot go on: {error}")
        except (ValueError, IndexError):
            # The packet's form, not the guest: numbers that are none, parts that are missing.
            return self._error(_INVALID, f"the packet {packet[:40]!r} is not of the form that is expected")

    def _error(self, number: int, text: str) -> str:
        return f"E{number:02x};{text.encode().hex()}" if self._error_texts else f"E{number:02x}"

    # --- who we are --------------------------------------------------------------------------------------------------

    @_packet("qSupported")
    def _supported(self, rest: str) -> str:
        return _FEATURES

    @_packet("QStartNoAckMode", "QThreadSuffixSupported", "QListThreadsInStopReply", "H", "T", "vStopped")
    def _accept(self, rest: str) -> str:
        return "OK"

    @_packet("QEnableErrorStrings")
    def _enable_texts(self, rest: str) -> str:
        self._error_texts = True
        return "OK"

    @_packet("qHostInfo")
    def _host_info(self, rest: str) -> str:
        return _HOST

    @_packet("qProcessInfo")
    def _process_info(self, rest: str) -> str:
        return f"pid:1;parent-pid:1;{_HOST}"

    @_packet("qRegisterInfo")
    def _register_info(self, rest: str) -> str:
        if int(rest, 16):
            return self._error(69, "there are no more registers")
        return (
            "name:pc;alt-name:pc;bitsize:64;offset:0;encoding:uint;format:hex;set:General Purpose Registers;"
            "gcc:16;dwarf:16;generic:pc;"
        )

    @_packet("qC")
    def _current_thread(self, rest: str) -> str:
        return "QC1"

    @_packet("qfThreadInfo")
    def _first_threads(self, rest: str) -> str:
        return "m1"

    @_packet("qsThreadInfo")
    def _more_threads(self, rest: str) -> str:
        return "l"

    @_packet("qAttached")
    def _attached(self, rest: str) -> str:
        return "1"

    @_packet("qWatchpointSupportInfo")
    def _watchpoints(self, rest: str) -> str:
        return "num:256;"

    @_packet("qXfer:libraries:read:")
    def _libraries(self, rest: str) -> str:
        _, _, part = rest.rpartition(":")
        start, size = (int(number, 16) for number in part.split(","))
        text = self._modules.libraries()
        return ("m" if start + size < len(text) else "l") + text[start : start + size]

    # --- where the guest stands --------------------------------------------------------------------------------------

    @_packet("?", "qThreadStopInfo")
    def _why(self, rest: str) -> str:
        return self._stopped(self.session.stop)

    def _stopped(self, stop: Stop) -> str:
        watched = None
        for (kind, start, _), point in self._points.items():
            if kind in _WATCHPOINTS and point.number in stop.hits:
                watched = _WATCH_NAMES[kind], start
        return stop_reply(stop, self._pc(), watched)

    def _pc(self) -> int:
        stack = self._stack(1)
        return stack[0] if stack else 0

    def _stack(self, limit: int | None = None) -> list[int]:
        found = []
        for frame in self.session.frames(limit):
            known = self._aliases.get(frame.place) if frame.level == 0 else None
            found.append(known or self._modules.address(frame.place, frame.instance_index))
        return found

    @_packet("p")
    def _register(self, rest: str) -> str:
        number = int(rest.partition(";")[0], 16)
        if number:
            return self._error(_INVALID, "the only register is pc, number 0")
        return self._pc().to_bytes(8, "little").hex()

    @_packet("g")
    def _registers(self, rest: str) -> str:
        return self._pc().to_bytes(8, "little").hex()

    @_packet("P", "G")
    def _set_register(self, rest: str) -> str:
        raise DebugError("pc cannot be set: go back in time, or to a breakpoint, instead")

    @_packet("qWasmCallStack:")
    def _call_stack(self, rest: str) -> str:
        return b"".join(pc.to_bytes(8, "little") for pc in self._stack()).hex()

    @_packet("qWasmLocal:")
    def _local(self, rest: str) -> str:
        frame, index = _pair(rest)
        return hex_value(_at(self.session.frames(frame + 1)[frame].locals, index))

    @_packet("qWasmStackValue:")
    def _operand(self, rest: str) -> str:
        frame, index = _pair(rest)
        return hex_value(_at(self.session.frames(frame + 1)[frame].operands, index))

    @_packet("qWasmGlobal:")
    def _global(self, rest: str) -> str:
        """Of the instance of a frame, `FRAME;INDEX`, or of one that is named, `INDEX;instance:ID;`."""
        index, key, id = rest.partition(";instance:")
        if key:
            instance, number = int(id.rstrip(";")), int(index)
        else:
            frame, number = _pair(rest)
            instance = self.session.frames(frame + 1)[frame].instance_index
        variable = self.session.global_(number, instance)
        return hex_value(Variable(f"global {number}", variable.type.type, variable.value))

    # --- memory ------------------------------------------------------------------------------------------------------

    @_packet("m")
    def _read(self, rest: str) -> str:
        start, size = (int(number, 16) for number in rest.split(","))
        address = Address.of(start)
        size = min(size, MOST // 2)
        if address.space == Space.CODE:
            data = self._modules.image(address.instance)[address.offset : address.offset + size]
        elif address.space == Space.MEMORY:
            data = self.session.read_memory(address.offset, size, address.instance)
        else:
            raise DebugError(f"{start:#x} is no address")
        if size and not data:
            raise DebugError(f"there is nothing at {start:#x}")
        return data.hex()

    @_packet("M")
    def _write(self, rest: str) -> str:
        where, _, digits = rest.partition(":")
        start, size = (int(number, 16) for number in where.split(","))
        data = bytes.fromhex(digits)
        address = Address.of(start)
        if len(data) != size:
            raise ValueError
        if address.space != Space.MEMORY:
            raise DebugError("only memory can be written, code cannot")
        self.session.write_memory(address.offset, data, address.instance)
        return "OK"

    @_packet("qMemoryRegionInfo:")
    def _region(self, rest: str) -> str:
        start = int(rest, 16)
        address = Address.of(start)
        rights, size = "", 0
        if address.space == Space.CODE:
            rights, size = "rx", len(self._modules.image(address.instance))
        elif address.space == Space.MEMORY and address.instance < len(self.session.instances()):
            memories = self.session.instances()[address.instance].mems
            rights, size = "rw", len(memories[0].data) if memories else 0
        base = start - address.offset
        if address.offset < size:
            return f"start:{base:x};size:{size:x};permissions:{rights};"
        return f"start:{base + size:x};size:{(1 << 32) - size:x};"

    # --- breakpoints -------------------------------------------------------------------------------------------------

    @_packet("Z")
    def _insert(self, rest: str) -> str:
        kind, start, size = _point(rest)
        key = (kind, start, size)
        if key in self._points:
            return "OK"
        address = Address.of(start)
        if kind in _BREAKPOINTS:
            place = self._modules.place(address)
            self._points[key] = self.session.break_at(place)
            self._aliases[place] = start
        elif kind in _WATCHPOINTS:
            if address.space != Space.MEMORY:
                raise DebugError("only memory can be watched")
            watched = self.session.watch_memory(address.offset, size, address.instance)
            self._points[key] = self.session.watch(watched, _WATCHPOINTS[kind])
        else:
            return ""
        return "OK"

    @_packet("z")
    def _take_out(self, rest: str) -> str:
        key = _point(rest)
        point = self._points.pop(key, None)
        if point is None:
            raise DebugError("there is no such breakpoint")
        if point.place is not None:
            self._aliases.pop(point.place, None)
        self.session.breakpoints.remove(point.number)
        return "OK"

    # --- running -----------------------------------------------------------------------------------------------------

    @_packet("vCont?")
    def _actions(self, rest: str) -> str:
        return "vCont;c;C;s;S"

    @_packet("vCont;")
    def _resume(self, rest: str) -> str:
        action = rest.partition(";")[0].partition(":")[0]
        if action[:1] in ("s", "S"):
            return self._step("")
        if action[:1] in ("c", "C"):
            return self._continue("")
        raise ValueError

    @_packet("c", "C")
    def _continue(self, rest: str) -> str:
        return self._run(self.session.run)

    @_packet("s", "S")
    def _step(self, rest: str) -> str:
        return self._run(self.session.step)

    @_packet("bc")
    def _continue_back(self, rest: str) -> str:
        return self._stopped(self.session.run(back=True))

    @_packet("bs")
    def _step_back(self, rest: str) -> str:
        return self._stopped(self.session.step(back=True))

    def _run(self, move: Callable[[], Stop]) -> str:
        """Forward. An end is told first where there is something to be looked at, and by the guest's exit when it is
        asked to go on from there."""
        if self.session.stop.over:
            return exit_reply(self.session.stop)
        stop = move()
        if stop.reason is Reason.EXIT and not self.stop_at_exit:
            return exit_reply(stop)
        return self._stopped(stop)

    # --- the end -----------------------------------------------------------------------------------------------------

    @_packet("k")
    def _kill(self, rest: str) -> str:
        self.over = True
        return "X09"

    @_packet("vKill")
    def _kill_politely(self, rest: str) -> str:
        self.over = True
        return "OK"

    @_packet("D")
    def _detach(self, rest: str) -> str:
        self.over = self.detached = True
        for key in list(self._points):
            self.session.breakpoints.remove(self._points.pop(key).number)
        return "OK"

    @_packet("qRcmd,")
    def _command(self, rest: str) -> str:
        text = bytes.fromhex(rest).decode("utf-8", "replace")
        return f"{monitor(self, text)}\n".encode().hex()


_LONGEST: Final = max(map(len, _HANDLERS))


def _pair(rest: str) -> tuple[int, int]:
    frame, index = (int(number) for number in rest.split(";")[:2])
    if frame < 0:
        raise ValueError
    return frame, index


def _at(variables: Sequence[Variable], index: int) -> Variable:
    if not 0 <= index < len(variables):
        raise DebugError(f"there is no number {index}: the frame has {len(variables)}")
    return variables[index]


def _point(rest: str) -> tuple[str, int, int]:
    """Of a breakpoint: its kind, address and size. Conditions that may follow are the client's own to check."""
    kind, start, size = rest.partition(";")[0].split(",")
    return kind, int(start, 16), int(size, 16)
