"""`refsfi run` as a shell sees it: what it gives the guest, what it prints, how it ends. Limits are in
`spec_tests/limits`."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from refsfi.binary.encode import encode
from refsfi.cli.main import main
from refsfi.debug import meaning
from refsfi.errors import Crash, TrapCode
from refsfi.text.parser import parse_module

Run = Callable[..., tuple[int, str, str]]

# Writes its arguments, each with its NUL, and exits with their number; `env` likewise with its variables.
PROGRAM = """(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $env_sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $env (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_prestat_dir_name" (func $dir_name (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 2)
  (func $print (param $count i32) (param $size i32)
    (i32.store (i32.const 16) (i32.const 65536))
    (i32.store (i32.const 20) (local.get $size))
    (drop (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))
    (call $exit (local.get $count)))
  (func (export "_start")
    (drop (call $args_sizes (i32.const 0) (i32.const 4)))
    (drop (call $args (i32.const 1024) (i32.const 65536)))
    (call $print (i32.load (i32.const 0)) (i32.load (i32.const 4))))
  (func (export "env")
    (drop (call $env_sizes (i32.const 0) (i32.const 4)))
    (drop (call $env (i32.const 1024) (i32.const 65536)))
    (call $print (i32.load (i32.const 0)) (i32.load (i32.const 4))))
  (func (export "dir") (param $fd i32)
    (if (call $prestat (local.get $fd) (i32.const 0)) (then (call $exit (i32.const 99))))
    (drop (call $dir_name (local.get $fd) (i32.const 65536) (i32.load (i32.const 4))))
    (call $print (i32.const 0) (i32.load (i32.const 4)))))"""

LIBRARY = """(module
  (import "base" "two" (func $two (result i32)))
  (global $ready (mut i32) (i32.const 0))
  (func (export "_initialize") (global.set $ready (i32.const 40)))
  (func (export "sum") (result i32) (i32.add (global.get $ready) (call $two))))"""

TRAPS = """(module $m
  (memory 1)
  (tag $oops (param i32))
  (func $inner (param i32) (drop (i32.load offset=8 (local.get 0))))
  (func (export "load") (call $inner (i32.const 65536)))
  (func (export "throw") (throw $oops (i32.const 7))))"""

# The second function leaves nothing on the stack.
INVALID = """(module
  (func (export "good") (result i32) (i32.const 1))
  (func $bad (export "bad") (result i32))
  (func (export "hopeful") (block $h (try_table (catch_all $h) (drop (call $bad))))))"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run `refsfi` in a directory with the modules above: exit code, standard output and error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REFSFI_CACHE_DIR", str(tmp_path / ".cache"))
    for name, text in (("program", PROGRAM), ("library", LIBRARY), ("traps", TRAPS)):
        (tmp_path / f"{name}.wat").write_text(text)
    (tmp_path / "base.wat").write_text('(module (func (export "two") (result i32) (i32.const 2)))')
    (tmp_path / "invalid.wasm").write_bytes(encode(parse_module(INVALID)))
    (tmp_path / "data").mkdir()

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(list(arguments))
        captured = capfd.readouterr()
        return code, captured.out, captured.err

    return run


