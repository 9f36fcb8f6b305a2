"""`refsfi spec` and the dispatch of sub-commands, as a shell sees them."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import pytest

from refsfi.cli import main as cli
from refsfi.cli.main import main

GOOD = """(module (func (export "f") (result i32) (i32.const 1)))
(assert_return (invoke "f") (i32.const 1))
(assert_trap (module (func $f unreachable) (start $f)) "unreachable")
"""
BAD = """(module (func (export "f") (result f32) (f32.const 1.5)))
(assert_return (invoke "f") (f32.const 1.5))
(assert_return (invoke "f") (f32.const 2.5))
(assert_return (invoke "f") (f32.const 3.5))
"""

Spec = Callable[..., tuple[int, str, str]]


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Spec:
    """Run `refsfi spec` in a directory with `good.wast` and `sub/bad.wast`: exit code, standard output and error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REFSFI_CACHE_DIR", str(tmp_path / ".cache"))
    (tmp_path / "sub").mkdir()
    (tmp_path / "good.wast").write_text(GOOD)
    (tmp_path / "sub/bad.wast").write_text(BAD)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(["spec", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def last_line(out: str) -> str:
    return out.splitlines()[-1]


class TestOutcomes:
    def test_all_passed(self, spec: Spec) -> None:
        code, out, err = spec("good.wast")
        assert (code, last_line(out), err) == (0, "2 passed, 0 failed", "")

    def test_some_failed(self, spec: Spec) -> None:
        code, out, _ = spec(".")
        assert (code, last_line(out)) == (1, "3 passed, 2 failed")
        assert "sub/bad.wast:3: assert_return FAILED" in out
        assert "expected: (f32.const 2.5 (0x40200000))" in out
        assert "got:      (f32.const 1.5 (0x3fc00000))" in out

    def test_a_table_by_directory(self, spec: Spec) -> None:
        _, out, _ = spec(".")
        rows = [line.split()[:4] for line in out.splitlines()]
        assert [".", "1", "2", "0"] in rows
        assert ["sub", "1", "1", "2"] in rows

    def test_nothing_to_run(self, spec: Spec, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        code, out, _ = spec("empty")
        assert (code, last_line(out)) == (5, "0 passed, 0 failed")

    def test_a_file_that_is_no_script_fails(self, spec: Spec, tmp_path: Path) -> None:
        (tmp_path / "no.wast").write_text("(frobnicate)")
        (tmp_path / "bytes.wast").write_bytes(b"(module)\n\xff")
        code, out, _ = spec("no.wast", "bytes.wast")
        assert (code, last_line(out)) == (1, "0 passed, 2 failed")
        assert "no.wast:1: script FAILED" in out
        assert "malformed UTF-8 encoding" in out

    def test_a_single_module(self, spec: Spec, tmp_path: Path) -> None:
        (tmp_path / "good.wat").write_text("(module)")
        (tmp_path / "bad.wat").write_text("(module (func (result i32)))")
        assert spec("good.wat")[0] == 5
        code, out, _ = spec("bad.wat")
        assert code == 1
        assert "type mismatch" in out


class TestUsage:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ((), "no file or directory given"),
            (("gone.wast",), "file or directory not found: gone.wast"),
            ((".cache-none", "good.wast"), "not found: .cache-none"),
            (("--jit=never", "good.wast"), "invalid choice: 'never'"),
            (("-k", "a and", "good.wast"), "unexpected the end"),
            (("-W", "time-travel=y", "good.wast"), "unknown feature 'time-travel'"),
            (("-W", "gc=maybe", "good.wast"), "must be y or n"),
            (("--maxfail", "x", "good.wast"), "not a number: x"),
            (("--frobnicate", "good.wast"), "unrecognized arguments: --frobnicate"),
        ],
    )
    def test_one_line_and_4(self, spec: Spec, arguments: tuple[str, ...], message: str) -> None:
        code, out, err = spec(*arguments)
        assert code == 4
        assert out == ""
        assert err.startswith("refsfi spec: ")
        assert message in err
        assert err.count("\n") == 1

    def test_a_file_of_another_kind(self, spec: Spec, tmp_path: Path) -> None:
        (tmp_path / "x.txt").write_text("")
        code, _, err = spec("x.txt")
        assert code == 4
        assert "no script: x.txt" in err

    def test_help(self, spec: Spec) -> None:
        code, out, _ = spec("--help")
        assert code == 0
        assert "--maxfail" in out


class TestSelection:
    def test_by_expression(self, spec: Spec) -> None:
        code, out, _ = spec("-k", "bad and not wast:3", ".")
        assert (code, last_line(out)) == (1, "1 passed, 1 failed")
        assert "1 deselected" in out

    def test_nothing_selected(self, spec: Spec) -> None:
        assert spec("-k", "frobnicate", ".")[0] == 5

    def test_stop_at_the_first_failure(self, spec: Spec) -> None:
        for arguments in (("-x",), ("--maxfail", "1"), ("--maxfail=1",)):
            code, out, _ = spec(*arguments, "sub", "good.wast")
            assert (code, last_line(out)) == (1, "1 passed, 1 failed")

    def test_last_failed(self, spec: Spec, tmp_path: Path) -> None:
        spec(".")
        code, out, _ = spec("--lf", ".")
        assert (code, last_line(out)) == (1, "0 passed, 2 failed")
        (tmp_path / "sub/bad.wast").write_text(BAD.replace("2.5", "1.5"))
        assert last_line(spec("--lf", ".")[1]) == "1 passed, 1 failed"
        assert last_line(spec("--lf", ".")[1]) == "0 passed, 1 failed"
        (tmp_path / "sub/bad.wast").write_text(BAD.replace("2.5", "1.5").replace("3.5", "1.5"))
        assert spec("--lf", ".")[0] == 0
        # Nothing is known to fail any more, so everything runs.
        assert last_line(spec("--lf", ".")[1]) == "5 passed, 0 failed"

    def test_features_can_be_switched(self, spec: Spec, tmp_path: Path) -> None:
        (tmp_path / "simd.wast").write_text(
            '(module (func (drop (v128.const i32x4 0 0 0 0))))(assert_invalid (module (func drop)) "")'
        )
        assert spec("simd.wast")[0] == 0
        assert spec("-W", "simd=n,relaxed-simd=n", "simd.wast")[0] == 1
        assert spec("--features", "simd=n", "-W", "simd=y", "simd.wast")[0] == 0


class TestOutput:
    def test_quiet(self, spec: Spec) -> None:
        _, out, _ = spec("-q", ".")
        assert out.splitlines() == [
            "sub/bad.wast:3: assert_return: (f32.const 1.5 (0x3fc00000))",
            "sub/bad.wast:4: assert_return: (f32.const 1.5 (0x3fc00000))",
            "3 passed, 2 failed",
        ]

    def test_verbose(self, spec: Spec) -> None:
        _, out, _ = spec("-v", "good.wast")
        assert "good.wast:2 assert_return PASSED" in out

    def test_guests_are_quiet_unless_asked_for(self, spec: Spec, tmp_path: Path) -> None:
        (tmp_path / "print.wast").write_text(
            '(module (import "spectest" "print_i32" (func $p (param i32))) (func (export "f") (call $p (i32.const 7))))'
            '(assert_return (invoke "f"))'
        )
        assert "7 : i32" not in spec("print.wast")[1]
        assert "7 : i32" in spec("-s", "print.wast")[1]

    def test_junit(self, spec: Spec, tmp_path: Path) -> None:
        spec("--junitxml", "report.xml", ".")
        root = ElementTree.parse(tmp_path / "report.xml").getroot()
        assert (root.get("tests"), root.get("failures")) == ("5", "2")
        assert len(root.findall("testsuite")) == 2
        cases = root.findall(".//testcase")
        assert len(cases) == 5
        failures = [case for case in cases if case.find("failure") is not None]
        assert [case.get("name") for case in failures] == ["3 assert_return", "4 assert_return"]

    def test_jobs_give_the_same_totals(self, spec: Spec) -> None:
        code, out, _ = spec("-n", "2", ".")
        assert (code, last_line(out)) == (1, "3 passed, 2 failed")


class TestHostileNames:
    """Names of files and exports are anybody's: they neither move the cursor nor are read as the terminal's markup."""

    def test_what_is_not_printable_is_escaped(self, spec: Spec, tmp_path: Path) -> None:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\x1b[31m\n.wast")).write_text('(invoke "\\1b[2J")')
        code, out, err = spec(".")
        assert code == 1
        assert "\x1b" not in out + err
        assert "\\udcff\\x1b[31m\\n.wast:1: invoke FAILED" in out

    def test_what_the_encoding_lacks_is_escaped(self, tmp_path: Path) -> None:
        (tmp_path / "é.wast").write_text(GOOD)
        for arguments in (["spec", "-v", "é.wast"], ["spec", "--help"], ["print", "--help"]):
            done = subprocess.run(
                [sys.executable, "-m", "refsfi.cli.main", *arguments],
                cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONIOENCODING": "ascii"},
                capture_output=True,
                text=True,
                check=False,
            )
            assert (done.returncode, done.stderr) == (0, "")

    def test_a_name_that_looks_like_markup(self, tmp_path: Path) -> None:
        (tmp_path / "a[/red]").mkdir(parents=True)
        (tmp_path / "a[/red]" / "[bold]b.wast").write_text(BAD)
        code, output = on_terminal(tmp_path)
        assert code == 1
        assert "a[/red]/[bold]b.wast:3: assert_return FAILED" in output
        assert output.splitlines()[-1] == "1 passed, 2 failed"

    def test_a_name_that_looks_like_an_option(self, spec: Spec, tmp_path: Path) -> None:
        (tmp_path / "-x.wast").write_text(GOOD)
        code, out, _ = spec("-q", "--", "-x.wast", "good.wast")
        assert (code, out) == (0, "4 passed, 0 failed\n")
        assert spec("-q", "--")[0] == 4


ENDLESS = '(module (func (export "f") (loop (br 0)))) (invoke "f")'


class TestInterrupts:
    @pytest.mark.parametrize("arguments", [(), ("-n", "2")])
    def test_a_guest_that_does_not_end(self, arguments: tuple[str, ...], tmp_path: Path) -> None:
        for name in ("a.wast", "b.wast"):
            (tmp_path / name).write_text(ENDLESS)
        process = subprocess.Popen(
            [sys.executable, "-m", "refsfi.cli.main", "spec", *arguments, str(tmp_path)],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "REFSFI_CACHE_DIR": str(tmp_path / ".cache")},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # As a terminal does, the signal goes to the workers too.
            process_group=0,
        )
        time.sleep(2)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 2
        assert err == ""
        assert out.splitlines() == ["interrupted", "0 passed, 0 failed"]


DYING = """
import os
import refsfi.script.session as session

if __name__ == "__main__":
    for result in session.run_files(["a.wast", "good.wast", "z.wast"], session.Options(), 2):
        print(result.path, result.passed, result.failed, *(record.got for record in result.records))
else:
    # In a worker, which imports this file under another name.
    load = session.load_script
    session.load_script = lambda path: os._exit(3) if path == "z.wast" else load(path)
"""


def test_a_worker_that_dies_fails_its_script_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.wast").write_text(GOOD)
    (tmp_path / "good.wast").write_text(GOOD)
    # The biggest script is the first to run.
    (tmp_path / "z.wast").write_text(GOOD * 10)
    (tmp_path / "dying.py").write_text(DYING)
    done = subprocess.run(
        [sys.executable, "dying.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )
    # Only the culprit fails, though another script was running beside it when the worker died.
    assert sorted(done.stdout.splitlines()) == [
        "a.wast 2 0",
        "good.wast 2 0",
        "z.wast 0 1 the process that ran this script died",
    ]


class TestDispatch:
    def test_version_and_help(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--version"]) == 0
        assert capsys.readouterr().out.startswith("refsfi ")
        assert main(["help"]) == main(["--help"]) == 0
        assert "spec" in capsys.readouterr().out
        assert main([]) == 2

    def test_an_unknown_command_is_one_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["frobnicate"]) == 2
        err = capsys.readouterr().err
        assert err.count("\n") == 1
        assert "frobnicate" in err

    def test_wast_is_spec(self, spec: Spec, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["wast", "good.wast"]) == 0
        assert last_line(capsys.readouterr().out) == "2 passed, 0 failed"

    @pytest.mark.parametrize("arguments", [["m.wasm", "x"], ["--invoke", "f", "m.wat"], ["run", "m.wasm", "x"]])
    def test_a_bare_file_means_run(self, arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        calls = []

        def command(name: str, rest: list[str]) -> int:
            calls.append((name, rest))
            return 0

        monkeypatch.setattr(cli, "_command", command)
        assert main(arguments) == 0
        assert calls == [("run", arguments[1:] if arguments[0] == "run" else arguments)]

    def test_interrupts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupt(arguments: list[str]) -> int:
            raise KeyboardInterrupt

        monkeypatch.setattr(cli, "_dispatch", interrupt)
        assert main(["run", "x.wasm"]) == 130

    def test_a_reader_that_goes_away(self, tmp_path: Path) -> None:
        (tmp_path / "many.wast").write_text(GOOD + '(assert_return (invoke "f") (i32.const 1))\n' * 20_000)
        process = subprocess.Popen(
            [sys.executable, "-m", "refsfi.cli.main", "spec", "-v", "many.wast"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "REFSFI_CACHE_DIR": str(tmp_path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()
        process.stderr.close()
        assert process.wait(60) == 141
        assert errors == b""

    def test_nothing_heavy_is_imported(self) -> None:
        code = (
            "import sys, refsfi.cli.main; refsfi.cli.main.main(['--version']);"
            "bad = {'rich', 'numpy', 'peachpy', 'refsfi.script.runner', 'refsfi.cli.spec'} & set(sys.modules);"
            "sys.exit(str(bad) if bad else 0)"
        )
        subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])

    def test_without_a_terminal_there_is_no_rich(self, tmp_path: Path) -> None:
        (tmp_path / "good.wast").write_text(GOOD)
        code = (
            "import sys, refsfi.cli.main; refsfi.cli.main.main(['spec', sys.argv[1]]);sys.exit('rich' in sys.modules)"
        )
        environment = {**os.environ, "REFSFI_CACHE_DIR": str(tmp_path)}
        script = str(tmp_path / "good.wast")
        done = subprocess.run(
            [sys.executable, "-c", code, script],
            cwd=Path(__file__).parents[2],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == ""
        assert last_line(done.stdout) == "2 passed, 0 failed"


def on_terminal(directory: Path) -> tuple[int, str]:
    """Run `refsfi spec` on a directory with a terminal as both outputs: exit code and what the terminal got."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "refsfi.cli.main", "spec", str(directory)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "REFSFI_CACHE_DIR": str(directory / ".cache"), "TERM": "xterm", "COLUMNS": "200"},
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    output = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            chunk = os.read(leader, 65536)
        except OSError:
            break
        if not chunk:
            break
        output += chunk
    os.close(leader)
    return process.wait(60), output.decode()


def test_progress_on_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "good.wast").write_text(GOOD)
    (tmp_path / "bad.wast").write_text(BAD)
    code, output = on_terminal(tmp_path)
    assert code == 1
    lines = output.splitlines()
    assert lines[-1] == "3 passed, 2 failed"
    assert any("bad.wast:3: assert_return FAILED" in line for line in lines)
    assert any("2/2" in line for line in lines)
