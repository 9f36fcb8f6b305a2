"""A recorded run once more, at full speed and with no host: in either tier, to the end, compared with the recording."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from refsfi.debug.journal import Call, Exhausted, World, bordered
from refsfi.debug.recording.read import Recording
from refsfi.debug.recording.write import describe, outcome_of
from refsfi.debug.target import Action, Change, Instantiate
from refsfi.debug.target import Call as Invoke
from refsfi.errors import GuestException, GuestExit, Trap, TrapCode
from refsfi.exec.instantiate import instantiate
from refsfi.exec.machine import invoke
from refsfi.runtime.store import HostFunc, Instance, Store
from refsfi.runtime.tier import Tier
from refsfi.runtime.values import Value

__all__ = ["Replay"]


class Replay(World):
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
        self._found: list[str] = []
        self.store = Store(self._target.limits, self._target.fuel)

    def run(self) -> BaseException | list[Value] | None:
        """What the run ended with: results, or a trap, exception or exit. None where the recording was cut short and
        ends here. RecordingError, DebugError where it does not fit."""
        outcome: BaseException | list[Value] = []
        for number, action in enumerate(self._target.actions):
            failure: Exception | None = None
            try:
                if isinstance(action, Invoke):
                    outcome = self._invoke(action)
                else:
                    self._do(action)
            except Exhausted:
                return None
            except (Trap, GuestException, GuestExit) as error:
                if isinstance(error, Trap) and error.code is TrapCode.OUT_OF_FUEL:
                    if self._recording.stopped:
                        return None
                    if self._recording.interrupted:
                        error.code, error.message = TrapCode.INTERRUPT, "interrupt"
                        return error
                outcome = failure = error
            recorded = self._recording.outcomes.get(number)
            if recorded is None:
                if failure is not None:
                    break
                continue
            got = outcome_of(outcome, self.store, self._target.fuel)
            if got != recorded:
                self._found.append(f"call {number}: {_difference(got, recorded)}")
                break
        return outcome

    def _invoke(self, action: Invoke) -> list[Value]:
        function = action.function()
        if isinstance(function, HostFunc):
            function = self._stand_in(function)
        return invoke(self.store, function, action.arguments)

    def _do(self, action: Action) -> None:
        if isinstance(action, Instantiate):
            imports = [self._stand_in(e) if isinstance(e, HostFunc) else e for e in action.imports(self.store)]
            instance = instantiate(self.store, action.program, imports)
            self._made(instance)
            if action.made is not None:
                action.made(instance)
        elif isinstance(action, Change):
            action.effects.apply(self.shared())

    def differences(self, outcome: BaseException | list[Value] | None) -> list[str]:
        """In what the end is another than the recorded one; nothing where the replay was exact."""
        end = self._recording.end
        if outcome is None or end is None or self._recording.stopped:
            return []
        got = describe(outcome, self.store, self._target.fuel, self.instances)
        ignored = {"fuel", "message"} if self._recording.interrupted else set()
        found = self._found + [
            _difference({key: got.get(key)}, {key: end.get(key)})
            for key in sorted(got.keys() | end.keys())
            if got.get(key) != end.get(key) and key not in ignored
        ]
        left = len(self._journal.entries) - self._journal.cursor
        return found + ([f"{left} calls of the host were not made"] if left else [])

    def _stand_in(self, function: HostFunc) -> HostFunc:
        if any(function is own for own in self._stand_ins.values()):
            return function
        found = self._stand_ins.get(id(function))
        if found is None:
            found = self._stand_ins[id(function)] = bordered(function, self._journal, function.name)
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


def _difference(got: Mapping[str, Any], recorded: Mapping[str, Any]) -> str:
    """The first; there is one."""
    key = next(key for key in sorted(got.keys() | recorded.keys()) if got.get(key) != recorded.get(key))
    return f"{key}: {got.get(key)}, recorded was {recorded.get(key)}"
