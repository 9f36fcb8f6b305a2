"""`refsfi run --monitor`: what is told, where to, and how it looks."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from refsfi.cli.tables import rendered
from refsfi.observe.monitors import all_monitors
from refsfi.observe.monitors.report import Column, Listing, Report, Table

ROOT = Path(__file__).parent.parent.parent
GUEST = """(module
  (func $twice (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
  (func (export "f") (param i32) (result i32) (call $twice (local.get 0)))
  (func (export "trap") (drop (call $twice (i32.const 1))) unreachable)
  (func $"ev\\1b[2Jil\\0aline" (export "evil")))"""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    (tmp_path / "m.wat").write_text(GUEST)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "refsfi", "run", *arguments],
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


def test_a_report_goes_to_the_standard_error(run: Run) -> None:
    done = run("--monitor=icount", "--invoke", "f", "m.wat", "21")
    assert (done.returncode, done.stdout) == (0, "42\n")
    assert done.stderr == (
        "icount: instructions 7, functions 2\n"
        "\n"
        "Instructions executed\n"
        "function  count     %\n"
        "$twice        4  57.1\n"
        "func 1        3  42.9\n"
        "\n"
    )


def test_reports_of_several_and_a_trace(run: Run) -> None:
    done = run("--monitor=icount,calls", "--trace=calls", "--monitor", "loops", "--invoke", "f", "m.wat", "21")
    starts = [line for line in done.stderr.splitlines() if line.startswith((">", "icount", "calls", "loops"))]
    assert starts == [
        "> func 1 (21)",
        "icount: instructions 7, functions 2",
        "calls: calls 2, edges 2, indirect calls 0",
        "loops: loops 0, entries 0, iterations 0",
    ]


def test_a_trap_comes_first_and_the_report_all_the_same(run: Run) -> None:
    done = run("--monitor=icount", "--invoke", "trap", "m.wat")
    assert done.returncode == 134
    told = done.stderr.index("wasm trap: wasm `unreachable` instruction executed")
    assert told < done.stderr.index("icount: instructions 8")


def test_json_and_files(run: Run, tmp_path: Path) -> None:
    done = run("--monitor=icount{json},calls{file=c.txt},coverage{json,file=c.json}", "--invoke", "f", "m.wat", "1")
    assert json.loads(done.stderr)["instructions"] == 7
    assert (tmp_path / "c.txt").read_text().startswith("calls: calls 2, ")
    assert json.loads((tmp_path / "c.json").read_text())["functions_executed"] == 2


def test_a_file_that_cannot_be_written_is_told_before_the_guest_runs(run: Run) -> None:
    done = run("--monitor=icount{file=no/where}", "--invoke", "trap", "m.wat")
    assert (done.returncode, done.stderr) == (1, "error: no/where: no such file or directory\n")


def test_names_of_the_guest_are_escaped(run: Run) -> None:
    done = run("--monitor=icount,coverage{wat}", "--invoke", "evil", "m.wat")
    assert "$ev\\x1b[2Jil\\nline" in done.stderr
    assert "\x1b" not in done.stderr


def test_lcov_of_a_text_is_about_its_lines(run: Run, tmp_path: Path) -> None:
    run("--monitor=coverage{lcov=t.info}", "--invoke", "trap", "m.wat")
    assert (tmp_path / "t.info").read_text().splitlines() == [
        "TN:",
        "SF:m.wat",
        "FN:2,$twice",
        "FN:3,func 1",
        "FN:4,func 2",
        "FN:5,func 3",
        "FNDA:1,$twice",
        "FNDA:0,func 1",
        "FNDA:1,func 2",
        "FNDA:0,func 3",
        "FNF:4",
        "FNH:2",
        "DA:2,1",
        "DA:3,0",
        "DA:4,1",
        "DA:5,0",
        "LF:4",
        "LH:2",
        "end_of_record",
    ]


def test_lcov_of_a_binary_is_about_a_text_beside_it(run: Run, tmp_path: Path) -> None:
    parsed = subprocess.run([sys.executable, "-m", "refsfi", "parse", "m.wat", "-o", "m.wasm"], cwd=tmp_path,
                            env={"PYTHONPATH": str(ROOT)}, timeout=60)  # fmt: skip
    assert parsed.returncode == 0
    run("--monitor=coverage{lcov=b.info}", "--invoke", "f", "m.wasm", "1")
    trace = (tmp_path / "b.info").read_text().splitlines()
    assert trace[1] == "SF:b.info.wat"
    text = (tmp_path / "b.info.wat").read_text().splitlines()
    counted = {int(line[3:].partition(",")[0]): line.partition(",")[2] for line in trace if line.startswith("DA:")}
    assert [text[number - 1] for number in counted if counted[number] == "1"] == [
        "local.get 0",
        "i32.const 2",
        "i32.mul",
        "end",
        "local.get 0",
        "call $twice" if "call $twice" in text else "call 0",
        "end",
    ]


def test_help_names_all_of_them(run: Run) -> None:
    done = run("--monitor=help")
    assert done.returncode == 0
    for name, monitor in all_monitors().items():
        assert f"  {name}" in done.stdout
        assert monitor.summary in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--monitor=foo"], "--monitor: unknown monitor 'foo'; known are "),
        (["--monitor=calls", "--jit=force"], "--jit=force with --monitor: what is watched is interpreted; leave one"),
        (["--monitor=calls", "--jv"], "--jv with --monitor: nothing is compiled; leave one of them out"),
    ],
)
def test_wrong_usage_is_told(run: Run, options: list[str], told: str) -> None:
    done = run(*options, "--invoke", "f", "m.wat", "1")
    assert done.returncode == 2
    assert done.stderr.startswith(f"refsfi run: {told}")
    assert done.stderr.count("\n") == 1


def test_nothing_is_imported_when_nobody_asks(run: Run, tmp_path: Path) -> None:
    code = """if True:
        import sys
        from refsfi.cli.main import main
        main(["run", "--jit=off", "--invoke", "f", "m.wat", "1"])
        unwanted = ("refsfi.observe.monitors", "refsfi.observe.probes", "refsfi.observe.export", "refsfi.exec.observed")
        print([name for name in sys.modules if name.startswith(unwanted)])"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)},
                          capture_output=True, text=True, timeout=60)  # fmt: skip
    assert done.stdout == "2\n[]\n"


# --- tables ----------------------------------------------------------------------------------------------------------


REPORT = Report(
    "demo",
    {"entries": 3},
    [
        Table(
            "rows",
            "Rows",
            [Column("name", "name"), Column("text", "text"), Column("count", "count", "count"),
             Column("share", "%", "percent"), Column("mean", "mean", "number")],
            [("a" * 70, "b" * 50, 1234567, 0.5, 2.25), ("short", None, 1, 1.0, 100.0), ("third", "x\ty", 0, 0.0, 0.0)],
        )
    ],
    [Listing("lines", "Lines", ["one\x1b", "two"])],
)  # fmt: skip


@pytest.mark.parametrize("width", [60, 80, 200])
def test_tables_keep_to_the_width(width: int) -> None:
    lines = rendered(REPORT, 20, width)
    assert all(len(line) <= width and line.isprintable() for line in lines)
    assert lines[0] == "demo: entries 3"
    assert lines[3].endswith("  count      %   mean")
    assert lines[4].endswith("  1234567   50.0    2.2")
    assert ("…" in lines[4]) is (width < 200)
    assert lines[5].split() == ["short", "1", "100.0", "100.0"]
    assert lines[-4:] == ["Lines", "one\\x1b", "two", ""]


def test_rows_beyond_the_top_are_counted() -> None:
    assert "… 2 more" in rendered(REPORT, 1, 80)


def test_json_has_all_rows_by_name() -> None:
    data = json.loads(json.dumps(REPORT.json()))
    assert [row["count"] for row in data["rows"]] == [1234567, 1, 0]
    assert (data["monitor"], data["entries"], data["lines"]) == ("demo", 3, ["one\x1b", "two"])
