"""What a thread is doing, by its Python stack: the innermost function on it that is known to be somebody's work.

The interpreter's loop, the recorder, the phases of the compiler, calls of the host and the phases of loading are such
functions; what they call is theirs. So nothing has to be noted while a program runs, and nothing is when nobody looks.
"""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any, Final, TypeAlias

from jit import select
from jit.counters import LateTier
from jit.log import Log
from jit.portable.unit import PortableUnit
from jit.profiling.sampling import Sampling
from jit.record import Recording
from jit.tier import JitTier
from jit.x64 import ticker
from jit.x64.unit import NativeUnit
from refsfi.binary.decode import decode
from refsfi.exec import calls, instantiate, load, machine, observed
from refsfi.exec.code import FuncCode
from refsfi.text.parser import parse_module
from refsfi.valid.module import validate

__all__ = ["Place", "place"]

# Category; name, None for the function's; the function and the instruction, None and -1 where it is no guest's.
Place: TypeAlias = tuple[str, str | None, FuncCode | None, int]

_Owner: TypeAlias = Callable[[FrameType], Place | None]


def _fixed(category: str, name: str) -> _Owner:
    what: Place = (category, name, None, -1)
    return lambda frame: what


def _interpreting(frame: FrameType) -> Place | None:
    """The interpreter's loop: `ip` is the step that it is at, `f` the frame that the step is of."""
    found = frame.f_locals
    f, ip = found.get("f"), found.get("ip", -1)
    if f is None or f.code is None:
        return None
    code: FuncCode = f.code
    lowered = code.lowered
    form = lowered if lowered is not None and f.ops is lowered.steps else code.stepwise_
    pc = form.pcs[ip] if form is not None and 0 <= ip < len(form.pcs) else -1
    return "interpreting", None, code, pc


def _observed(frame: FrameType) -> Place | None:
    found = frame.f_locals
    f = found.get("frame")
    return None if f is None or f.code is None else ("interpreting", None, f.code, found.get("pc", -1))


def _stepping(frame: FrameType) -> Place | None:
    """The interpreter executes the instruction at which compiled code was left."""
    found = frame.f_locals
    return "interpreting", None, found["code"], found["pc"]


def _host(frame: FrameType) -> Place | None:
    func = frame.f_locals["func"]
    return "host", func.name or "function", None, -1


def _generated(frame: FrameType) -> Place | None:
    unit = frame.f_locals["self"]
    return "native", None, unit.graph.code, -1


_FUNCTIONS: Final[list[tuple[Any, _Owner]]] = [
    (machine._run, _interpreting),
    (observed.run_observed, _observed),
    (JitTier._execute, _stepping),
    (calls.call_host, _host),
    (PortableUnit.enter, _generated),
    (NativeUnit.enter, _fixed("entering", "entering and leaving")),
    (JitTier.enter, _fixed("entering", "entering and leaving")),
    (JitTier._departed, _fixed("entering", "entering and leaving")),
    (Recording.run, _fixed("recording", "recording")),
    (JitTier.record, _fixed("recording", "recording")),
    (JitTier._build, _fixed("compiling", "build")),
    (JitTier._optimise, _fixed("compiling", "optimise")),
    (JitTier.compile, _fixed("compiling", "emit")),
    (JitTier._install, _fixed("compiling", "install")),
    (Log.tell, _fixed("profiling", "log")),
    (Sampling.end, _fixed("profiling", "the end")),
    (LateTier.tier, _fixed("start-up", "making the compiler")),
    (select.make, _fixed("start-up", "making the compiler")),
    (ticker.start, _fixed("start-up", "making the compiler")),
    (decode, _fixed("start-up", "decoding")),
    (parse_module, _fixed("start-up", "parsing")),
    (validate, _fixed("start-up", "validating")),
    (load.load_program, _fixed("start-up", "loading")),
    (FuncCode.prepare, _fixed("start-up", "lowering")),
    (instantiate.instantiate, _fixed("start-up", "instantiating")),
]

_OWNERS: Final[dict[CodeType, _Owner]] = {function.__code__: owner for function, owner in _FUNCTIONS}

_IMPORT: Final = "<frozen importlib._bootstrap"
_IMPORTING: Final[Place] = ("start-up", "importing", None, -1)

# Functions that own nothing, so that each file's name is looked at once.
_nobody: dict[CodeType, bool] = {}


def place(frame: FrameType | None) -> Place:
    """What the thread is doing whose innermost frame is given."""
    innermost = frame
    while frame is not None:
        code = frame.f_code
        owner = _OWNERS.get(code)
        if owner is not None:
            found = owner(frame)
            if found is not None:
                return found
        else:
            importing = _nobody.get(code)
            if importing is None:
                importing = _nobody[code] = code.co_filename.startswith(_IMPORT)
            if importing:
                return _IMPORTING
        frame = frame.f_back
    if innermost is None:
        return "other", "a thread without Python", None, -1
    return "other", f"{innermost.f_globals.get('__name__', '')}.{innermost.f_code.co_qualname}", None, -1
