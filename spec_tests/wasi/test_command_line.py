"""WASI on the command line, from end to end: `refsfi run` with `--dir`, `--env`, `--argv0`, `-S`, and standard streams
of all kinds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from refsfi.host.wasi.abi import Errno
from spec_tests.wasi.build import NO_COMPILER, have_compiler
from spec_tests.wasi.harness import Case, Outcome, cases, expected

REFSFI = [sys.executable, "-m", "refsfi", "run"]
# Programs that between them use all that the command line has to do with.
CHOSEN = (
    "args", "environ", "environ_none", "exit", "exit_in_start", "exit_large", "exit_return", "prestat", "stdin",
    "streams", "devices", "memory_missing", "trap_after_output", "escape_links", "libc_abort", "libc_directories",
    "libc_files", "libc_process",
)  # fmt: skip
CASES = {case.name: case for case in cases()}

# Writes a line until that fails; exits with the errno.
FLOOD = """(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\06\\00\\00\\00")
  (data (i32.const 16) "flood\\n")
  (func (export "_start") (local $errno i32)
    (loop $again
      (br_if $again (i32.eqz
        (local.tee $errno (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))))
    (call $proc_exit (local.get $errno))))"""
# Reads once; exits with the errno, or 100 and as many bytes as it got.
READ = """(module
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\08\\00\\00\\00")
  (func (export "_start") (local $errno i32)
    (local.set $errno (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
    (call $proc_exit (select (local.get $errno) (i32.add (i32.const 100) (i32.load (i32.const 8)))
      (local.get $errno)))))"""
# Says so, then waits for a time that does not come.
SLEEP = """(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\08\\00\\00\\00")
  (data (i32.const 16) "waiting\\n")
  (func (export "_start")
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
    (i32.store (i32.const 1040) (i32.const 1))
    (i64.store (i32.const 1048) (i64.const -1))
    (drop (call $poll_oneoff (i32.const 1024) (i32.const 2048) (i32.const 1) (i32.const 8)))))"""


def refsfi(*arguments: str | Path, **options: object) -> subprocess.CompletedProcess[bytes]:
    options.setdefault("stdin", subprocess.DEVNULL)
    if "stdout" not in options:
        options["stdout"] = subprocess.PIPE
    command = [*REFSFI, *map(str, arguments)]
    return subprocess.run(command, stderr=subprocess.PIPE, timeout=120, check=False, **options)  # type: ignore[call-overload,no-any-return]


def module(case: Case, folder: Path) -> Path:
    """The program of a case, in a file."""
    if case.in_c and not have_compiler():
        pytest.skip(NO_COMPILER)
    path = folder / f"{case.name}.{'wasm' if case.in_c else 'wat'}"
    path.write_bytes(case.module())
    return path


@pytest.mark.parametrize("name", CHOSEN)
def test_programs(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    scratch, programs = tmp_path / "scratch", tmp_path / "programs"
    scratch.mkdir()
    programs.mkdir()
    dirs = case.prepare(scratch)
    options: list[str | Path] = []
    for host, guest in [*zip(dirs, case.guest_dirs()), *case.host_dirs]:
        options += ["--dir", f"{host}::{guest}"]
    for variable, value in case.env:
        options += ["--env", f"{variable}={value}"]
    path = module(case, programs)
    # Golden files know a program by one name.
    options += ["--argv0", f"{case.name}.wasm"]
    done = subprocess.run(
        [*REFSFI, *map(str, options), str(path), *case.args], input=case.stdin, capture_output=True, timeout=120
    )
    end, stderr = f"exit {done.returncode}", done.stderr
    if done.returncode == 134:
        own, trap, report = stderr.partition(b"error: failed to run main module")
        assert trap, stderr
        assert b"\nwasm trap: " in report, stderr
        end, stderr = "trap", own
    assert Outcome(done.stdout, stderr, end, scratch, dirs).lines() == expected(case, "refsfi")


def test_the_name_of_a_program_is_its_basename(tmp_path: Path) -> None:
    done = refsfi(module(CASES["args"], tmp_path), "one")
    assert b"argument: args.wasm\nargument: one\n" in done.stdout
    done = refsfi("--argv0", "other name", tmp_path / "args.wasm")
    assert b"argument: other name\n" in done.stdout


def test_variables_come_from_the_option_or_the_host(tmp_path: Path) -> None:
    path = module(CASES["environ"], tmp_path)
    host = {**os.environ, "FROM_HOST": "yes", "OTHER": "no"}
    done = refsfi("--env", "FROM_HOST", "--env", "NOT_THERE", "--env", "A=b=c", path, env=host)
    assert done.stdout.splitlines()[-2:] == [b"variable: FROM_HOST=yes", b"variable: A=b=c"]
    assert b"count: 2\n" in done.stdout
    done = refsfi("-S", "inherit-env=y", "--env", "OTHER=mine", path, env={"FROM_HOST": "yes", "OTHER": "no"})
    assert b"variable: FROM_HOST=yes\n" in done.stdout
    assert b"variable: OTHER=mine\n" in done.stdout
    assert b"OTHER=no" not in done.stdout


def test_a_directory_goes_by_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    done = refsfi("--dir", "data", "--dir", ".::/else", module(CASES["prestat"], tmp_path), cwd=tmp_path)
    assert b"name: datax\n" in done.stdout
    assert b"name: /elsex\n" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--dir", "nowhere", "flood.wat"], 1, "--dir nowhere: cannot be opened: "),
        (["--dir", "flood.wat", "flood.wat"], 1, "--dir flood.wat: cannot be opened: "),
        (["--dir", "::/x", "flood.wat"], 2, "HOST or HOST::GUEST expected"),
        (["--dir", ".::", "flood.wat"], 2, "HOST or HOST::GUEST expected"),
        (["--env", "=x", "flood.wat"], 2, "NAME or NAME=VALUE expected"),
        (["-S", "nothing=y", "flood.wat"], 2, "nothing"),
        (["-S", "cli=n", "flood.wat"], 1, "WASI is switched off by -S cli=n"),
    ],
)
def test_wrong_usage_is_one_clear_line(arguments: list[str], code: int, message: str, tmp_path: Path) -> None:
    (tmp_path / "flood.wat").write_text(FLOOD)
    done = refsfi(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, b"")
    assert message in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()


def test_a_trap_says_what_was_missing(tmp_path: Path) -> None:
    done = refsfi(module(CASES["memory_missing"], tmp_path))
    assert done.returncode == 134
    assert done.stderr.splitlines()[-1] == b"wasm trap: missing required memory export"


def test_calls_are_logged(tmp_path: Path) -> None:
    (tmp_path / "read.wat").write_text(READ)
    done = refsfi("--trace=wasi", tmp_path / "read.wat")
    assert done.returncode == 100
    assert [line for line in done.stderr.decode().splitlines() if line.startswith("wasi: ")] == [
        "wasi: fd_read(fd=0, iovs=0, count=1, read=8) -> success",
        "wasi: proc_exit(code=100)",
    ]


# --- standard streams


def test_a_reader_that_goes_away_is_an_error_of_the_guest(tmp_path: Path) -> None:
    (tmp_path / "flood.wat").write_text(FLOOD)
    with subprocess.Popen([*REFSFI, tmp_path / "flood.wat"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"flood\n"
        process.stdout.close()
        assert process.wait(60) == Errno.PIPE
        assert process.stderr.read() == b""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_a_full_disk_is_an_error_of_the_guest(tmp_path: Path) -> None:
    (tmp_path / "flood.wat").write_text(FLOOD)
    with open("/dev/full", "wb") as full:
        done = refsfi(tmp_path / "flood.wat", stdout=full)
    assert (done.returncode, done.stderr) == (Errno.NOSPC, b"")


def test_streams_that_are_closed(tmp_path: Path) -> None:
    """Nothing is read; what is written goes nowhere, least of all into a file that got the stream's number."""
    (tmp_path / "read.wat").write_text(READ)
    quoted = " ".join(f"'{part}'" for part in REFSFI)
    done = subprocess.run(["sh", "-c", f"{quoted} '{tmp_path}/read.wat' <&-"], capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (100, b"")
    case = CASES["libc_process"]
    path = module(case, tmp_path)
    before = path.read_bytes()
    (tmp_path / "dir").mkdir()
    command = f"exec {quoted} --dir '{tmp_path}/dir::/' '{path}' >&- 2>&- <&-"
    done = subprocess.run(["sh", "-c", command], capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (9, b"", b"")
    assert (path.read_bytes(), os.listdir(tmp_path / "dir")) == (before, [])


def test_an_input_that_does_not_block_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "read.wat").write_text(READ)
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    with subprocess.Popen([*REFSFI, tmp_path / "read.wat"], stdin=reader, stderr=subprocess.PIPE) as process:
        time.sleep(1)
        assert process.poll() is None
        os.write(writer, b"late")
        assert process.wait(60) == 104
    os.close(reader)
    os.close(writer)


# --- stopping a guest that waits


def test_a_time_limit_gets_through_to_a_guest_that_waits(tmp_path: Path) -> None:
    (tmp_path / "sleep.wat").write_text(SLEEP)
    done = refsfi("-W", "timeout=300ms", tmp_path / "sleep.wat")
    assert (done.returncode, done.stdout) == (134, b"waiting\n")
    assert b"wasm trap: interrupt" in done.stderr


def test_an_interrupt_gets_through_to_a_guest_that_waits(tmp_path: Path) -> None:
    (tmp_path / "sleep.wat").write_text(SLEEP)
    with subprocess.Popen([*REFSFI, tmp_path / "sleep.wat"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"waiting\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert b"Traceback" not in process.stderr.read()
