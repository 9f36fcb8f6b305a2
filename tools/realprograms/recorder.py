"""A task's guest that is recorded: its instances, its calls and what the host does in between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from refsfi.cli.recorded import WasiTracker
from refsfi.debug.journal import Tracker
from refsfi.debug.recording.write import Recorder
from refsfi.exec.code import Program
from refsfi.exec.tiers import TierChoice
from refsfi.host.wasi import Observer
from refsfi.runtime.memory import MemInst
from refsfi.runtime.store import Extern, FuncInst, HostFunc, Instance
from refsfi.runtime.values import Value
from refsfi.syntax.deftypes import DefType
from refsfi.syntax.features import DEFAULT
from tools.realprograms.interpreter import Interpreter
from tools.realprograms.list import Task

__all__ = ["RecordedGuest"]

# Host functions that change more than bytes of memories: what they do is found by comparing.
_COMPARED = frozenset(["em_invoke", "em_resize_heap", "wbg_init_table"])


class RecordedGuest(Interpreter):
    """`recorder.end` is the caller's to call."""

    fuel = 1 << 62

    def __init__(
        self,
        task: Task,
        shared: Path | None,
        folders: Mapping[str, Path],
        binaries: Mapping[str, bytes],
        file: BinaryIO,
        tier: TierChoice,
    ) -> None:
        self.tier = tier
        self._writes = _Writes()
        self._wasi_writes = WasiTracker(lambda: self._store)
        # Host functions of the list whose writes are known, by identity; they live as long as the guest.
        self._known: dict[int, HostFunc] = {}
        super().__init__(task, shared, folders, binaries)
        self.recorder = Recorder(file, self._store, DEFAULT)
        for name, binary in binaries.items():
            self.recorder.module(self._programs[name], binary)

    def write(self, module: str, address: int, data: bytes) -> None:
        super().write(module, address, data)
        self._writes.wrote(self._memory(module), address, data)

    def _make_instance(self, program: Program, imports: Sequence[Extern]) -> Instance:
        return self.recorder.instantiate(program, imports, self._tracker)

    def _run(self, func: FuncInst | HostFunc, arguments: list[Value]) -> Sequence[Value]:
        return self.recorder.invoke(func, arguments)

    def _wasi_observer(self) -> Observer | None:
        return self._wasi_writes

    def _host_function(self, module: str, name: str, type: DefType, rule: Mapping[str, Any]) -> HostFunc:
        function = super()._host_function(module, name, type, rule)
        if rule.get("name") not in _COMPARED:
            self._known[id(function)] = function
        return function

    def _tracker(self, function: HostFunc) -> Tracker | None:
        return self._writes if id(function) in self._known else self._wasi_writes.of(function)


class _Writes:
    """What host functions of the list write, as all of it goes through `Guest.write`."""

    def __init__(self) -> None:
        self._made: list[tuple[MemInst, int, bytes]] = []

    def wrote(self, memory: MemInst, address: int, data: bytes) -> None:
        self._made.append((memory, address, data))

    def begin(self) -> None:
        self._made.clear()

    def end(self) -> list[tuple[MemInst, int, bytes]]:
        return list(self._made)