class TestWasi:
    def test_arguments(self, run: Run) -> None:
        assert run("program.wat", "a", "-x", "--env") == (4, "program.wat\0a\0-x\0--env\0", "")
        assert run("run", os.path.abspath("program.wat")) == (1, "program.wat\0", "")
        assert run("--argv0", "other", "program.wat", "") == (2, "other\0\0", "")

    def test_environment(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FROM_HOST", "h=1")
        assert run("--invoke", "env", "program.wat") == (0, "", "")
        options = ["--env", "A=1", "--env", "FROM_HOST", "--env", "NOWHERE", "--env=B=", "--env", "A=2"]
        assert run(*options, "--invoke", "env", "program.wat") == (3, "A=2\0FROM_HOST=h=1\0B=\0", "")
        monkeypatch.setattr(os, "environ", {"FROM_HOST": "h=1", "OTHER": "x"})
        code, out, _ = run("-S", "inherit-env", "--env", "OTHER=y", "--invoke", "env", "program.wat")
        assert (code, out) == (2, "FROM_HOST=h=1\0OTHER=y\0")

    def test_directories(self, run: Run) -> None:
        options = ["--dir", "data", "--dir", ".::/guest", "--invoke", "dir", "program.wat"]
        assert run(*options, "3") == (0, "data", "")
        assert run(*options, "4") == (0, "/guest", "")
        assert run(*options, "5") == (99, "", "")

    @pytest.mark.parametrize("name", ["missing", "program.wat"])
    def test_a_directory_that_is_none(self, run: Run, name: str) -> None:
        code, out, err = run("--dir", name, "program.wat")
        assert (code, out) == (1, "")
        assert err.startswith(f"error: --dir {name}: cannot be opened: no")
        assert err.count("\n") == 1

    def test_switched_off(self, run: Run) -> None:
        code, _, err = run("-S", "cli=n", "program.wat")
        assert code == 1
        assert "unknown import: `wasi_snapshot_preview1::fd_write`" in err
        assert "switched off by -S cli=n" in err

    def test_a_module_of_that_name_comes_first(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "mine.wat").write_text('(module (func (export "sched_yield") (result i32) (i32.const 77)))')
        (tmp_path / "user.wat").write_text(
            '(module (import "wasi_unstable" "sched_yield" (func $y (result i32))) (export "f" (func $y)))'
        )
        assert run("--invoke", "f", "user.wat") == (0, "0\n", "")
        assert run("--preload", "wasi_unstable=mine.wat", "--invoke", "f", "user.wat") == (0, "77\n", "")

    def test_log(self, run: Run) -> None:
        code, out, err = run("--trace=wasi", "program.wat")
        assert (code, out) == (1, "program.wat\0")
        assert err.splitlines() == [
            "wasi: args_sizes_get(count=0, size=4) -> success",
            "wasi: args_get(argv=0x400, buffer=0x10000) -> success",
            "wasi: fd_write(fd=1, iovs=16, count=1, written=24) -> success",
            "wasi: proc_exit(code=1)",
        ]


class TestLinking:
    def test_preload_and_initialize(self, run: Run) -> None:
        assert run("--preload", "base=base.wat", "--invoke", "sum", "library.wat") == (0, "42\n", "")

    def test_limits_count_what_is_preloaded(self, run: Run) -> None:
        code, _, err = run("-W", "max-instances=1", "--preload", "base=base.wat", "library.wat")
        assert (code, err) == (1, "error: library.wat: instances: 2 are asked for, -W max-instances allows 1\n")

    def test_nobody_provides_it(self, run: Run) -> None:
        code, _, err = run("library.wat")
        assert code == 1
        assert err.startswith("error: library.wat: unknown import: `base::two` (func) has not been defined; provide it")
        code, _, err = run("--invoke", "sum", "-W", "unknown-imports-trap", "library.wat")
        assert (code, err.splitlines()[-1]) == (134, "wasm trap: unknown import: `base::two` has not been defined")
        assert run("--invoke", "sum", "-W", "unknown-imports-default=y", "library.wat") == (0, "40\n", "")


class TestTraps:
    def test_text(self, run: Run) -> None:
        code, _, err = run("--invoke", "load", "traps.wat")
        assert code == 134
        lines = err.splitlines()
        assert lines[0] == "error: failed to run main module `traps.wat`: failed to invoke `load`"
        assert lines[-2:] == [
            "memory fault at wasm address 0x10008 in linear memory of size 0x10000",
            "wasm trap: out of bounds memory access",
        ]
        assert [line.split("m!")[1] for line in lines if "m!" in line] == ["inner", "<wasm function 1>"]

    def test_json(self, run: Run) -> None:
        _, _, err = run("--trap=json", "-D", "max-backtrace=1", "--invoke", "load", "traps.wat")
        report = json.loads(err)
        assert (report["code"], report["name"]) == (1, "MEMORY_OUT_OF_BOUNDS")
        assert report["fault"] == {"address": 0x10008, "size": 0x10000}
        assert [(frame["func_name"], frame["text"]) for frame in report["frames"]] == [("inner", "i32.load offset=8")]

    def test_explain(self, run: Run) -> None:
        _, _, err = run("--trap=explain", "--invoke", "load", "traps.wat")
        assert "address: 0x10008 = operand 0x10000 + offset 0x8" in err
        assert "meaning: " in err
        assert err.endswith("wasm trap: out of bounds memory access\n")

    def test_every_code_has_a_meaning(self) -> None:
        assert set(TrapCode) == set(meaning._MEANING)

    def test_an_exception_that_nothing_catches(self, run: Run) -> None:
        code, _, err = run("--invoke", "throw", "traps.wat")
        assert code == 134
        assert "m!<wasm function 2>" in err
        assert err.endswith("wasm exception: not caught: tag $oops (7)\n")
        _, _, err = run("--invoke", "throw", "--trap=json", "traps.wat")
        assert json.loads(err)["frames"][0]["func_index"] == 2


class TestLateValidation:
    LAZY = ("-W", "lazy-validation=y", "--invoke")

    def test_what_is_not_called_is_not_looked_at(self, run: Run) -> None:
        assert run(*self.LAZY, "good", "invalid.wasm") == (0, "1\n", "")

    @pytest.mark.parametrize("name", ["bad", "hopeful"])
    def test_a_clear_error_at_the_call_that_no_guest_catches(self, run: Run, name: str) -> None:
        code, out, err = run(*self.LAZY, name, "invalid.wasm")
        assert (code, out) == (1, "")
        assert err.startswith("error: invalid.wasm: type mismatch: ")
        assert "func 1 ($bad)" in err
        assert "was called for the first time" in err
        assert err.count("\n") == 1

    def test_the_file_is_that_of_the_function(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "caller.wat").write_text(
            '(module (import "lib" "bad" (func $f (result i32))) (func (export "f") (drop (call $f))))'
        )
        _, _, err = run("--preload", "lib=invalid.wasm", *self.LAZY, "f", "caller.wat")
        assert err.startswith("error: invalid.wasm: type mismatch: ")

    def test_otherwise_all_is_checked_first(self, run: Run) -> None:
        for options in ([], ["-W", "lazy-validation=n"]):
            code, out, err = run(*options, "--invoke", "good", "invalid.wasm")
            assert (code, out) == (1, "")
            assert "first time" not in err

    def test_large_modules_are_lazy_by_themselves(self, run: Run, tmp_path: Path) -> None:
        large = (tmp_path / "invalid.wasm").read_bytes() + custom_section(1 << 20)
        (tmp_path / "large.wasm").write_bytes(large)
        assert run("--invoke", "good", "large.wasm") == (0, "1\n", "")
        assert run("-W", "lazy-validation=n", "--invoke", "good", "large.wasm")[0] == 1
        assert run("validate", "large.wasm")[0] == 1


def custom_section(size: int) -> bytes:
    """A custom section with that many bytes in it, called `x`."""
    length = size + 2
    return (
        b"\0"
        + bytes(length >> shift & 0x7F | 0x80 for shift in (0, 7, 14))
        + bytes((length >> 21,))
        + b"\1x"
        + bytes(size)
    )


def test_progress_on_a_terminal_and_nowhere_else(tmp_path: Path) -> None:
    module = parse_module("(module (func (local i32) (local.set 0 (i32.add (local.get 0) (i32.const 1)))))")
    *body, end = module.funcs[0].body
    module.funcs[0].body = [*body * 150, end]
    module.funcs *= 3000
    path = tmp_path / "large.wasm"
    path.write_bytes(encode(module))
    command = [sys.executable, "-m", "refsfi.cli.main", "run", "-W", "lazy-validation=n", str(path)]
    environment = {**os.environ, "REFSFI_CACHE_DIR": str(tmp_path / "cache")}
    primary, secondary = pty.openpty()
    shown = b""
    process = subprocess.Popen(command, stderr=secondary, env=environment)
    os.close(secondary)
    while piece := _read(primary):
        shown += piece
    os.close(primary)
    assert process.wait() == 0
    assert b"of 3,000 functions" in shown
    assert shown.endswith(b"\r\x1b[K"), "what was shown is taken away"
    done = subprocess.run(
        command, capture_output=True, env={**environment, "REFSFI_CACHE_DIR": str(tmp_path / "other")}, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # the other end is closed
        return b""


class TestUsage:
    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ([], "no file given: refsfi run FILE [ARGS…]"),
            (["--dir"], "option '--dir' needs a value: --dir HOST[::GUEST]"),
            (["--dir", "::/x", "m"], "--dir ::/x: HOST or HOST::GUEST expected, such as --dir . or --dir data::/data"),
            (["--env", "=x", "m"], "--env =x: NAME or NAME=VALUE expected"),
            (["-W", "fuel=x", "m"], "-W fuel=x: 'x' is not a number"),
            (["-W", "fuel", "m"], "-W fuel: a value is needed"),
            (["-W", "fule=3", "m"], "unknown -W option 'fule'; did you mean 'fuel'? (-W help lists them)"),
            (["-W", "timeout=5q", "m"], "-W timeout=5q: '5q' is not a duration, such as 2s, 500ms or 1m"),
            (
                ["-W", "max-memory-size=1T", "m"],
                "-W max-memory-size=1T: '1T' is not a size, such as 65536, 64K, 16M or 1G",
            ),
            (["-W", "gc=maybe", "m"], "-W gc=maybe: the value must be y or n"),
            (["-S", "cil", "m"], "unknown -S option 'cil'; did you mean 'cli'? (-S help lists them)"),
            (["-D", "max-backtrace=-1", "m"], "-D max-backtrace=-1: '-1' is not a number"),
            (["--trap=xml", "m"], "--trap=xml: known are text, json, explain"),
            (["--trace=foo", "m"], "--trace=foo: known are instr, operands, calls, memory, wasi"),
            (["--preload", "x", "m"], "--preload x: NAME=FILE expected"),
            (["--invok", "m"], "unknown option '--invok'; did you mean '--invoke'?"),
        ],
    )
    def test_one_line_that_says_what_to_do(self, run: Run, arguments: list[str], said: str) -> None:
        assert run("run", *arguments) == (2, "", f"refsfi run: {said} (see refsfi run --help)\n")

    @pytest.mark.parametrize("arguments", [["--help"], ["-W", "help"], ["-S", "help"], ["-D", "help"]])
    def test_help_fits_eighty_columns(self, run: Run, arguments: list[str]) -> None:
        code, out, err = run("run", *arguments)
        assert (code, err) == (0, "")
        assert max(map(len, out.splitlines())) < 80

    def test_options_behind_a_module_that_is_no_program(self, run: Run) -> None:
        assert run("library.wat", "--preload", "base=base.wat", "--invoke", "sum") == (0, "42\n", "")

    def test_a_component(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "c.wasm").write_bytes(b"\0asm\x0d\0\x01\0")
        assert run("c.wasm") == (1, "", "error: c.wasm: is a component; only core modules are supported\n")

    def test_a_defect_of_ours_is_one_line(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(*_: object, **__: object) -> None:
            raise Crash("a state that cannot be")

        monkeypatch.setattr("refsfi.cli.session.load_program", broken)
        monkeypatch.delenv("REFSFI_TRACEBACK", raising=False)
        code, out, err = run("program.wat")
        assert (code, out) == (1, "")
        assert err.startswith("error: internal error: Crash: a state that cannot be; this is a defect of refsfi")
        assert err.count("\n") == 1
        monkeypatch.setenv("REFSFI_TRACEBACK", "1")
        with pytest.raises(Crash):
            run("program.wat")
