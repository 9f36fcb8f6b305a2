"""WASI configurations: streams of Python, directories and what may be done in them, one configuration a store."""

from __future__ import annotations

import errno
import io
import os
import sys
from pathlib import Path
from typing import Any

import pytest

import refsfi
from spec_tests.api.support import store_of
from spec_tests.api.test_same_linking import PRINTS

READ = """(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_create_directory" (func $make (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1) (data (i32.const 0) "file") (data (i32.const 8) "made")
  (func (export "open") (param $rights i64) (result i32)
    (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 0)
      (local.get $rights) (i64.const 0) (i32.const 0) (i32.const 100)))
  (func (export "make") (result i32) (call $make (i32.const 3) (i32.const 8) (i32.const 4))))"""

SUCCESS, ACCES, BADF, NOTCAPABLE = 0, 2, 8, 76
FD_READ, FD_WRITE = 2, 64


class Guest:
    """A module with WASI in a store."""

    def __init__(self, text: str, wasi: refsfi.WasiConfig | None) -> None:
        self.store = store_of()
        if wasi is not None:
            self.store.set_wasi(wasi)
        linker = refsfi.Linker(self.store.engine)
        linker.define_wasi()
        self.exports = linker.instantiate(self.store, refsfi.Module(self.store.engine, text)).exports(self.store)

    def call(self, name: str, *arguments: int) -> Any:
        return self.exports[name](self.store, *arguments)

    def read(self) -> bytes:
        """What one call of fd_read brings, 6 bytes at most."""
        assert self.call("read") == SUCCESS
        memory = self.exports["memory"]
        return bytes(memory[16 : 16 + int.from_bytes(memory[8:12], "little")])


def config(**settings: Any) -> refsfi.WasiConfig:
    made = refsfi.WasiConfig()
    for name, value in settings.items():
        setattr(made, name, value)
    return made


def test_input_from_bytes() -> None:
    guest = Guest(PRINTS, config(stdin_bytes=b"0123456789"))
    assert [guest.read() for _ in range(3)] == [b"012345", b"6789", b""]
    with pytest.raises(TypeError, match="expected bytes"):
        config(stdin_bytes="text")


@pytest.mark.parametrize(
    "stream",
    [b"hello", bytearray(b"hello"), memoryview(b"hello"), io.BytesIO(b"hello"), io.StringIO("hello")],
    ids=["bytes", "bytearray", "memoryview", "BytesIO", "StringIO"],
)
def test_input_from_what_python_has(stream: Any) -> None:
    if isinstance(stream, bytearray | memoryview):
        stream = bytes(stream)
    assert Guest(PRINTS, config(stdin=stream)).read() == b"hello"


