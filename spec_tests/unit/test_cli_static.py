"""`refsfi validate`, `parse`, `print` and `objdump`, as a shell sees them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from refsfi.cli.main import main

ROOT = Path(__file__).parents[2]
TEXT = """(module
  (type (func (param i32 i32) (result i32)))
  (memory 1) (data (i32.const 0) "a\\0a  b")
  (table 1 funcref) (elem (i32.const 0) $add)
  (func $add (type 0) (local i64) (block (nop)) (i32.add (local.get 0) (local.get 1)))
  (func (result i32) (call 0 (i32.const 1) (i32.const 2)))
  (export "x" (func 1)))
"""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Run a command in a directory with modules of several kinds: exit code, standard output and error."""
    monkeypatch.chdir(tmp_path)
    Path("m.wat").write_text(TEXT)
    assert main(["parse", "m.wat", "-o", "m.wasm"]) == 0
    Path("bad.wat").write_text("(module\n  (func")
    Path("invalid.wat").write_text("(module\n  (func (result i32)))")
    Path("cut.wasm").write_bytes(Path("m.wasm").read_bytes()[:-3])
    Path("empty").write_bytes(b"")
    Path("folder").mkdir()

    def command(*arguments: str) -> tuple[int, str, str]:
        code = main(list(arguments))
        out, err = capfdbinary.readouterr()
        return code, out.decode("latin-1"), err.decode()

    return command


def process(*arguments: str, cwd: Path, input: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "refsfi.cli.main", *arguments],
        cwd=cwd,
        input=input,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=60,
        check=False,
    )


class TestValidate:
    def test_a_valid_module_is_passed_over_in_silence(self, run: Run) -> None:
        assert run("validate", "m.wat", "m.wasm") == (0, "", "")
        assert run("validate", "-v", "m.wat") == (0, "m.wat: valid\n", "")

    def test_every_other_gets_a_line_and_all_are_looked_at(self, run: Run) -> None:
        code, out, err = run("validate", "bad.wat", "m.wat", "invalid.wat", "cut.wasm")
        assert (code, out) == (1, "")
        first, second, third = err.splitlines()
        assert first.startswith("bad.wat:2:")
        assert second.startswith("invalid.wat:2:21: type mismatch")
        assert third == "cut.wasm: length out of bounds (at offset 0x5d)"

    def test_features(self, run: Run) -> None:
        Path("simd.wat").write_text("(module (func (param v128)))")
        assert run("validate", "-f", "all,-simd", "simd.wat")[0] == 1
        assert run("validate", "--features=mvp,simd", "simd.wat")[0] == 0
        code, _, err = run("validate", "--features=sidm", "simd.wat")
        assert code == 2
        assert "sidm" in err


class TestPrint:
    def test_what_is_printed_is_the_module(self, run: Run) -> None:
        for options in ((), ("-f",), ("--name-unnamed",), ("--indent", "5"), ("--indent-text", "\t"), ("-f", "-p")):
            assert run("print", *options, "m.wasm", "-o", "again.wat")[0] == 0
            assert run("parse", "again.wat", "-o", "again.wasm")[0] == 0
            wanted, got = ([line for line in run("objdump", f)[1].splitlines() if "name" not in line] for f in FILES)
            assert got == wanted

    def test_a_skeleton_leaves_contents_out(self, run: Run) -> None:
        _, out, _ = run("print", "--skeleton", "m.wasm")
        assert "(func $add (;0;) (type 0) (param i32 i32) (result i32) ...)\n" in out
        assert "(data (;0;) (i32.const 0) ...)\n" in out
        assert "(elem (;0;) (i32.const 0) ...)\n" in out
        assert "i32.add" not in out

    def test_names_for_what_has_none(self, run: Run) -> None:
        _, out, _ = run("print", "--name-unnamed", "m.wasm")
        for line in ("(local $#local2 i64)", "block $#label0", "call $add", '(export "x" (func $#func1))'):
            assert line in out

    def test_indentation_is_not_looked_for_in_strings(self, run: Run) -> None:
        _, out, _ = run("print", "--indent", "0", "m.wasm")
        assert '"a\\n  b"' in out
        assert "\n " not in out

    @pytest.mark.parametrize("option", ["--indent=x", "--indent=101", "--indent=-1", "--indent-text=x"])
    def test_indentation_that_is_none(self, run: Run, option: str) -> None:
        assert run("print", option, "m.wasm")[0] == 2


