"""A recording as something to run: a target for the debugger, or the whole run again at once."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final, TypeAlias

from refsfi.debug.journal import Call, Journal, Refusal
from refsfi.debug.recording.effects import read_effects
from refsfi.debug.recording.format import Cut, Kind, Reader, RecordingError, pieces
from refsfi.debug.recording.write import EXITED, RETURNED, TRAPPED
from refsfi.debug.target import Action, Change, Instantiate, Target
from refsfi.debug.target import Call as Invoke
from refsfi.errors import Exhaustion, GuestExit, LimitError, MemoryFault, Trap, TrapCode
from refsfi.exec.code import Program
from refsfi.exec.load import load_program
from refsfi.runtime.limits import Limits
from refsfi.runtime.memory import MemInst
from refsfi.runtime.store import Extern, FuncInst, GlobalInst, HostFunc, Instance, Store, TagInst
from refsfi.runtime.table import TableInst
from refsfi.runtime.tier import Tier
from refsfi.runtime.values import HostRef
from refsfi.syntax import types as t
from refsfi.syntax.deftypes import DefType
from refsfi.syntax.features import Feature, Features

__all__ = ["Recording"]

# (0 or 1, number) of the host's; (2, instance, kind, index).
_Ref: TypeAlias = "tuple[int, ...]"

# Bytes that a recorded module or memory may have once it is unpacked.
_MOST: Final = 1 << 32


@dataclass(slots=True)
class Recording:
    """What a file says. `end` tells how the run ended, None where the file is `cut` short."""

    features: Features
    fuel: int | None
    limits: Limits
    modules: list[bytes] = field(default_factory=list)
    end: dict[str, Any] | None = None
    cut: bool = False
    entries: list[Call | Refusal] = field(default_factory=list)
    # How calls ended, by the number of the action; of those of which it was told.
    outcomes: dict[int, dict[str, Any]] = field(default_factory=dict)
    _externs: list[bytes] = field(default_factory=list)
    _actions: list[tuple[Any, ...]] = field(default_factory=list)
    _names: list[str] = field(default_factory=list)
    _objects: dict[int, HostRef] = field(default_factory=dict)

    @classmethod
    def read(cls, data: bytes) -> Recording:
        """RecordingError where these bytes are no recording, or a damaged one."""
        cut = Cut()
        stream = pieces(data, cut)
        kind, payload = next(stream, (None, b""))
        if kind is not Kind.HEAD:
            raise RecordingError("the recording ends before it says what it is of")
        recording = cls(*_head(payload))
        for kind, payload in stream:
            if recording.end is not None:
                raise RecordingError("the recording is damaged: it goes on behind its end")
            try:
                recording._add(kind, payload)
            except (IndexError, zlib.error, ValueError, UnicodeDecodeError) as error:
                raise RecordingError(f"the recording is damaged: {error}") from None
        recording.cut = cut.cut or recording.end is None
        return recording

    def _add(self, kind: Kind, payload: bytes) -> None:
        if kind is Kind.MODULE:
            self.modules.append(_unpacked(payload))
        elif kind is Kind.NAME:
            self._names.append(payload.decode())
        elif kind is Kind.EXTERN:
            self._externs.append(payload)
        elif kind is Kind.END:
            self.end = _object(payload)
        elif kind is Kind.DONE:
            self.outcomes[len(self._actions) - 1] = _object(payload)
        elif kind is Kind.HEAD:
            raise RecordingError("the recording is damaged: it begins twice")
        else:
            r = Reader(payload, self._objects)
            if kind is Kind.REFUSAL:
                self.entries.append(Refusal(r.number()))
            elif kind is Kind.CALL:
                self.entries.append(self._call(r))
            elif kind is Kind.INSTANTIATE:
                self._actions.append((kind, r.number(), [_ref(r) for _ in range(r.count())]))
            elif kind is Kind.CHANGE:
                self._actions.append((kind, read_effects(r), None))
            else:
                self._actions.append((kind, _ref(r), r.values()))
            r.end()

    def _call(self, r: Reader) -> Call:
        name = self._names[r.number()]
        arguments = r.values()
        call = Call(name, arguments, effects=read_effects(r))
        ending = r.number()
        if ending == RETURNED:
            call.results = r.values()
        elif ending == EXITED:
            call.failure = _exit(r.number())
        elif ending == TRAPPED:
            call.failure = _trap(r)
        else:
            raise RecordingError("the recording is damaged: a call ends in no known way")
        return call

    # --- running it --------------------------------------------------------------------------------------------------

    def programs(self, tier: Tier | None = None) -> list[Program]:
        """Its modules, loaded; bodies are validated when they are first called, as most are not. DecodeError and the
        like where one is not valid."""
        metered = self.fuel is not None
        return [
            load_program(data, self.features, "<recorded>", metered=metered, lazy=True, tier=tier)
            for data in self.modules
        ]

    def target(self, programs: Sequence[Program]) -> Target:
        """What a debugging session runs, with `journal`."""
        world = _World(self._externs, self._names, self._objects)
        actions: list[Action] = []
        for kind, first, second in self._actions:
            if kind is Kind.INSTANTIATE:
                if first >= len(programs):
                    raise RecordingError("the recording is damaged: a module is missing")
                program = programs[first]
                if len(second) != len(program.import_types):
                    raise RecordingError("the recording is damaged: imports are missing")
                actions.append(Instantiate(program, world.imports(program, second), made=world.instances.append))
            elif kind is Kind.CHANGE:
                actions.append(Change(first))
            else:
                actions.append(Invoke(world.function(first), second))
        return Target(actions, self.limits, self._fuel)

    @property
    def _fuel(self) -> int | None:
        """Of a run that was interrupted, as much as brings it to the same instruction."""
        used = None if self.end is None else self.end.get("fuel")
        if not isinstance(used, int):
            return self.fuel
        return used - 1 if self.interrupted else used if self.stopped else self.fuel

    @property
    def interrupted(self) -> bool:
        """Whether the host has stopped the run: what fails is the fuel then, at the instruction at which it did."""
        end = self.end
        return end is not None and end.get("kind") == "trap" and end.get("code") == int(TrapCode.INTERRUPT)

    @property
    def stopped(self) -> bool:
        """Whether the run was broken off, by Ctrl-C or an error of the host; not at a certain instruction."""
        return self.end is not None and self.end.get("kind") == "stopped"

    def journal(self) -> Journal:
        return Journal(self.entries, live=False)


class _World:
    """What was made so far while a recording is run."""

    def __init__(self, externs: Sequence[bytes], names: Sequence[str], objects: dict[int, HostRef]) -> None:
        self._objects = objects
        self.instances: list[Instance] = []
        self._externs = externs
        self._names = names
        self._made: dict[int, Extern] = {}
        self._functions: dict[int, HostFunc] = {}

    def imports(self, program: Program, refs: Sequence[_Ref]) -> Callable[[Store], Sequence[Extern]]:
        def find(store: Store) -> list[Extern]:
            return [self._find(ref, type) for ref, type in zip(refs, program.import_types, strict=True)]

        return find

    def function(self, ref: _Ref) -> Callable[[], FuncInst | HostFunc]:
        def find() -> FuncInst | HostFunc:
            found = self._find(ref, None)
            if not isinstance(found, FuncInst | HostFunc):
                raise RecordingError("the recording is damaged: what is called is no function")
            return found

        return find

    def _find(self, ref: _Ref, type: t.ExternType | None) -> Extern:
        if ref[0] == 0:
            return self._function(ref[1], type)
        if ref[0] == 1:
            found = self._made.get(ref[1])
            if found is None:
                if type is None or ref[1] >= len(self._externs):
                    raise RecordingError("the recording is damaged: an import is missing")
                found = self._made[ref[1]] = _extern(Reader(self._externs[ref[1]], self._objects), type)
            return found
        _, number, kind, index = ref
        try:
            inst = self.instances[number]
            if kind == 0:
                if index >= inst.program.imported_funcs + len(inst.program.funcs):
                    raise IndexError
                return inst.funcs[index]
            space: Sequence[Extern] = (inst.tables, inst.mems, inst.globals, inst.tags)[kind - 1]
            return space[index]
        except IndexError:
            raise RecordingError("the recording is damaged: it names what no instance has") from None

    def _function(self, number: int, type: t.ExternType | None) -> HostFunc:
        found = self._functions.get(number)
        if found is None:
            if not isinstance(type, t.FuncExtern) or not isinstance(type.type, DefType) or number >= len(self._names):
                raise RecordingError("the recording is damaged: a function of the host is missing")
            found = self._functions[number] = HostFunc(type.type, _absent, self._names[number])
        return found


def _absent(*arguments: Any) -> Sequence[Any]:
    raise RecordingError("a function of the host is called behind the end of the recording")


def _extern(r: Reader, type: t.ExternType) -> Extern:
    """Something of the host's, as it was when the guest got it."""
    kind = r.number()
    if kind == 0 and isinstance(type, t.MemType):
        minimum, maximum = r.number(), r.number()
        limits = t.Limits(minimum, maximum - 1 if maximum else None)
        try:
            memory = MemInst(t.MemType(limits, type.addr, type.shared, type.page_size_log2))
        except LimitError as error:
            raise RecordingError(f"a memory of the host: {error}") from None
        content = _unpacked(r.bytes())
        if len(content) != len(memory.data):
            raise RecordingError("the recording is damaged: a memory of the host has another size than its content")
        memory.data[:] = content
        return memory
    if kind == 1 and isinstance(type, t.TableType):
        minimum, maximum = r.number(), r.number()
        try:
            return TableInst(t.TableType(type.elem, t.Limits(minimum, maximum - 1 if maximum else None), type.addr))
        except LimitError as error:
            raise RecordingError(f"a table of the host: {error}") from None
    if kind == 2 and isinstance(type, t.GlobalType):
        return GlobalInst(type, r.value())
    if kind == 3 and isinstance(type, t.TagType) and isinstance(type.type, DefType):
        return TagInst(type.type)
    raise RecordingError("the recording is damaged: an import is of another kind than the module's")


