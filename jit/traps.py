"""Faults of compiled code become exits: installing the signal handler, and staying in the chain of handlers.

The handler itself (`x64/handler.py`) is machine code. What it passes on goes to the action that was in force before it.
Others do the same: `faulthandler.enable()` puts its handler in front of ours and remembers ours as what to go back to.
A guest's fault would then end the process, so `ensure_installed` looks whether the action in force is still ours, and
puts a handler in front again where it is not: *another* one, with a record of its own. The first one still passes on to
what was there before it. With a single handler, which passes on to faulthandler, which goes back to the handler, a real
crash would be reported for ever.

A handler takes over the flags of the action it passes on to (alternate stack, SA_NODEFER) and its mask, so that the
function that gets the signal in the end runs as it asked to. Ours is indifferent to them: it needs no stack but the
kernel's frame, for which native stacks have room, does not fault itself unless compiled code lost its context, and
leaves through the kernel, which restores the thread's mask.
"""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

from jit.x64.codememory import CODE_RANGES, CodeMemory
from jit.x64.handler import ACTION, IGNORE, ONCE, HandlerLayout, encode_handler
from jit.x64.libc import MAP_FAILED, ffi, libc, system_error
from refsfi.errors import Crash
from refsfi.runtime.reservation import MEMORY_RANGES

__all__ = ["TrapsUnavailable", "ensure_installed", "install"]

# An access that a mapping forbids is SIGSEGV on Linux; SIGBUS is what a file mapped into a memory can give.
_SIGNALS = (signal.SIGSEGV, signal.SIGBUS)

_SA_SIGINFO = 0x4
_SA_ONSTACK = 0x08000000
_SA_RESTART = 0x10000000
_SA_NODEFER = 0x40000000
_SA_RESETHAND = 0x80000000
_INHERITED = _SA_ONSTACK | _SA_RESTART | _SA_NODEFER

# Handlers in front of each other. Each is a library that replaced ours after the one before it had been replaced.
_MOST = 32

# One page of data for the handlers, never unmapped: the landing, the kernel's notation of the default action, and from
# _RECORDS on a record for each handler.
_PAGE = 4096
_LANDING = 0
_DEFAULT_ACTION = 64
_RECORDS = 128
_RECORD_SIZE = 16


class TrapsUnavailable(Exception):
    """Faults cannot be caught here; memory accesses must be checked explicitly."""


class _Handlers:
    """The handlers of this process. All methods but `in_force` are called with `_lock` held."""

    def __init__(self, landing: int, fault_pc: int, fault_address: int) -> None:
        self.settings = (landing, fault_pc, fault_address)
        # Not a guest's code: a fault in a handler is never redirected.
        self._code = CodeMemory(1 << 16, ranges=None)
        page = libc.mmap(ffi.NULL, _PAGE, 0x3, 0x22, -1, 0)
        self._page = int(ffi.cast("uintptr_t", page))
        if self._page == MAP_FAILED:
            raise system_error("mapping a page for signal handlers")
        self._words: Any = ffi.cast("uint64_t *", page)
        self._words[_LANDING // 8] = landing
        # By what they pass on to: the function and the flags it was installed with.
        self._made: dict[tuple[int, int], int] = {}
        self._addresses: frozenset[int] = frozenset()
        self._seen = ffi.new("sigaction_t *")

    def in_force(self) -> bool:
        """Whether the action for SIGSEGV is one of ours. What replaces that for SIGBUS replaces both, and is less
        urgent. Any thread may ask at any time: all of them are told the same."""
        libc.sigaction(signal.SIGSEGV, ffi.NULL, self._seen)
        return self._seen.handler in self._addresses

    def put_in_front(self, number: int) -> None:
        """Make one of our handlers the action for a signal, if none is."""
        old = ffi.new("sigaction_t *")
        if libc.sigaction(number, ffi.NULL, old):
            raise system_error("asking for a signal's action")
        action = ffi.new("sigaction_t *")
        while old.handler not in self._addresses:
            expected = old.handler
            action.handler = self._passing_on_to(old.handler, old.flags)
            action.mask = old.mask
            action.flags = _SA_SIGINFO | (old.flags & _INHERITED if old.handler > IGNORE else _SA_ONSTACK)
            if libc.sigaction(number, action, old):
                raise system_error("installing a signal handler")
            if old.handler == expected:
                return
            # Another thread was quicker: its action is the one to pass on to.

    def _passing_on_to(self, function: int, flags: int) -> int:
        """The handler in front of an action; its address."""
        address = self._made.get((function, flags))
        if address is None:
            address = self._made[function, flags] = self._make(function, bool(flags & _SA_RESETHAND))
            self._addresses |= {address}
        return address

    def _make(self, function: int, once: bool) -> int:
        count = len(self._made)
        if count == _MOST:
            raise TrapsUnavailable(f"the signal handler for memory faults has been replaced by {count} others in turn")
        record = _RECORDS + _RECORD_SIZE * count
        self._words[(record + ACTION) // 8] = function
        self._words[(record + ONCE) // 8] = once
        _, fault_pc, fault_address = self.settings
        code = encode_handler(
            HandlerLayout(
                code=CODE_RANGES.address,
                memory=MEMORY_RANGES.address,
                landing=self._page + _LANDING,
                record=self._page + record,
                default=self._page + _DEFAULT_ACTION,
                fault_pc=fault_pc,
                fault_address=fault_address,
            )
        )
        block = self._code.allocate(len(code))
        block.write(code)
        return block.address


_lock = threading.Lock()
_handlers: _Handlers | None = None

# Threads in which the signals are known not to be blocked.
_thread = threading.local()


def install(landing: int, *, fault_pc: int, fault_address: int) -> None:
    """Let faults of compiled code at addresses of linear memories go on at address `landing`, in the same thread and
    with all registers as they were, except that rip and the address of the fault are in the two words at offsets
    `fault_pc` and `fault_address` of the context that r15 points to.

    There is one landing for the process, for good: calling this again with the same arguments is `ensure_installed`.
    TrapsUnavailable where executable memory is refused.
    """
    global _handlers
    settings = (landing, fault_pc, fault_address)
    with _lock:
        if _handlers is None:
            try:
                _handlers = _Handlers(*settings)
            except OSError as error:
                raise TrapsUnavailable(f"memory faults cannot be caught: {error}") from error
        elif _handlers.settings != settings:
            raise Crash(f"memory faults land with {_handlers.settings} already, and not with {settings}")
    ensure_installed()


def ensure_installed() -> None:
    """Put the handler in front again if something else has taken its place, and unblock its signals in this thread: the
    kernel kills a process that faults while the signal is blocked. To be called at each entry into compiled code.

    TrapsUnavailable where something takes its place time and again.
    """
    handlers = _handlers
    if handlers is None:
        raise Crash("no landing for memory faults has been installed")
    if not handlers.in_force():
        with _lock:
            for number in _SIGNALS:
                handlers.put_in_front(number)
    if not hasattr(_thread, "unblocked"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        _thread.unblocked = True


def _renew_lock() -> None:
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_renew_lock)
