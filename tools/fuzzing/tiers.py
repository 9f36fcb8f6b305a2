"""One module in all tiers: the interpreter, and regions compiled to Python and to machine code, under settings of all
kinds.

Compared to the bit are results, traps with code, address and backtrace, exceptions of host functions, memories, tables,
globals, what the host saw, fuel and stack left. Each function is called again and again in the same instance, so that
regions are recorded, entered, left, extended and replaced.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import partial
from random import Random
from typing import Any, Final, TypeAlias

from jit.backend import Backend
from jit.check import CheckedBackend
from jit.log import Event
from jit.options import Options
from jit.portable import Portable
from jit.tier import JitTier
from jit.x64 import layout as at
from jit.x64.backend import X64Backend
from jit.x64.contexts import VMS
from jit.x64.ticker import TICK
from refsfi.errors import Crash, GuestException, LimitError, Trap
from refsfi.exec.code import Program
from refsfi.exec.instantiate import instantiate
from refsfi.exec.machine import invoke
from refsfi.runtime.limits import Limits
from refsfi.runtime.store import Extern, FuncInst, GlobalInst, HostFunc, Store
from refsfi.runtime.values import Value, func_type
from refsfi.syntax.deftypes import DefType
from refsfi.syntax.features import ALL
from refsfi.syntax.module import Module
from refsfi.syntax.types import F32, F64, I32, I64, V128, ExternKind, FuncExtern
from refsfi.valid.module import validate
from refsfi.valid.sidetable import ModuleInfo

__all__ = ["BACKENDS", "Call", "Disagreement", "Setting", "compare_tiers", "plan", "settings", "settings_of_both"]

BACKENDS: Final = ("x64", "portable", "checked")
# A function's name, and arguments.
Call: TypeAlias = tuple[str, list[Value]]

# What one call may use.
FUEL: Final = 4000
BUDGET: Final = 300
_LIMITS: Final = Limits(stack=40_000, memory=1 << 20, table=2000)


class Disagreement(Exception):
    """A tier does something else than the interpreter, under this setting. `what` is equal for cases that look
    alike."""

    def __init__(self, setting: Setting, what: str, detail: str) -> None:
        super().__init__(f"{what}\n{setting}\n{detail}")
        self.setting = setting
        self.what = what


class HostError(Exception):
    """What a function of the host raises."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How a module is compiled. `backend`: one of BACKENDS, or `verified`, which is `x64` with its verifier.
    `interrupted`: before every so many-th entry compiled code is asked to leave, as it is when a signal came; 0 for
    never."""

    backend: str
    metered: bool
    options: Options
    interrupted: int = 0

    def tier(self) -> JitTier:
        backend: Backend
        if self.backend == "portable":
            backend = Portable()
        else:
            verified = self.backend == "verified"
            backend = (
                _Interrupted(self.options, self.interrupted)
                if self.interrupted and not verified
                else X64Backend(self.options, verified=verified)
            )
            if self.backend == "checked":
                backend = CheckedBackend(backend)
        return JitTier(backend, self.options)

    def __str__(self) -> str:
        default = Options()
        names = [f.name for f in fields(default)]
        changed = [f"{n}={getattr(self.options, n)}" for n in names if getattr(self.options, n) != getattr(default, n)]
        if self.interrupted:
            changed.append(f"interrupted={self.interrupted}")
        return ", ".join([self.backend, "metered" if self.metered else "plain", *changed])


class _Interrupted(X64Backend):
    """Compiled code is asked to leave at its next poll, again and again."""

    def __init__(self, options: Options, every: int) -> None:
        super().__init__(options)
        self._every = every
        self._entries = 0

    def entering(self) -> None:
        super().entering()
        self._entries += 1
        if self._entries % self._every == 0:
            for vm in VMS:
                vm.words[at.STOP // 8] = TICK


_OFTEN_NATIVE: Final = ("x64", "x64", "x64", "portable", "checked")
_BOTH: Final = (("x64", "x64", "x64", "checked"), ("portable",))


def settings(random: Random, count: int) -> list[Setting]:
    """Settings of all kinds, machine code more often than the rest."""
    return _settings(random, [_OFTEN_NATIVE] * count)


def settings_of_both(random: Random) -> list[Setting]:
    """Settings of all kinds, one of machine code and one of Python."""
    return _settings(random, _BOTH)


def _settings(random: Random, backends: Sequence[Sequence[str]]) -> list[Setting]:
    found = []
    for some in backends:
        backend = random.choice(some)
        force = random.random() < 0.25
        options = Options(
            hot_loop=random.choice((1, 2, 3, 5, 8, 30)),
            hot_call=random.choice((1, 2, 3, 5, 30)),
            hot_exit=random.choice((1, 1, 2, 3, 8)),
            exits_per_value=random.choice((0, 0, 1)),
            stretch=random.choice((0, 0, 3, 60)),
            max_record=random.choice((6000, 6000, 40, 200)),
            iterations=random.choice((1, 2, 3)),
            max_region=20_000,
            force=force,
            explicit=random.random() < 0.3,
            inline=random.random() < 0.7,
            registers=random.choice((None, None, (5, 4), (6, 5), (7, 5), (11, 14))),
        )
        interrupted = random.choice((0, 0, 1, 2, 5))
        found.append(Setting(backend, backend == "checked" or random.random() < 0.6, options, interrupted))
    return found


class _Guest:
    """The module in one tier, and what the host sees of it."""

    def __init__(self, module: Module, info: ModuleInfo, metered: bool, tier: JitTier | None) -> None:
        self.store = Store(_LIMITS, fuel=1_000_000 if metered else None)
        self.log: list[object] = []
        self.depth = 0
        self.metered = metered
        self.program = Program(module, info, metered=metered, tier=tier)
        imports = [self._import(i.name, t) for i, t in zip(module.imports, self.program.import_types)]
        self.instance = instantiate(self.store, self.program, imports)

    def _import(self, name: str, type: object) -> Extern:
        if not isinstance(type, FuncExtern) or not isinstance(type.type, DefType):
            raise TypeError(f"modules import functions only, not {name}")
        return HostFunc(type.type, getattr(self, f"_{name}"), name)

    # --- functions of the host --------------------------------------------------------------------------------------

    def _print(self, *values: Value) -> Sequence[Value]:
        self.log.append(values)
        return ()

    def _twist(self, value: int) -> Sequence[Value]:
        self.log.append(("twist", value))
        if value == 13:
            raise HostError
        return ((value * 3 ^ 5) & 0xFFFFFFFF,)

    def _again(self, value: int) -> Sequence[Value]:
        """Come back into the module, twice at most."""
        if self.depth >= 2:
            return (value,)
        self.depth += 1
        try:
            name = sorted(n for n in self.instance.exports if n[0] == "f")[0]
            func: Any = self.instance.exports[name]
            random = Random(value)
            results = invoke(self.store, func, [_argument(t, random) for t in func_type(func.type).params])
            self.log.append(("again", *map(_plain, results)))
        except Trap as trap:
            if value & 1:
                raise
            self.log.append(("again", trap.code.name))
        finally:
            self.depth -= 1
        return (value << 7,)

    # --- calls ------------------------------------------------------------------------------------------------------

    def call(self, name: str, arguments: Sequence[Value]) -> dict[str, object]:
        """What becomes of a call and of all that can be seen afterwards."""
        func: Any = self.instance.exports[name]
        if self.metered:
            self.store.fuel = FUEL
        budget = self.instance.exports.get("budget")
        if isinstance(budget, GlobalInst):
            budget.value = BUDGET
        self.log.clear()
        seen: dict[str, object] = {}
        try:
            seen["results"] = [_plain(v) for v in invoke(self.store, func, list(arguments))]
        except Trap as trap:
            frames = [(f.func_index, f.instr) for f in trap.frames]
            seen["trap"] = trap.code.name, trap.message
            seen["fault"] = trap.fault
            seen["backtrace"] = frames
        except GuestException as exception:
            seen["exception"] = [(f.func_index, f.instr) for f in exception.frames]
        except HostError:
            seen["host"] = "raised"
        seen["fuel"] = self.store.fuel
        seen["room"] = self.store.room
        seen["at"] = self.store.at
        seen["log"] = list(self.log)
        seen["globals"] = [_plain(g.value) for g in self.instance.globals]
        seen["memory"] = [bytes(m.data[:]) for m in self.instance.mems]
        seen["tables"] = [[_plain(v) for v in t.elems] for t in self.instance.tables]
        return seen


def _plain(value: object) -> object:
    """A value that can be compared between instances."""
    if isinstance(value, FuncInst):
        return f"func {value.code.func_index}"
    return value.name if isinstance(value, HostFunc) else value


_INTERESTING: Final = {
    I32: (0, 1, 2, 13, 255, 65535, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF),
    I64: (0, 1, 13, 0xFFFFFFFF, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1),
    F32: (0, 0x80000000, 0x3F800000, 0x7F800000, 0x7FC00000, 0x7FA00001, 0x4F000000, 0xCF000000),
    F64: (0, 1 << 63, 0x3FF0000000000000, 0x7FF0000000000000, 0x7FF8000000000000, 0x7FF4000000000001),
}
_BITS: Final = {I32: 32, I64: 64, F32: 32, F64: 64}


def _argument(type: Any, random: Random) -> Value:
    if type == V128:
        return random.randbytes(16)
    if type in _BITS:
        if random.random() < 0.6:
            return random.choice(_INTERESTING[type])
        return random.getrandbits(random.choice((4, 8, _BITS[type])))
    return None


def plan(module: Module, random: Random) -> list[Call]:
    """Calls of each exported function of a valid module, with arguments that repeat and others that do not."""
    info = validate(module, ALL)
    imported = len(module.imported(ExternKind.FUNC))
    found: list[Call] = []
    for export in module.exports:
        if export.kind is not ExternKind.FUNC or export.index < imported:
            continue
        params = func_type(info.types[module.funcs[export.index - imported].type]).params
        some = [[_argument(t, random) for t in params] for _ in range(random.choice((1, 2, 3)))]
        for _ in range(random.choice((2, 4, 8))):
            arguments = random.choice(some) if random.random() < 0.7 else [_argument(t, random) for t in params]
            found.append((export.name, arguments))
    if random.random() < 0.5:
        random.shuffle(found)
    return found


def compare_tiers(module: Module, calls: Sequence[Call], chosen: Sequence[Setting]) -> Counter[str]:
    """Run a valid module in the interpreter and under each setting. What was compared; Disagreement."""
    counts: Counter[str] = Counter()
    info = validate(module, ALL)
    if not calls:
        counts["without functions to call"] += 1
        return counts
    expected: dict[bool, list[dict[str, object]]] = {}
    for metered in {setting.metered for setting in chosen}:
        try:
            guest = _Guest(module, info, metered, None)
        except (Trap, LimitError):
            counts["not instantiated"] += 1
            return counts
        expected[metered] = [guest.call(name, arguments) for name, arguments in calls]
    for setting in chosen:
        made = setting.tier()
        compiled: list[Event] = []
        made.log.listeners.append(partial(_count, compiled))
        try:
            guest = _Guest(module, info, setting.metered, made)
            for number, (name, arguments) in enumerate(calls):
                right, got = expected[setting.metered][number], guest.call(name, arguments)
                if got != right:
                    raise _difference(setting, number, name, arguments, right, got)
        except Crash as crash:
            raise Disagreement(setting, f"{setting.backend}: {_general(str(crash))}", str(crash)) from crash
        counts[f"{setting.backend} runs"] += 1
        counts[f"{setting.backend} regions"] += len(compiled)
    return counts


def _count(compiled: list[Event], event: Event) -> None:
    if event.name == "compile":
        compiled.append(event)


def _difference(
    setting: Setting,
    number: int,
    name: str,
    arguments: Sequence[Value],
    right: dict[str, object],
    got: dict[str, object],
) -> Disagreement:
    keys = [k for k in {**right, **got} if right.get(k) != got.get(k)]
    lines = [f"call {number}, {name}{tuple(arguments)}"]
    for key in keys:
        mine, other = right.get(key), got.get(key)
        if key == "memory" and isinstance(mine, list) and isinstance(other, list):
            for i, (a, b) in enumerate(zip(mine, other)):
                at = next((n for n in range(min(len(a), len(b))) if a[n] != b[n]), -1)
                if a != b:
                    lines.append(
                        f"memory {i}: {len(b)} bytes, {b[at : at + 8].hex()} at {at:#x}, "
                        f"and {len(a)} bytes, {a[at : at + 8].hex()} in the interpreter"
                    )
            continue
        lines.append(f"{key}: {other!r}, and {mine!r} in the interpreter")
    return Disagreement(setting, f"{setting.backend}: {keys[0]}", "\n".join(lines))


def _general(text: str) -> str:
    """A message without what depends on the case."""
    return re.sub(r"0x[0-9a-f]+|\d+", "N", text)[:100]