def _ref(r: Reader) -> _Ref:
    kind = r.number()
    if kind < 2:
        return kind, r.number()
    if kind == 2:
        return kind, r.number(), r.number(), r.number()
    raise RecordingError("the recording is damaged: there is no such import")


def _head(payload: bytes) -> tuple[Features, int | None, Limits]:
    head = _object(payload)
    try:
        known = {f.name for f in fields(Limits)}
        limits = Limits(**{key: value for key, value in head["limits"].items() if key in known})
        fuel = head["fuel"]
        features = frozenset(Feature(name) for name in head["features"])
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise RecordingError(f"the recording's head is damaged: {error}") from None
    numbers = [fuel, *(getattr(limits, name) for name in known)]
    if not all(n is None or (isinstance(n, int) and n >= 0) for n in numbers):
        raise RecordingError("the recording's head is damaged: a limit is no number")
    return features, fuel, limits


def _object(payload: bytes) -> dict[str, Any]:
    try:
        found = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise RecordingError(f"the recording is damaged: {error}") from None
    if not isinstance(found, dict):
        raise RecordingError("the recording is damaged: an object is expected")
    return found


def _unpacked(data: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    found = unpacker.decompress(data, _MOST)
    if not unpacker.eof:
        raise RecordingError("the recording is damaged: packed bytes do not end")
    return found


def _exit(code: int) -> Callable[[], Exception]:
    return lambda: GuestExit(code & 0xFFFF_FFFF)


def _trap(r: Reader) -> Callable[[], Exception]:
    number, message, kind, where = r.number(), r.text(), r.text(), json.loads(r.bytes())
    code = TrapCode(number)
    fault = MemoryFault(*map(int, where)) if isinstance(where, list) and len(where) == 2 else None
    make = Exhaustion if kind == "Exhaustion" else Trap
    return lambda: make(code, message, fault)
