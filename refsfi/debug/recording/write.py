"""Recording a run while it happens, at the border to the host, whatever tier executes it.

Fuel is the clock: it is counted the same in both tiers, so that a run which its host interrupted can be stopped at the
same instruction again.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, BinaryIO

from refsfi.debug.journal import Call, Journal, Refusal, Tracker, Watcher, World, bordered
from refsfi.debug.recording.effects import put_effects, put_values
from refsfi.debug.recording.format import HostObjects, Kind, RecordingError, Writer, put_bytes, put_number, put_value
from refsfi.debug.recording.state import digest
from refsfi.debug.target import untracked
from refsfi.errors import GuestException, GuestExit, Trap, TrapCode
from refsfi.exec.code import Program
from refsfi.exec.instantiate import instantiate
from refsfi.exec.machine import invoke
from refsfi.runtime.memory import MemInst
from refsfi.runtime.store import Extern, Frame, FuncInst, GlobalInst, HostFunc, Instance, Store, TagInst
from refsfi.runtime.table import TableInst
from refsfi.runtime.values import Value
from refsfi.syntax.features import Features
from refsfi.syntax.types import ExternKind

__all__ = ["Recorder"]

_SPACES = {
    ExternKind.TABLE: "tables",
    ExternKind.MEMORY: "mems",
    ExternKind.GLOBAL: "globals",
    ExternKind.TAG: "tags",
}

# How a host function ended, in CALL pieces.
RETURNED, TRAPPED, EXITED = range(3)


class Recorder(World):
    """Of one store, whose programs are metered. RecordingError where the file cannot be written, and for what cannot
    be recorded.

    An embedder tells of the bytes of each program (`module`), has the recorder make instances and calls (`instantiate`,
    `invoke`), and says when that is all (`end`). In between it may do with memories, globals and tables as it likes:
    they are compared, which costs a copy of the memories for each call. Who does nothing in between, and makes
    instances and calls itself, tells of each before (`instantiating`, `invoking`) and of what was `made`.
    """

    def __init__(self, file: BinaryIO, store: Store, features: Features) -> None:
        self._writer = Writer(file)
        self.store = store
        self._fuel = store.fuel
        self._journal = Journal(kept=False, record=self._entry)
        self._journal.world = self
        self._modules: dict[Program, int] = {}
        self.instances: list[Instance] = []
        self._names: dict[str, int] = {}
        # Of the host: stand-ins of functions by the function, and things that are no functions, by their number.
        self._stand_ins: dict[int, tuple[HostFunc, HostFunc]] = {}
        self._functions: dict[int, int] = {}
        self._externs: dict[int, int] = {}
        self._kept: list[Extern] = []
        self._objects = HostObjects()
        # While it is the host's turn, what the guest was when it began.
        self._watcher: Watcher | None = None
        self._left = store.fuel
        self._broken_off = False
        self._last: BaseException | Sequence[Value] = ()
        # Of the last invocation, for `end`.
        self.results: Sequence[Value] = ()
        head = {"features": sorted(features), "fuel": store.fuel, "limits": asdict(store.limits)}
        self._writer.write(Kind.HEAD, json.dumps(head).encode())

    # --- what the run is made of -------------------------------------------------------------------------------------

    def module(self, program: Program, data: bytes) -> None:
        """A program that will be instantiated, and the bytes or the text that it came from."""
        self._modules[program] = len(self._modules)
        self._writer.write(Kind.MODULE, zlib.compress(data, 1))

    def instantiate(
        self,
        program: Program,
        imports: Sequence[Extern],
        tracker: Callable[[HostFunc], Tracker | None] = untracked,
    ) -> Instance:
        """As `exec.instantiate.instantiate`; `tracker` as `instantiating` has it."""
        if self._journal.inside:
            raise RecordingError("a function of the host makes an instance, which cannot be recorded")
        self._guests_turn()
        used = self.instantiating(program, imports, tracker)
        try:
            instance = instantiate(self.store, program, used)
        except BaseException as error:
            self._broken_off, self._last = True, error
            raise
        self.made(instance)
        self._hosts_turn()
        return instance

    def invoke(self, func: FuncInst | HostFunc, arguments: Sequence[Value]) -> Sequence[Value]:
        """As `exec.machine.invoke`. What a function of the host calls back belongs to its call."""
        if self._journal.inside:
            return invoke(self.store, func, list(arguments))
        self._guests_turn()
        self.invoking(func, arguments)
        try:
            results = invoke(self.store, func, list(arguments))
        except (Trap, GuestException, GuestExit) as error:
            # One that came from outside cannot be had again at its place, but for the last one.
            self._broken_off = isinstance(error, Trap) and error.code is TrapCode.INTERRUPT
            self._done(error)
            raise
        except BaseException as error:
            self._broken_off, self._last = True, error
            raise
        self._done(results)
        return results

    def _guests_turn(self) -> None:
        """What the host has done since the last call is written down."""
        if self._broken_off:
            raise RecordingError("the run was broken off by the host, and what comes after that cannot be recorded")
        if self.store.fuel != self._left:
            raise RecordingError("the host has changed the fuel between two calls, which cannot be recorded")
        effects = None if self._watcher is None else self._watcher.effects()
        self._watcher = None
        if effects:
            out = bytearray()
            put_effects(out, effects, self._objects)
            self._writer.write(Kind.CHANGE, out)

    def _done(self, outcome: BaseException | Sequence[Value]) -> None:
        self._writer.write(Kind.DONE, json.dumps(outcome_of(outcome, self.store, self._fuel)).encode())
        self._last = outcome
        self._hosts_turn()

    def _hosts_turn(self) -> None:
        self._watcher = Watcher(self.shared())
        self._left = self.store.fuel

    def instantiating(
        self, program: Program, imports: Sequence[Extern], tracker: Callable[[HostFunc], Tracker | None]
    ) -> list[Extern]:
        """The imports to use instead. `tracker` gives what knows of the writes of a host function."""
        out = bytearray()
        put_number(out, self._modules[program])
        put_number(out, len(imports))
        replaced = []
        for extern, declared in zip(imports, program.module.imports, strict=True):
            known = tracker(extern) if isinstance(extern, HostFunc) else None
            used = self._stand_in(extern, f"{declared.module}::{declared.name}", known)
            self._put_extern(out, used)
            replaced.append(used)
        self._writer.write(Kind.INSTANTIATE, out)
        return replaced

    def made(self, instance: Instance) -> None:
        """It has been allocated, and may have been told of already."""
        if not any(instance is known for known in self.instances):
            self.instances.append(instance)
            for memory in instance.mems:
                memory.growth = self._journal

    def invoking(self, func: FuncInst | HostFunc, arguments: Sequence[Value]) -> None:
        out = bytearray()
        self._put_extern(out, func)
        put_values(out, arguments, self._objects)
        self._writer.write(Kind.INVOKE, out)

    def end(self, outcome: BaseException | Sequence[Value] | None = None) -> None:
        """How the run ended: with results, or with what came out of it; by default as the last `invoke`."""
        if outcome is None:
            outcome = self._last
        if self._watcher is not None and not self._broken_off:
            self._guests_turn()
        found = describe(outcome, self.store, self._fuel, self.instances)
        self._writer.write(Kind.END, json.dumps(found).encode())

    def _stand_in(self, extern: Extern, name: str, tracker: Tracker | None) -> Extern:
        if not isinstance(extern, HostFunc) or id(extern) in self._functions:
            return extern
        found = self._stand_ins.get(id(extern))
        if found is None:
            number = self._name(name)
            stand_in = bordered(extern, self._journal, name, tracker)
            found = self._stand_ins[id(extern)] = (extern, stand_in)
            self._functions[id(stand_in)] = number
        return found[1]

    def _name(self, name: str) -> int:
        number = self._names.get(name)
        if number is None:
            number = self._names[name] = len(self._names)
            self._writer.write(Kind.NAME, name.encode())
        return number

    def _put_extern(self, out: bytearray, extern: Extern) -> None:
        """Of the host: a function 0, else 1, with its number. Of an instance: 2, which one, kind and index."""
        if isinstance(extern, HostFunc):
            out.append(0)
            put_number(out, self._functions[id(extern)])
            return
        if isinstance(extern, FuncInst):
            out.append(2)
            put_number(out, next(i for i, inst in enumerate(self.instances) if inst is extern.inst))
            put_number(out, 0)
            put_number(out, extern.code.func_index)
            return
        for number, inst in enumerate(self.instances):
            for kind, (_, space) in enumerate(_SPACES.items(), 1):
                for index, other in enumerate(getattr(inst, space)):
                    if other is extern:
                        out.append(2)
                        put_number(out, number)
                        put_number(out, kind)
                        put_number(out, index)
                        return
        out.append(1)
        put_number(out, self._extern(extern))

    def _extern(self, extern: Extern) -> int:
        """The number of something of the host's that is no function."""
        number = self._externs.get(id(extern))
        if number is not None:
            return number
        out = bytearray()
        if isinstance(extern, MemInst):
            out.append(0)
            _put_limit(out, extern.pages, extern.type.limits.max)
            put_bytes(out, zlib.compress(bytes(extern.data[:]), 1))
            extern.growth = self._journal
        elif isinstance(extern, TableInst):
            if any(elem is not None for elem in extern.elems):
                raise RecordingError("a table of the host with elements cannot be recorded")
            out.append(1)
            _put_limit(out, len(extern.elems), extern.type.limits.max)
        elif isinstance(extern, GlobalInst):
            out.append(2)
            put_value(out, extern.value, self._objects)
        elif isinstance(extern, TagInst):
            out.append(3)
        number = self._externs[id(extern)] = len(self._externs)
        self._kept.append(extern)
        self._writer.write(Kind.EXTERN, out)
        return number

    # --- the journal's world -----------------------------------------------------------------------------------------

    def before(self, function: HostFunc, arguments: tuple[Value, ...]) -> None:
        frame: Frame | None = self.store.frame
        # A start function calls before its instantiation is over.
        inst = getattr(frame, "inst", None)
        if isinstance(inst, Instance):
            self.made(inst)

    def _entry(self, entry: Call | Refusal) -> None:
        out = bytearray()
        if isinstance(entry, Refusal):
            if self._watcher is not None:
                return  # it was the host that wanted more memory
            put_number(out, entry.size)
            self._writer.write(Kind.REFUSAL, out)
            return
        put_number(out, self._names[entry.name])
        put_values(out, entry.arguments, self._objects, opaque=True)
        put_effects(out, entry.effects, self._objects)
        failure = None if entry.failure is None else entry.failure()
        if failure is None:
            out.append(RETURNED)
            put_values(out, entry.results, self._objects)
        elif isinstance(failure, GuestExit):
            out.append(EXITED)
            put_number(out, failure.code)
        elif isinstance(failure, Trap):
            out.append(TRAPPED)
            put_number(out, failure.code)
            put_bytes(out, failure.message.encode())
            put_bytes(out, type(failure).__name__.encode())
            put_bytes(out, json.dumps(failure.fault and [failure.fault.address, failure.fault.size]).encode())
        else:
            raise RecordingError(f"{entry.name} throws an exception into the guest, which cannot be recorded")
        self._writer.write(Kind.CALL, out)


