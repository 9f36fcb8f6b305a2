"""A whole program in one call: `refsfi.run`."""

from __future__ import annotations

import io
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import refsfi
from refsfi import TrapCode

# Writes its arguments and environment, one a line, to the standard output, what it reads to the standard error, and
# exits with the number of its arguments. `%s` are further functions.
ECHO = """(module
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $env_sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $env (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 2)
  (func $print (param $fd i32) (param $at i32) (param $size i32)
    (i32.store (i32.const 0) (local.get $at)) (i32.store (i32.const 4) (local.get $size))
    (drop (call $write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func (export "_start")
    (drop (call $args_sizes (i32.const 16) (i32.const 20)))
    (drop (call $args (i32.const 1024) (i32.const 2048)))
    (call $print (i32.const 1) (i32.const 2048) (i32.load (i32.const 20)))
    (drop (call $env_sizes (i32.const 24) (i32.const 28)))
    (drop (call $env (i32.const 1024) (i32.const 8192)))
    (call $print (i32.const 1) (i32.const 8192) (i32.load (i32.const 28)))
    (block (loop
      (i32.store (i32.const 0) (i32.const 16384)) (i32.store (i32.const 4) (i32.const 100))
      (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
      (br_if 1 (i32.eqz (i32.load (i32.const 8))))
      (call $print (i32.const 2) (i32.const 16384) (i32.load (i32.const 8)))
      (br 0)))
    (if (i32.load (i32.const 16)) (then (call $exit (i32.sub (i32.load (i32.const 16)) (i32.const 1)))))))"""

ADD = b'(module (func (export "add") (param i32 f64) (result i32 f64) local.get 0 local.get 1))'


def test_arguments_environment_streams_and_exit_code(tmp_path: Path) -> None:
    path = tmp_path / "echo.wat"
    path.write_text(ECHO)
    result = refsfi.run(path, ["a", "b c"], env={"NAME": "value", "OTHER": ""}, stdin=b"in" * 80)
    assert result == refsfi.RunResult(2, b"echo.wat\0a\0b c\0NAME=value\0OTHER=\0", b"in" * 80)


def test_of_bytes_binary_or_text() -> None:
    for data in (ECHO.encode(), bytes(refsfi.wat2wasm(ECHO)), refsfi.wat2wasm(ECHO)):
        assert refsfi.run(data, argv0="me").stdout == b"me\0"
    assert refsfi.run(ECHO.encode()).stdout == b"main.wasm\0"


def test_streams_are_what_python_has(tmp_path: Path) -> None:
    out, err, text = io.BytesIO(), tmp_path / "err", io.StringIO("text é")
    result = refsfi.run(ECHO.encode(), argv0="me", stdin=text, stdout=out, stderr=err)
    assert (result.stdout, result.stderr) == (b"", b"")
    assert out.getvalue() == b"me\0"
    assert err.read_bytes() == "text é".encode()
    pieces: list[bytes] = []
    refsfi.run(ECHO.encode(), argv0="me", stdin=None, stdout=pieces.append)
    assert b"".join(pieces) == b"me\0"
    written = io.StringIO()
    refsfi.run(ECHO.encode(), ["ü"], argv0="me", stdout=written)
    assert written.getvalue() == "me\0ü\0"


def test_nothing_is_inherited(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SECRET", "1")
    result = refsfi.run(ECHO.encode(), argv0="me")
    assert result == refsfi.RunResult(0, b"me\0", b"")
    assert capfd.readouterr() == ("", "")


def test_invoke() -> None:
    assert refsfi.run(ADD, [-1, 0.5], invoke="add").results == (-1, 0.5)
    assert refsfi.run(b'(module (func (export "f")))', invoke="f").results == ()
    assert refsfi.run(b'(module (func (export "f") (result externref) ref.null extern))', invoke="f").results == (None,)


def test_a_reactor_is_set_up_first() -> None:
    reactor = b"""(module (global $g (mut i32) (i32.const 0))
      (func (export "_initialize") (global.set $g (i32.const 5))) (func (export "f") (result i32) (global.get $g)))"""
    assert refsfi.run(reactor, invoke="f").results == (5,)


def test_a_module_without_start_does_nothing() -> None:
    assert refsfi.run(b"(module)") == refsfi.RunResult(0, b"", b"")
    assert refsfi.run(b'(module (func (export "f") unreachable))') == refsfi.RunResult(0, b"", b"")


def test_a_function_without_a_name_comes_first() -> None:
    assert ends('(module (func (export "") unreachable) (func (export "_start")))') is TrapCode.UNREACHABLE


@pytest.mark.parametrize(
    ("program", "options", "said"),
    [
        (b"(module", {}, "1:8"),
        (b"\0asm\1\0\0\0\1", {}, "failed to parse WebAssembly module"),
        (b"(module (func (result i32)))", {}, "failed to validate|type mismatch"),
        (b'(module (import "a" "b" (func)))', {}, "unknown import: `a::b` has not been defined"),
        (ADD, {"invoke": "sub"}, "the module exports no function `sub`"),
        (b'(module (memory (export "m") 1))', {"invoke": "m"}, "the module exports no function `m`"),
        (ADD, {"invoke": "add"}, "too few parameters provided: given 0, expected 2"),
        (ADD, {"dirs": {"/nowhere/at/all": "/"}}, "failed to add preopen dir"),
        (b"(module (memory 10))", {"memory_size": 65536}, "memory minimum size of 10 pages exceeds memory limits"),
        (b"(module (table 10 funcref))", {"table_elements": 5}, "table minimum size of 10 elements exceeds"),
    ],
)
def test_what_cannot_be_run_is_a_wasmtime_error(program: bytes, options: Any, said: str) -> None:
    with pytest.raises(refsfi.WasmtimeError, match=said):
        refsfi.run(program, **options)


def test_a_missing_file_is_an_os_error() -> None:
    with pytest.raises(FileNotFoundError):
        refsfi.run("/nowhere/at/all.wasm")


def test_an_unknown_option_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'tiemout'"):
        refsfi.run(ADD, tiemout=3)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="unknown_imports must be"):
        refsfi.run(ADD, unknown_imports="maybe")  # type: ignore[arg-type]


