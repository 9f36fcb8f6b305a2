"""Where a thread is, noted a thousand times a second by a signal handler in machine code.

A timer of the kernel sends SIGPROF to one thread, by the clock on the wall, so that waiting counts as well. The handler
notes the time and, where the thread was in memory for guests' code, the address of the instruction. It takes no locks,
calls nothing and needs no Python, and so may interrupt anything; a microsecond or two are lost.

Where the thread was elsewhere, the handler goes on to Python's own, which makes the interpreter call a function between
two of its instructions, in the main thread: that looks at Python's stack. Elsewhere somebody else has to look.

A thread's notes are a ring that its timer's signals carry the address of. Its reader is one thread at a time; what it
does not read in time is overwritten, and counted. Rings live as long as the process: a signal may be on its way when a
timer is deleted. A fork's child has no timers.
"""

from __future__ import annotations

import ctypes
import os
import signal
import threading
from collections.abc import Callable
from struct import pack
from typing import Any, Final

from jit.x64.asm import Assembler
from jit.x64.codememory import CODE_RANGES, CodeMemory
from jit.x64.handler import SI_CODE, UC_RIP, search
from jit.x64.libc import ffi, libc, system_error
from jit.x64.registers import R8, R9, R10, RAX, RCX, RDI, RDX, RSI

__all__ = ["Ring", "SignalTaken", "Signals"]

SIGNAL: Final = signal.SIGPROF

# What the handler does for a ring: words of 8 bytes; the rows, of two words each, are behind them.
_COUNT: Final = 0
_MASK: Final = 8
_NEXT: Final = 16  # where to go on when the thread is not in a guest's code, 0 for nowhere
_CLOCK: Final = 32  # room for a timespec
_ROWS: Final = 64
_ROW: Final = 16

# Rows of a ring: a minute at a thousand a second.
_CAPACITY: Final = 1 << 16

# siginfo_t: the code of a timer's signal, and where it has the value that the timer was made with.
_SI_TIMER: Final = -2
_SI_VALUE: Final = 24

_CLOCK_GETTIME: Final = 228
_TIMER_CREATE: Final = 222
_TIMER_SETTIME: Final = 223
_TIMER_DELETE: Final = 226
_CLOCK_MONOTONIC: Final = 1
_SIGEV_THREAD_ID: Final = 4
_SECOND: Final = 10**9

_SA_SIGINFO: Final = 0x4
_SA_RESTART: Final = 0x10000000


class SignalTaken(OSError):
    """Somebody else in this process uses the signal."""


def encode_sampler(ranges: int) -> bytes:
    """The handler. `ranges`: the address of the table of guests' code."""
    asm = Assembler()
    done, elsewhere, note = asm.label(), asm.label(), asm.label()
    # Of another origin than a timer: there is no ring.
    asm.rm("mov32", RAX, RSI, SI_CODE)
    asm.ri("cmp32", RAX, _SI_TIMER)
    asm.jcc("ne", done)
    asm.rm("mov64", R9, RSI, _SI_VALUE)
    asm.rm("mov64", R8, RDX, UC_RIP)
    asm.rr("mov64", R10, RDI)
    search(asm, ranges, R8, elsewhere)
    asm.jmp(note)
    asm.bind(elsewhere)
    asm.rr("xor32", R8, R8)
    asm.bind(note)
    asm.ri("mov32", RDI, _CLOCK_MONOTONIC)
    asm.rm("lea64", RSI, R9, _CLOCK)
    asm.ri("mov32", RAX, _CLOCK_GETTIME)
    asm.op("syscall")
    asm.rm("mov64", RAX, R9, _CLOCK)
    asm.rri("imul64", RAX, RAX, _SECOND)
    asm.rm("add64", RAX, R9, _CLOCK + 8)
    asm.rm("mov64", RCX, R9, _COUNT)
    asm.rr("mov64", RDX, RCX)
    asm.rm("and64", RDX, R9, _MASK)
    asm.ri("shl64", RDX, 4)
    asm.rr("add64", RDX, R9)
    asm.mr("mov64", RDX, _ROWS, RAX)
    asm.mr("mov64", RDX, _ROWS + 8, R8)
    asm.ri("add64", RCX, 1)
    # x86-64 lets no store overtake an earlier one: who sees the number sees the row.
    asm.mr("mov64", R9, _COUNT, RCX)
    asm.rr("test64", R8, R8)
    asm.jcc("ne", done)
    asm.rm("mov64", RAX, R9, _NEXT)
    asm.rr("test64", RAX, RAX)
    asm.jcc("e", done)
    asm.rr("mov64", RDI, R10)
    asm.r("jmp64", RAX)
    asm.bind(done)
    asm.op("ret")
    return bytes(asm.finish(0))