FILES = ("m.wasm", "again.wasm")


class TestObjdump:
    def test_sections(self, run: Run) -> None:
        _, out, _ = run("objdump", "m.wasm")
        titles = [line.split("|")[0].strip() for line in out.splitlines()]
        assert titles[:4] == ["types", "functions", "tables", "memories"]
        assert titles[-1] == 'custom "name"'

    def test_what_can_be_read_of_a_broken_module_is_shown(self, run: Run) -> None:
        code, out, err = run("objdump", "cut.wasm")
        assert code == 1
        assert "types" in out
        assert err == "error: cut.wasm: length out of bounds (at offset 0x5d)\n"

    def test_json(self, run: Run) -> None:
        _, out, _ = run("objdump", "--json", "-d", "m.wat")
        found = json.loads(out)
        assert [function["name"] for function in found["functions"]] == ["add", None]
        assert [i["text"] for i in found["functions"][1]["instructions"]] == [
            "i32.const 1",
            "i32.const 2",
            "call $add",
            "end",
        ]


COMMANDS = pytest.mark.parametrize("command", ["validate", "parse", "print", "objdump"])


@COMMANDS
class TestAll:
    @pytest.mark.parametrize("file", ["bad.wat", "empty", "folder", "nowhere", "a\nb", "nul\0"])
    def test_a_bad_file_is_one_line(self, run: Run, command: str, file: str) -> None:
        code, _, err = run(command, file)
        assert code == 1
        assert err.count("\n") == 1
        assert file.split("\n")[0].split("\0")[0] in err
        assert "Traceback" not in err

    def test_wrong_usage(self, run: Run, command: str) -> None:
        code, _, err = run(command, "--frobnicate", "m.wat")
        assert code == 2
        assert err.startswith(f"refsfi {command}: unknown option '--frobnicate'")

    def test_help_names_every_option(self, run: Run, command: str) -> None:
        code, out, _ = run(command, "--help")
        assert code == 0
        assert out.startswith(f"usage: refsfi {command}")

    def test_standard_input(self, run: Run, tmp_path: Path, command: str) -> None:
        for file in ("m.wat", "m.wasm"):
            data = Path(file).read_bytes()
            expected = run(command, file)[1].encode("latin-1")
            for arguments in ([command], [command, "-"]):
                done = process(*arguments, cwd=tmp_path, input=data)
                assert (done.returncode, done.stdout, done.stderr) == (0, expected, b"")


@pytest.mark.parametrize("command", ["parse", "print", "objdump"])
class TestOutput:
    def test_into_a_file(self, run: Run, command: str) -> None:
        code, out, _ = run(command, "m.wat")
        assert run(command, "m.wat", "-o", "out") == (code, "", "")
        assert Path("out").read_bytes() == out.encode("latin-1")

    @pytest.mark.parametrize("place", ["folder", "nowhere/out", "/dev/full"])
    def test_where_nothing_can_be_written(self, run: Run, command: str, place: str) -> None:
        code, out, err = run(command, "m.wat", "-o", place)
        assert (code, out) == (1, "")
        assert err.count("\n") == 1
        assert place in err

    @pytest.mark.parametrize("unbuffered", ["", "1"])
    def test_a_reader_that_goes_away(self, tmp_path: Path, command: str, unbuffered: str) -> None:
        (tmp_path / "big.wat").write_text("(module " + "(func (nop))" * 30_000 + ")")
        with subprocess.Popen(
            [sys.executable, "-m", "refsfi.cli.main", command, "big.wat", *(["-d"] if command == "objdump" else [])],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": unbuffered},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as writer:
            assert writer.stdout is not None
            assert writer.stderr is not None
            writer.stdout.read(10)
            writer.stdout.close()
            assert writer.stderr.read() == b""
            assert writer.wait(60) == 141
