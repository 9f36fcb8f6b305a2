"""Every instruction that is said to have machine code is executed by machine code, and the report says so."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from jit.x64.cpu import cpu
from jit.x64.encode import installed
from refsfi.cli.coverage import merge, report
from refsfi.cli.main import main
from refsfi.exec.tiers import TierChoice
from refsfi.runtime.tier import COVERAGE
from refsfi.script.session import Options, run_files
from refsfi.script.suite import find_scripts
from refsfi.syntax.features import Feature
from refsfi.syntax.opcodes import OPS

HERE = Path(__file__).parent
SCRIPTS = [str(HERE / "coverage.wast"), *map(str, find_scripts(HERE.parent / "conformance"))]

# What has no machine code: garbage collection and exceptions, by prefix or name. What the interpreter executes in the
# middle of a region counts as executed by it.
INTERPRETED = frozenset(
    "throw throw_ref rethrow ref.test ref.cast br_on_cast br_on_cast_fail any.convert_extern extern.convert_any "
    "ref.i31 ref.get_desc ref.cast_desc_eq br_on_cast_desc_eq br_on_cast_desc_eq_fail".split()
)
PREFIXES = ("struct.", "array.", "i31.")

# In programs that count fuel, and comparing tiers counts it, these leave: they cost as much as they are long.
NOT_METERED = frozenset(["memory.fill", "memory.copy"])

# Structure, which is nothing by itself: whoever gets there is somewhere else already, or does not get any further.
NOT_EXECUTED = frozenset("unreachable catch catch_all delegate try".split())


def interpreted(mnemonic: str) -> bool:
    return mnemonic in INTERPRETED or mnemonic.startswith(PREFIXES)


def counted(mode: str) -> dict[str, Counter[str]]:
    options = Options(tier=TierChoice(mode, backend="x64"), coverage=True, on=frozenset([Feature.CUSTOM_DESCRIPTORS]))
    results = list(run_files(SCRIPTS, options, 2))
    assert [(result.path, record.got) for result in results for record in result.records] == []
    return merge(result.coverage for result in results)


@pytest.fixture(scope="module")
def checked() -> dict[str, Counter[str]]:
    if cpu().reason or installed() is None:
        pytest.skip("there is no machine code here: nothing was counted")
    total = counted("check")
    for _ in range(3):
        # Compiled code is asked to leave now and then, and some runs of it have got nowhere then.
        if missing(total):
            total = merge([total, counted("check")])
    return total


def missing(total: dict[str, Counter[str]]) -> list[str]:
    return [
        op.mnemonic
        for op in OPS
        if not total["executed"][op.mnemonic]
        and not interpreted(op.mnemonic)
        and op.mnemonic not in NOT_METERED | NOT_EXECUTED
    ]


def test_what_has_machine_code_is_executed_by_it(checked: dict[str, Counter[str]]) -> None:
    assert missing(checked) == []


def test_the_rest_is_left_to_the_interpreter(checked: dict[str, Counter[str]]) -> None:
    wrongly = [op.mnemonic for op in OPS if interpreted(op.mnemonic) and checked["compiled"][op.mnemonic]]
    assert wrongly == []
    for mnemonic in ("ref.cast", "array.get", "struct.new", "throw"):
        assert checked["no form"][mnemonic]
        assert checked["left"][mnemonic]


@pytest.mark.parametrize("mnemonic", sorted(NOT_METERED))
def test_ranges_are_not_left_where_no_fuel_is_counted(mnemonic: str, tmp_path: Path) -> None:
    if cpu().reason or installed() is None:
        pytest.skip("there is no machine code here: nothing was counted")
    script = tmp_path / "range.wast"
    script.write_text(
        f"""(module (memory 1) (data (i32.const 0) "abc")
          (func (export "f") (param i32 i32 i32) (result i32)
            ({mnemonic} (local.get 0) (local.get 1) (local.get 2))
            (i32.load8_u (i32.const 9))))
        (assert_return (invoke "f" (i32.const 8) (i32.const {1 if mnemonic == "memory.copy" else 99}) (i32.const 2))
          (i32.const 99))"""
    )
    options = Options(tier=TierChoice("force", backend="x64"), coverage=True)
    (result,) = run_files([str(script)], options)
    assert (result.passed, result.failed) == (1, 0)
    assert result.coverage["compiled"][mnemonic] == 1
    assert result.coverage["left"] == {}


def test_a_line_for_each_row_of_the_table() -> None:
    total: Any = {name: Counter() for name in COVERAGE}
    total["compiled"].update({"i32.add": 3, "call": 1})
    total["no form"].update({"call": 2, "throw": 1})
    lines = list(report(total))
    rows = [text for text in lines if not text.startswith("#")]
    assert [row.split()[0] for row in rows] == [op.mnemonic for op in OPS]
    assert [row.split() for row in rows if row.startswith("i32.add ")] == [["i32.add", "3", "0", "0", "0", "compiled"]]
    ends = {row.split()[0]: row.split(maxsplit=5)[5] for row in rows}
    assert (ends["call"], ends["throw"], ends["nop"]) == ("compiled in part", "interpreted", "not met")
    assert lines[-1].startswith(f"# {len(OPS)} instructions: {len(OPS) - 3} not met, ")


def test_the_command_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script, file = str(HERE / "coverage.wast"), tmp_path / "report"
    assert main(["spec", "--jit=force", f"--jit-report={file}", "-q", script]) == 0
    assert "call_indirect" in file.read_text()
    capsys.readouterr()
    assert main(["spec", "--jit=force", "--jit-report", "-q", script]) == 0
    out = capsys.readouterr().out
    assert "call_indirect" in out
    assert out.splitlines()[-1] == "17 passed, 0 failed"
    assert main(["spec", "--jit-report", script]) == 4
    assert "nothing is compiled; add --jit=force" in capsys.readouterr().err
    assert main(["spec", "--jit=force", "--jit-report=/nonexistent/report", script]) == 4
    assert "cannot write /nonexistent/report: no such file or directory" in capsys.readouterr().err
