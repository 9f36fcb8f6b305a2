"""One case: what may become of an input, and what is a finding.

Malformed and invalid inputs have to be refused with an error of the right class. What is valid has to survive the
round trips through both formats and to run, within limits, to a result or a trap. Everything else is a finding: any
other exception, a `Crash`, a difference, an error that does not say where, more time or memory than allowed.
"""

from __future__ import annotations

import re
import resource
import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from refsfi.binary.decode import decode
from refsfi.binary.encode import encode
from refsfi.errors import (
    GuestException,
    LimitError,
    LinkError,
    MalformedError,
    PlacedError,
    Trap,
    WasmError,
)
from refsfi.exec.code import Program
from refsfi.exec.instantiate import instantiate
from refsfi.exec.machine import invoke
from refsfi.runtime.limits import Limits
from refsfi.runtime.memory import MemInst
from refsfi.runtime.store import Extern, FuncInst, GlobalInst, HostFunc, Store, TagInst
from refsfi.runtime.table import TableInst
from refsfi.runtime.values import default, func_type
from refsfi.syntax.deftypes import DefType
from refsfi.syntax.features import Features
from refsfi.syntax.module import Module
from refsfi.syntax.types import ExternType, FuncExtern, GlobalType, MemType, RefType, TableType, TagType, ValType
from refsfi.text.parser import parse_module
from refsfi.text.printer import print_module
from refsfi.valid.module import validate
from tools.fuzzing.meaning import difference

__all__ = ["SECONDS", "Finding", "Outcome", "TooLong", "check", "limit_memory", "signature", "time_limit"]

# What one case may take. The guest's own limits are far below, so that exceeding these is refsfi's doing.
SECONDS = 30.0
FUEL = 20_000
LIMITS = Limits(stack=1 << 16, memory=1 << 22, table=10_000, gc_items=10_000)
# More exported functions than this are not called.
MAX_CALLS = 8


@dataclass(frozen=True, slots=True)
class Finding:
    """`signature` is equal for cases that have, as far as can be told, the same cause."""

    signature: str
    detail: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How far the input came: malformed, invalid, limit, unlinkable, valid, ran; or a finding."""

    stage: str
    finding: Finding | None = None


class TooLong(BaseException):
    """Not an Exception, so that no handler on the way takes it for one of its own."""


class _Differs(Exception):
    """A round trip changed the module."""


class _Unplaced(Exception):
    """An error without an offset, or a line and column, of the input."""


def check(content: bytes | str, features: Features) -> Outcome:
    """Run one input through everything. Never raises but KeyboardInterrupt and the like."""
    stage = "malformed"
    try:
        with time_limit(SECONDS):
            for reached in _stages(content, features):
                stage = reached
        return Outcome(stage)
    except TooLong:
        return Outcome(stage, Finding(f"time: {stage}", f"more than {SECONDS:g} s in phase {stage}"))
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # whatever it is, it is the finding
        return Outcome(stage, Finding(signature(error), traceback.format_exc(limit=-12)))


def _stages(content: bytes | str, features: Features) -> Iterator[str]:
    """Yields how far the input has come."""
    try:
        module = parse_module(content, features) if isinstance(content, str) else decode(content, features)
    except MalformedError as error:
        _placed(error, content)
        yield "malformed"
        return
    yield "wellformed"
    try:
        info = validate(module, features)
    except PlacedError as error:
        _placed(error, content)
        yield "limit" if isinstance(error, LimitError) else "invalid"
        return
    yield "valid"
    _round_trips(module, features)
    if any(instr.op.rule == "atomic.wait" for func in module.funcs for instr in func.body):
        # It may wait as long as it likes.
        return
    store = Store(LIMITS, fuel=FUEL)
    try:
        program = Program(module, info, metered=True)
        instance = instantiate(store, program, [_extern(type) for type in program.import_types])
    except LinkError:
        yield "unlinkable"
        return
    except LimitError:
        yield "limit"
        return
    except (Trap, GuestException):
        yield "ran"
        return
    calls = 0
    for export in instance.exports.values():
        if isinstance(export, FuncInst) and calls < MAX_CALLS:
            calls += 1
            store.fuel = FUEL
            try:
                invoke(store, export, [_argument(t, calls) for t in func_type(export.type).params])
            except (Trap, GuestException) as error:
                str(error)
    yield "ran"


def _round_trips(module: Module, features: Features) -> None:
    """Both formats keep a module's meaning. What only one of them can say (positions, names, custom sections' places)
    does not count."""
    data = encode(module)
    again = decode(data, features)
    if encode(again) != data:
        raise _Differs("binary: encoding the decoded module gives other bytes")
    if differs := difference(module, again):
        raise _Differs(f"binary: {differs} differ after a round trip")
    if differs := difference(module, parse_module(print_module(module), features)):
        raise _Differs(f"text: {differs} differ after a round trip")


def _placed(error: WasmError, content: bytes | str) -> None:
    """That an error says where in the input it is."""
    text = str(error)
    if isinstance(content, bytes):
        offset = _OFFSET.search(text)
        if offset is None or int(offset[1], 16) > len(content):
            raise _Unplaced(text)
        return
    place = _LINE_COLUMN.match(text)
    lines = content.split("\n")
    if place is None or not (
        0 < int(place[1]) <= len(lines) and 0 < int(place[2]) <= len(lines[int(place[1]) - 1]) + 1
    ):
        raise _Unplaced(text)


_OFFSET = re.compile(r"\(at offset 0x([0-9a-f]+)\)$")
_LINE_COLUMN = re.compile(r"([0-9]+):([0-9]+): ")


def _extern(type: ExternType) -> Extern:
    """Something to import, of the smallest kind that fits."""
    match type:
        case FuncExtern(type=DefType() as deftype):
            results = [default(t) for t in func_type(deftype).results]
            return HostFunc(deftype, lambda *_: results)
        case TableType():
            if type.limits.min > LIMITS.table:
                raise LinkError("a table larger than the limit")
            return TableInst(type, None, LIMITS.table)
        case MemType():
            if type.limits.min << type.page_size_log2 > (LIMITS.memory or 0):
                raise LinkError("a memory larger than the limit")
            return MemInst(type, LIMITS.memory)
        case GlobalType():
            if isinstance(type.type, RefType) and not type.type.null:
                raise LinkError("a global for which there is no value")
            return GlobalInst(type, default(type.type))
        case TagType(type=DefType() as deftype):
            return TagInst(deftype)
    raise LinkError(f"nothing to import for {type}")


def _argument(type: ValType, salt: int) -> object:
    value = default(type)
    return (salt * 0x9E3779B1) & 0xFFFFFFFF if value == 0 and isinstance(value, int) else value


def signature(error: BaseException) -> str:
    """The exception's class and where in refsfi it came from: function names, because lines move."""
    frames = traceback.extract_tb(error.__traceback__)
    inner = [f for f in frames if "/refsfi/" in f.filename]
    where = f"{inner[-1].filename.rpartition('/refsfi/')[2]}:{inner[-1].name}" if inner else "?"
    detail = f" {error}" if isinstance(error, _Differs) else ""
    return f"{type(error).__name__} in {where}{detail}"


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TooLong inside when the time is over; only in a main thread."""

    def over(_: int, __: FrameType | None) -> None:
        raise TooLong

    before = signal.signal(signal.SIGALRM, over)
    # A test runner may have a timer of its own, which goes on afterwards.
    others = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, *others)


def limit_memory(bytes_: int) -> None:
    """Bound this process' writable memory (reservations that cannot be written do not count): more is a
    MemoryError, which is a finding."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (bytes_, hard))
