"""Which back end there is on this machine, and a tier over it."""

from __future__ import annotations

import sys
from functools import cache

from jit.backend import Backend
from jit.check import CheckedBackend
from jit.log import Log
from jit.options import Options
from jit.tier import JitTier
from refsfi.exec.tiers import TierChoice

__all__ = ["make", "make_backend", "obstacle"]


@cache
def obstacle() -> str | None:
    """Why machine code cannot be made here; None where it can."""
    from jit.x64.cpu import cpu

    reason = cpu().reason
    if reason:
        return reason
    try:
        from jit.x64.backend import X64Backend

        X64Backend(Options())
    except (OSError, ImportError) as error:
        return str(error)
    return None


def make_backend(name: str | None, options: Options) -> Backend:
    """The back end of this name, or the best one; where machine code is not to be had, one line on stderr says why."""
    if name != "portable":
        why = obstacle()
        if why is None:
            from jit.x64.backend import X64Backend

            return X64Backend(options)
        _say(why)
    from jit.portable.backend import PortableBackend

    return PortableBackend(options)


@cache
def _say(why: str) -> None:
    print(f"refsfi: compiling to Python instead of machine code: {why}", file=sys.stderr)


def make(choice: TierChoice, log: Log | None = None) -> JitTier:
    options = Options(force=choice.mode in ("force", "check"), explicit=choice.bounds == "explicit")
    backend = make_backend(choice.backend, options)
    return JitTier(CheckedBackend(backend) if choice.mode == "check" else backend, options, log)