class Ring:
    """The notes of one thread. `thread` is the system's number for it."""

    def __init__(self, thread: int, interval: int, next: int) -> None:
        """Begin: a note every `interval` ns. OSError where there can be no more timers."""
        self.thread = thread
        # In Python's list of what may go, it is once more than anybody can count: a signal may be on its way.
        self._words = (ctypes.c_uint64 * ((_ROWS + _ROW * _CAPACITY) // 8))()
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._words))
        self._words[_MASK // 8] = _CAPACITY - 1
        self._words[_NEXT // 8] = next
        self._read = 0
        self.lost = 0
        self._process = os.getpid()
        address = ctypes.addressof(self._words)
        event = ctypes.create_string_buffer(pack("<Qiii44x", address, SIGNAL, _SIGEV_THREAD_ID, thread), 64)
        timer = ctypes.c_int()
        _call(_TIMER_CREATE, _CLOCK_MONOTONIC, ctypes.addressof(event), ctypes.addressof(timer))
        self._timer: int | None = timer.value
        period = pack("<qq", interval // _SECOND, interval % _SECOND)
        setting = ctypes.create_string_buffer(period + period, 32)
        _call(_TIMER_SETTIME, timer.value, 0, ctypes.addressof(setting), 0)

    def rows(self) -> list[tuple[int, int]]:
        """What was noted since the last time: (time, address of an instruction of guests' code or 0)."""
        words = self._words
        count = words[0]
        # The handler may write another row meanwhile, over the oldest.
        first = max(self._read, count - _CAPACITY + 1)
        self.lost += first - self._read
        self._read = count
        found = []
        for number in range(first, count):
            at = _ROWS // 8 + 2 * (number & (_CAPACITY - 1))
            found.append((words[at], words[at + 1]))
        return found

    def stop(self) -> None:
        """No more notes. The timers of a process are not those of its children."""
        timer, self._timer = self._timer, None
        if timer is not None and self._process == os.getpid():
            _call(_TIMER_DELETE, timer, 0, 0, 0)


class Signals:
    """The signal's handler, while threads are sampled. `look` is called in the main thread, with Python's frame."""

    def __init__(self, look: Callable[[int, Any], None]) -> None:
        """To be made in the main thread: ValueError elsewhere. SignalTaken; CodeMemoryRefused."""
        if signal.getsignal(SIGNAL) != signal.SIG_DFL:
            raise SignalTaken(f"{SIGNAL.name} has a handler already, perhaps that of another profiler")
        code = encode_sampler(CODE_RANGES.address)
        # Not a guest's code: a fault in the handler is never redirected.
        self._memory = CodeMemory(1 << 12, ranges=None)
        _kept.append(self._memory)
        block = self._memory.allocate(len(code))
        block.write(code)
        signal.signal(SIGNAL, look)
        action = ffi.new("sigaction_t *")
        if libc.sigaction(SIGNAL, ffi.NULL, action):
            raise system_error("asking for a signal's action")
        self._python = action.handler
        action.handler = block.address
        # System calls that wait go on: those of Python and of the guest are not to notice.
        action.flags = _SA_SIGINFO | _SA_RESTART
        if libc.sigaction(SIGNAL, action, ffi.NULL):
            raise system_error("installing a signal handler")
        self._rings: list[Ring] = []

    def begin(self, thread: int, interval: int) -> Ring:
        """Sample a thread of this process, by the system's number. OSError."""
        main = thread == threading.main_thread().native_id
        ring = Ring(thread, interval, self._python if main else 0)
        self._rings.append(ring)
        return ring

    def end(self) -> None:
        """In the main thread. A signal that is on its way does nothing."""
        for ring in self._rings:
            ring.stop()
        # Not the default, of which the process would die if one came late.
        signal.signal(SIGNAL, signal.SIG_IGN)
        signal.signal(SIGNAL, signal.SIG_DFL)


# Memory of handlers: a signal may arrive late.
_kept: list[CodeMemory] = []


def _call(number: int, *arguments: int) -> None:
    """A system call. OSError."""
    words = [ctypes.c_long(argument) for argument in arguments]
    if _syscall(ctypes.c_long(number), *words) < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"a timer for the profiler: {os.strerror(code)}")


_syscall: Any = ctypes.CDLL(None, use_errno=True).syscall
_syscall.restype = ctypes.c_long
