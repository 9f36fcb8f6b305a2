"""Which back end there is on this machine, and a tier over it.

Imports nothing that compiles until it is needed: a process that runs for a moment should not wait for it.
"""

from __future__ import annotations

import resource
import sys
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from jit.budget import Budget, Unlimited
from jit.counters import LateTier
from jit.options import Options
from refsfi.exec.tiers import TierChoice, Watch
from refsfi.runtime.reservation import Reservation

if TYPE_CHECKING:
    from jit.backend import Backend
    from jit.log import Log
    from jit.tier import JitTier
    from refsfi.runtime.tier import Tier

__all__ = ["make", "make_backend", "obstacle"]

# Percent, `Options.share`.
_SHARE = 100


@cache
def obstacle() -> str | None:
    """Why machine code cannot be made here; None where it can."""
    from jit.x64.cpu import cpu

    reason = cpu().reason
    if reason:
        return reason
    from jit.x64.encode import AssemblyError, installed

    if installed() is None:
        return "PeachPy, which encodes machine code, is not installed (tools/bootstrap installs it)"
    try:
        # cffi itself brings a parser along that nobody needs.
        import jit.x64.libc  # noqa: F401
    except ImportError as error:
        return f"cffi cannot be imported: {error}"
    from jit.x64.backend import X64Backend

    try:
        X64Backend(Options(explicit=True))
    except (OSError, AssemblyError) as error:
        return str(error)
    return None


def make_backend(name: str | None, options: Options, *, checked: bool = False) -> Backend:
    """The back end of this name, or the best one; where machine code is not to be had, one line on stderr says why.
    `checked`: machine code is verified as well, if there is the decoder for it."""
    if name != "portable":
        why = obstacle()
        if why is None:
            from jit.x64.backend import X64Backend

            return X64Backend(options, verified=checked and find_spec("iced_x86") is not None)
        _say(f"compiling to Python instead of machine code: {why}")
    from jit.portable import Portable

    return Portable()


@cache
def _say(what: str) -> None:
    if sys.stderr is not None:
        print(f"refsfi: {what}", file=sys.stderr, flush=True)


def make(choice: TierChoice) -> Tier:
    """A tier. OSError where what it is to write cannot be written."""
    options = Options(force=choice.mode in ("force", "check"), explicit=choice.bounds == "explicit")
    tuning: dict[str, Any] = {"share": _SHARE, **dict(choice.tuning)}
    options = replace(options, **tuning)
    log: Log | None = None
    if choice.watch != Watch():
        from jit.watch import log_for

        log = log_for(choice.watch)
    if options.force:
        return _tier(choice, options, Unlimited(), log)
    budget = Unlimited() if options.share is None else Budget(options.share)
    return LateTier(options, budget, lambda: _tier(choice, options, budget, log), None if log is None else log.meter)


def _reservable() -> bool:
    """Whether there is address space for memories with guard pages."""
    if resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY:
        # There may be for this one, and not for the next one.
        return False
    try:
        Reservation(0).release()
    except OSError:
        return False
    return True


def _tier(choice: TierChoice, options: Options, budget: Budget, log: Log | None) -> JitTier:
    from jit.tier import JitTier

    if not options.explicit and not _reservable():
        options = replace(options, explicit=True)
    backend = make_backend(choice.backend, options, checked=choice.mode == "check")
    if choice.mode == "check":
        from jit.check import CheckedBackend

        backend = CheckedBackend(backend)
    return JitTier(backend, options, log, budget)
