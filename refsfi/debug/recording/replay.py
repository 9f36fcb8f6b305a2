"""A recorded run once more, at full speed and with no host: in either tier, to the end, compared with the recording."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from refsfi.debug.journal import Call, Exhausted, Shared, bordered, shared_by
from refsfi.debug.recording.read import Recording
from refsfi.debug.recording.write import describe
from refsfi.debug.target import Instantiate
from refsfi.errors import GuestException, GuestExit, Trap, TrapCode
from refsfi.exec.instantiate import instantiate
from refsfi.exec.machine import invoke
from refsfi.runtime.store import Extern, HostFunc, Instance, Store
from refsfi.runtime.tier import Tier
from refsfi.runtime.values import Value

__all__ = ["Replay"]


class Replay:
    """`calls` is told of each call of the host when its effects have come about, with the calling instance."""

    def __init__(self, recording: Recording, tier: Tier | None, calls: Callable[[Call, Instance], None]) -> None:
        self._recording = recording
        self.programs = recording.programs(tier)
        self._target = recording.target(self.programs)
        self._journal = recording.journal()
        self._journal.world = self
        self.instances: list[Instance] = []
        self._calls = calls
        self._stand_ins: dict[int, HostFunc] = {}
        self.store = Store(self._target.limits, self._target.fuel)

    def run(self) -> BaseException | list[Value] | None:
        """What the run ended with: results, or a trap, exception or exit. None where the recording was cut short and
        ends here. RecordingError, DebugError where it does not fit."""
        results: list[Value] = []
        try:
            for action in self._target.actions:
                if isinstance(action, Instantiate):
                    imports = [self._bordered(extern) for extern in action.imports(self.store)]
                    instance = instantiate(self.store, action.program, imports)
                    self._made(instance)
                    if action.made is not None:
                        action.made(instance)
                else:
                    results = invoke(self.store, action.function(), action.arguments)
        except Exhausted:
            return None
        except (Trap, GuestException, GuestExit) as error:
            if isinstance(error, Trap) and error.code is TrapCode.OUT_OF_FUEL:
                if self._recording.stopped:
                    return None
                if self._recording.interrupted:
                    error.code, error.message = TrapCode.INTERRUPT, "interrupt"
            return error
        return results

    def differences(self, outcome: BaseException | list[Value] | None) -> list[str]:
        """In what the end is another than the recorded one; nothing where the replay was exact."""
        end = self._recording.end
        if outcome is None or end is None or self._recording.stopped:
            return []
        got = describe(outcome, self.store, self._target.fuel, self.instances)
        ignored = {"fuel", "message"} if self._recording.interrupted else set()
        found = [
            f"{key}: {got.get(key)}, recorded was {end.get(key)}"
            for key in sorted(got.keys() | end.keys())
            if got.get(key) != end.get(key) and key not in ignored
        ]
        left = len(self._journal.entries) - self._journal.cursor
        return found + ([f"{left} calls of the host were not made"] if left else [])

    def _bordered(self, extern: Extern) -> Extern:
        if not isinstance(extern, HostFunc) or any(extern is own for own in self._stand_ins.values()):
            return extern
        found = self._stand_ins.get(id(extern))
        if found is None:
            found = self._stand_ins[id(extern)] = bordered(extern, self._journal, extern.name)
        return found

    def _made(self, instance: Instance) -> None:
        if not any(instance is known for known in self.instances):
            self.instances.append(instance)
            for memory in instance.mems:
                memory.growth = self._journal

    # --- the journal's world -----------------------------------------------------------------------------------------

    def before(self, function: HostFunc, arguments: tuple[Value, ...]) -> None:
        inst: Any = getattr(self.store.frame, "inst", None)
        if isinstance(inst, Instance):
            self._made(inst)

    def after(self, call: Call) -> None:
        inst: Any = getattr(self.store.frame, "inst", None)
        if isinstance(inst, Instance):
            self._calls(call, inst)

    def now(self) -> int:
        return 0

    def outside(self) -> AbstractContextManager[None]:
        return nullcontext()

    def spend(self, fuel: int) -> None:
        if self.store.fuel is not None:
            self.store.fuel -= fuel

    def fuel(self) -> int:
        return self.store.fuel or 0

    def shared(self) -> Shared:
        return shared_by(self.instances)