def ends(program: str, **options: Any) -> refsfi.TrapCode | None:
    with pytest.raises(refsfi.Trap) as caught:
        refsfi.run(program.encode(), **options)
    return caught.value.trap_code


SPIN = '(module (func (export "_start") (loop (br 0))))'
RECURSE = '(module (func $f (export "_start") call $f))'
ALLOCATE = '(module (memory 1) (func (export "_start") (loop (drop (memory.grow (i32.const 1))) (br 0))))'
FLOOD = """(module (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1) (data (i32.const 0) "\\00\\00\\00\\00\\00\\10\\00\\00")
  (func (export "_start")
    (loop (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))) (br 0))))"""


def test_every_limit_ends_in_its_trap_and_the_next_program_runs() -> None:
    assert ends(SPIN, timeout=0.02) is TrapCode.INTERRUPT
    assert ends(SPIN, fuel=1000) is TrapCode.OUT_OF_FUEL
    assert ends(RECURSE) is TrapCode.STACK_OVERFLOW
    assert ends(RECURSE, stack_size=1000) is TrapCode.STACK_OVERFLOW
    assert ends(ALLOCATE, memory_size=1 << 20, trap_on_grow_failure=True) is TrapCode.MEMORY_OUT_OF_BOUNDS
    assert ends(ALLOCATE, memory_size=1 << 20, timeout=0.05) is TrapCode.INTERRUPT
    assert ends(FLOOD, max_output=100_000) is TrapCode.INTERRUPT
    assert ends(FLOOD, fuel=10_000, stdout=lambda data: None) is TrapCode.OUT_OF_FUEL
    assert ends("(module (func $f unreachable) (start $f))") is TrapCode.UNREACHABLE
    assert refsfi.run(ECHO.encode(), argv0="me").stdout == b"me\0"


def test_output_over_its_limit_says_so() -> None:
    with pytest.raises(refsfi.Trap) as caught:
        refsfi.run(FLOOD.encode(), max_output=10_000)
    assert caught.value.__notes__ == ["the guest's output reached the limit of 10000 bytes"]


def test_a_timeout_is_kept() -> None:
    start = time.monotonic()
    assert ends(SPIN, timeout=0.1) is TrapCode.INTERRUPT
    assert 0.1 <= time.monotonic() - start < 3


def test_an_exception_of_a_stream_is_the_callers() -> None:
    def broken(data: bytes) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        refsfi.run(ECHO.encode(), stdout=broken)


def test_directories(tmp_path: Path) -> None:
    text = """(module
      (import "wasi_snapshot_preview1" "path_create_directory" (func $make (param i32 i32 i32) (result i32)))
      (memory (export "memory") 1) (data (i32.const 0) "made")
      (func (export "make") (param i32) (result i32) (call $make (local.get 0) (i32.const 0) (i32.const 4))))"""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for number, dirs in enumerate(({tmp_path / "a": "/"}, [f"{tmp_path / 'b'}::/data"])):
        assert refsfi.run(text.encode(), [3], invoke="make", dirs=dirs).results == (0,)
        assert (tmp_path / "ab"[number] / "made").is_dir()
    assert refsfi.run(text.encode(), [3], invoke="make").results == (8,)


def test_preloaded_modules() -> None:
    library = b'(module (func (export "seven") (result i32) i32.const 7))'
    program = b'(module (import "lib" "seven" (func $f (result i32))) (export "f" (func $f)))'
    assert refsfi.run(program, invoke="f", preload={"lib": library}).results == (7,)


def test_preloaded_modules_have_no_more_time() -> None:
    library = b"(module (func $f (loop (br 0))) (start $f))"
    assert ends("(module)", preload={"lib": library}, timeout=0.05) is TrapCode.INTERRUPT


def test_unknown_imports() -> None:
    program = b'(module (import "a" "b" (func $f (result i32))) (func (export "f") (result i32) call $f))'
    assert refsfi.run(program, invoke="f", unknown_imports="default").results == (0,)
    with pytest.raises(refsfi.WasmtimeError, match="unknown import: `a::b` has not been defined"):
        refsfi.run(program, invoke="f", unknown_imports="trap")


def test_a_configuration_is_consumed() -> None:
    config = refsfi.Config()
    config.wasm_multi_memory = False
    with pytest.raises(refsfi.WasmtimeError, match="multi"):
        refsfi.run(b"(module (memory 1) (memory 1))", config=config)
    with pytest.raises(ValueError, match="closed"):
        config.consume_fuel = True


def test_standard_streams_of_this_process(capfd: pytest.CaptureFixture[str]) -> None:
    refsfi.run(ECHO.encode(), argv0="me", stdout=1, stderr=sys.stderr, stdin=b"err")
    assert capfd.readouterr() == ("me\0", "err")