def _put_limit(out: bytearray, minimum: int, maximum: int | None) -> None:
    put_number(out, minimum)
    put_number(out, 0 if maximum is None else maximum + 1)


def describe(
    outcome: BaseException | Sequence[Value], store: Store, fuel: int | None, instances: Sequence[Instance]
) -> dict[str, Any]:
    """How a run ended, so that two runs can be compared: as `outcome_of`, and a digest of the state."""
    return outcome_of(outcome, store, fuel) | {"state": digest(instances)}


def outcome_of(outcome: BaseException | Sequence[Value], store: Store, fuel: int | None) -> dict[str, Any]:
    """How a call ended: kind, details, fuel that was used until then."""
    found: dict[str, Any] = {"fuel": None if fuel is None or store.fuel is None else fuel - store.fuel}
    if isinstance(outcome, Trap):
        place = outcome.frames[0] if outcome.frames else None
        found |= {"kind": "trap", "code": int(outcome.code), "message": outcome.message}
        found["place"] = None if place is None else [place.func_index, place.instr]
    elif isinstance(outcome, GuestExit):
        found |= {"kind": "exit", "code": outcome.code}
    elif isinstance(outcome, GuestException):
        place = outcome.frames[0] if outcome.frames else None
        found |= {"kind": "exception", "place": None if place is None else [place.func_index, place.instr]}
    elif isinstance(outcome, BaseException):
        found |= {"kind": "stopped", "message": str(outcome) or type(outcome).__name__}
    else:
        found |= {"kind": "return", "results": [_plain(v) for v in outcome]}
    return found


def _plain(value: Value) -> int | str | None:
    if value is None or isinstance(value, int):
        return value
    return value.hex() if isinstance(value, bytes) else "reference"
