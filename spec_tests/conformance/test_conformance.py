"""The project's own conformance tests: scripts in this directory, chapter by chapter, that need no other suite.

Every script runs three times: as functions are executed normally, with an observer, which makes each instruction a step
of its own, and with fuel counted. The observer notes which rows of the opcode table are executed: all of them must be.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from refsfi.exec.code import Program
from refsfi.runtime.observer import Observer
from refsfi.runtime.store import Frame, Store
from refsfi.script.files import load_script
from refsfi.script.interpreter import Interpreter
from refsfi.script.record import Record
from refsfi.script.runner import Runner
from refsfi.syntax.features import DEFAULT, Feature, Features
from refsfi.syntax.module import Module
from refsfi.syntax.opcodes import OPS, Op
from refsfi.valid.module import validate

HERE = Path(__file__).parent
SCRIPTS = sorted(path.name for path in HERE.glob("*.wast"))

# What a script needs beyond what is on by default.
FEATURES: dict[str, Features] = {"descriptors.wast": DEFAULT | {Feature.CUSTOM_DESCRIPTORS}}

FUEL = 10**12


class Metered(Interpreter):
    """Counts fuel, which changes how functions are lowered."""

    def __init__(self) -> None:
        super().__init__()
        self._store = Store(fuel=FUEL)

    def compile(self, module: Module, features: Features) -> Program:
        return Program(module, validate(module, features), metered=True)

    def spawn(self) -> Metered:
        return Metered()


class Observed(Interpreter):
    """Runs one step an instruction and adds to `executed` the rows of those that ran."""

    def __init__(self, executed: set[Op]) -> None:
        super().__init__()
        self._executed = executed
        self._store.observer = _Notes(executed)

    def spawn(self) -> Observed:
        return Observed(self._executed)


class _Notes(Observer):
    def __init__(self, executed: set[Op]) -> None:
        self.executed = executed

    def before(self, frame: Frame, pc: int) -> None:
        code = frame.code
        if code is not None:
            self.executed.add(code.program.module.funcs[code.index].body[pc].op)


def run(name: str, engine: Interpreter) -> list[Record]:
    script = load_script(str(HERE / name))
    return list(Runner(engine, FEATURES.get(name, DEFAULT), output=lambda _: None).run(script))


def complaints(records: Sequence[Record]) -> list[str]:
    return [
        f"{Path(r.file).name}:{r.line} {r.kind}\n    expected: {r.expected}\n    got:      {r.got}\n{r.traceback}"
        for r in records
        if r.failed
    ]


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("how", ["normal", "observed", "metered"])
def test_script(name: str, how: str) -> None:
    engine = {"normal": Interpreter, "observed": lambda: Observed(set()), "metered": Metered}[how]()
    records = run(name, engine)
    assert any(record.assertion for record in records)
    failed = complaints(records)
    if failed:
        pytest.fail("\n".join(failed[:20]), pytrace=False)


def test_every_row_of_the_opcode_table_is_executed() -> None:
    executed: set[Op] = set()
    for name in SCRIPTS:
        run(name, Observed(executed))
    missing = [op.mnemonic for op in OPS if op not in executed]
    assert not missing, f"no script in {HERE.name}/ executes {', '.join(missing)}"