def test_input_from_a_file_a_path_and_a_descriptor(tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.write_bytes(b"hello")
    assert Guest(PRINTS, config(stdin=path)).read() == b"hello"
    assert Guest(PRINTS, config(stdin=str(path))).read() == b"hello"
    with open(path, "rb") as file:
        assert Guest(PRINTS, config(stdin=file)).read() == b"hello"
    fd = os.open(path, os.O_RDONLY)
    guest = Guest(PRINTS, config(stdin=fd))
    assert guest.read() == b"hello"
    guest.store.close()
    # It was lent, not given.
    os.close(fd)


def test_output_to_what_python_has(tmp_path: Path) -> None:
    data, text, pieces = io.BytesIO(), io.StringIO(), bytearray()
    for stream in (data, text, pieces.extend, tmp_path / "out"):
        guest = Guest(PRINTS, config(stdout=stream, stderr=None))
        assert guest.call("write", 1) == SUCCESS
        assert guest.call("write", 2) == SUCCESS
    assert data.getvalue() == b"hello\n"
    assert text.getvalue() == "hello\n"
    assert pieces == b"hello\n"
    assert (tmp_path / "out").read_bytes() == b"hello\n"


def test_what_is_no_stream() -> None:
    for name in ("stdin", "stdout", "stderr"):
        with pytest.raises(TypeError, match=name):
            config(**{name: 2.5})


def test_a_function_that_takes_little_at_once() -> None:
    pieces: list[bytes] = []

    def take(data: bytes) -> int:
        pieces.append(bytes(data[:4]))
        return 4

    assert Guest(PRINTS, config(stdout_custom=take)).call("write", 1) == SUCCESS
    assert b"".join(pieces) == b"hello\n"


def test_a_function_that_refuses() -> None:
    guest = Guest(PRINTS, config(stdout_custom=lambda data: -errno.EACCES))
    assert guest.call("write", 1) == ACCES


def test_an_exception_of_a_stream_comes_out_of_the_call() -> None:
    def broken(data: bytes) -> None:
        raise ValueError("mine")

    guest = Guest(PRINTS, config(stdout=broken))
    with pytest.raises(ValueError, match="mine"):
        guest.call("write", 1)
    assert guest.call("write", 2) == SUCCESS


def test_streams_of_this_process(capfd: pytest.CaptureFixture[str]) -> None:
    wasi = refsfi.WasiConfig()
    wasi.inherit_stdout()
    wasi.inherit_stderr()
    guest = Guest(PRINTS, wasi)
    assert (guest.call("write", 1), guest.call("write", 2)) == (SUCCESS, SUCCESS)
    assert capfd.readouterr() == ("hello\n", "hello\n")


def test_a_store_without_wasi_says_what_to_do() -> None:
    with pytest.raises(refsfi.WasmtimeError, match="the store has no WASI: call `Store"):
        Guest(PRINTS, None).call("write", 1)


def test_wasi_can_be_set_after_instantiation_and_again() -> None:
    guest = Guest(PRINTS, None)
    for _ in range(2):
        pieces: list[bytes] = []
        guest.store.set_wasi(config(stdout=pieces.append))
        assert guest.call("write", 1) == SUCCESS
        assert pieces == [b"hello\n"]


def test_the_older_snapshot() -> None:
    pieces: list[bytes] = []
    guest = Guest(PRINTS.replace("wasi_snapshot_preview1", "wasi_unstable"), config(stdout=pieces.append))
    assert guest.call("write", 1) == SUCCESS
    assert pieces == [b"hello\n"]


def test_exit_codes_beyond_those_of_processes() -> None:
    guest = Guest(PRINTS, refsfi.WasiConfig())
    for code in (0, 1, 125, 126, 255, 256, 2**32 - 1):
        with pytest.raises(refsfi.ExitTrap) as caught:
            guest.call("exit", code)
        assert caught.value.code == code
        assert str(caught.value).endswith(f"Caused by:\n    Exited with i32 exit status {code}\n")


PERMISSIONS: list[tuple[dict[str, Any], tuple[int, int, int]]] = [
    ({}, (SUCCESS, SUCCESS, SUCCESS)),
    ({"fs_mutable": False}, (SUCCESS, NOTCAPABLE, NOTCAPABLE)),
    ({"dir_perms": refsfi.DirPerms.READ_ONLY}, (SUCCESS, SUCCESS, NOTCAPABLE)),
    ({"file_perms": refsfi.FilePerms.READ_ONLY}, (SUCCESS, NOTCAPABLE, SUCCESS)),
]


@pytest.mark.parametrize(("perms", "expected"), PERMISSIONS, ids=["all", "fs_mutable", "directories", "files"])
def test_permissions_of_directories(tmp_path: Path, perms: dict[str, Any], expected: tuple[int, int, int]) -> None:
    (tmp_path / "file").write_bytes(b"x")
    wasi = refsfi.WasiConfig()
    wasi.preopen_dir(tmp_path, "/", **perms)
    guest = Guest(READ, wasi)
    refused = {NOTCAPABLE: "refused", 63: "refused", 69: "refused", 2: "refused", SUCCESS: "done"}
    found = [guest.call("open", FD_READ), guest.call("open", FD_WRITE), guest.call("make")]
    assert [refused[errno] for errno in found] == [refused[errno] for errno in expected]
    assert (tmp_path / "made").exists() == (expected[2] == SUCCESS)


def test_permissions_of_a_wrong_type() -> None:
    wasi = refsfi.WasiConfig()
    with pytest.raises(TypeError, match="expected a DirPerms"):
        wasi.preopen_dir("/tmp", "/", "r")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="expected a FilePerms"):
        wasi.preopen_dir("/tmp", "/", refsfi.DirPerms.READ_ONLY, 1)  # type: ignore[arg-type]


def test_strings_with_nul_are_refused() -> None:
    for name, value in (("argv", ["a\0b"]), ("env", {"a": "b\0c"}), ("env", {"a\0": "b"})):
        with pytest.raises(refsfi.WasmtimeError, match="must not contain NUL"):
            config(**{name: value})


def test_the_environment_as_a_mapping() -> None:
    wasi = config(env={"LONG NAME": "value"}, argv=["me"])
    assert wasi._consume().env == [b"LONG NAME=value\0"]


def test_what_is_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INHERITED", "1")
    wasi = refsfi.WasiConfig()
    wasi.inherit_env()
    wasi.inherit_argv()
    found = wasi._consume()
    assert b"INHERITED=1\0" in found.env
    assert found.args == [argument.encode() + b"\0" for argument in sys.orig_argv]


def test_a_directory_that_is_gone_in_the_end(tmp_path: Path) -> None:
    wasi = refsfi.WasiConfig()
    (tmp_path / "gone").mkdir()
    wasi.preopen_dir(tmp_path / "gone", "/")
    (tmp_path / "gone").rmdir()
    with pytest.raises(refsfi.WasmtimeError, match="gone"):
        store_of().set_wasi(wasi)
