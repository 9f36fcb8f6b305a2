"""Loading: lazily, and with verdicts remembered."""

from __future__ import annotations

from pathlib import Path

import pytest

from refsfi.binary.decode import decode
from refsfi.binary.encode import encode
from refsfi.errors import DecodeError, ParseError, Trap, ValidationError
from refsfi.exec.instantiate import instantiate
from refsfi.exec.load import Verdicts, load_program
from refsfi.exec.machine import invoke
from refsfi.runtime.store import Instance, Store
from refsfi.syntax.features import DEFAULT, WASM1
from refsfi.syntax.module import Func
from refsfi.text.parser import parse_module

GOOD = """(module $m
  (memory 1)
  (func $div (export "div") (param i32 i32) (result i32) (i32.div_u (local.get 0) (local.get 1)))
  (func $catch (export "catch") (result i32)
    (block $h (try_table (catch_all $h) (throw $t))) (i32.const 5))
  (tag $t)
  (@custom "note" "text"))"""

# The second function leaves nothing on the stack.
INVALID = """(module
  (tag $t)
  (func (export "good") (result i32) (i32.const 1))
  (func (export "bad") (result i32))
  (func (export "hopeful") (result i32)
    (block $h (try_table (catch_all $h) (drop (call 1)))) (i32.const 5)))"""


def binary(text: str) -> bytes:
    return encode(parse_module(text))


def custom_section(size: int) -> bytes:
    """A custom section with that many bytes in it, called `x`."""
    length = size + 2
    return (
        b"\0"
        + bytes((length >> shift) & 0x7F | 0x80 for shift in (0, 7, 14))
        + bytes((length >> 21,))
        + b"\1x"
        + bytes(size)
    )


def instance(data: bytes) -> tuple[Store, Instance]:
    store = Store()
    return store, instantiate(store, load_program(data, lazy=True), ())


def call(store: Store, inst: Instance, name: str, *arguments: int) -> list[int]:
    return invoke(store, inst.exports[name], arguments)  # type: ignore[arg-type]


def test_a_lazy_module_runs_traps_and_catches_alike() -> None:
    store, inst = instance(binary(GOOD))
    assert call(store, inst, "div", 7, 2) == [3]
    assert call(store, inst, "catch") == [5]
    with pytest.raises(Trap) as caught:
        call(store, inst, "div", 7, 0)
    frame = caught.value.frames[0]
    assert (frame.func_name, frame.module_name, frame.instr) == ("div", "m", 2)
    eager = decode(binary(GOOD))
    assert frame.module_offset == eager.funcs[0].body[2].at


def test_a_lazy_module_is_the_same_module() -> None:
    data = binary(GOOD)
    lazy, eager = decode(data, lazy=True), decode(data)
    assert lazy.names == eager.names
    assert lazy.customs == eager.customs
    assert [f.body for f in lazy.funcs] == [f.body for f in eager.funcs]
    assert encode(lazy) == data


def test_nothing_of_a_body_is_read_before_its_call() -> None:
    data = binary(GOOD)
    at = decode(data).funcs[0].body[2].at
    broken = data[:at] + b"\xff" + data[at + 1 :]
    store, inst = instance(broken)
    assert call(store, inst, "catch") == [5]
    with pytest.raises(DecodeError) as caught:
        call(store, inst, "div", 1, 1)
    assert caught.value.offset == at
    assert call(store, inst, "catch") == [5]


def test_an_invalid_body_is_no_trap_and_no_exception_of_the_guest() -> None:
    store, inst = instance(binary(INVALID))
    assert call(store, inst, "good") == [1]
    for name in ("bad", "hopeful"):
        with pytest.raises(ValidationError, match=r"type mismatch.*func 1"):
            call(store, inst, name)
    assert call(store, inst, "good") == [1]
    assert store.frame is None


def test_a_truncated_code_section_is_refused_at_once() -> None:
    data = binary(GOOD)
    for end in range(8, len(data)):
        try:
            decode(data[:end], lazy=True)
        except DecodeError:
            continue
        # What may be missing is whole sections at the end.
        assert decode(data[:end]).funcs or end < len(data)


def test_a_verdict_is_remembered_for_the_same_bytes_and_features(tmp_path: Path) -> None:
    verdicts = Verdicts(tmp_path / "verdicts")
    data, other = (binary(text) + custom_section(1 << 16) for text in (GOOD, INVALID))
    load_program(data, verdicts=verdicts)
    assert verdicts.known(data, DEFAULT)
    assert not verdicts.known(data, WASM1)
    assert not verdicts.known(data + b"\0\1\0", DEFAULT)
    with pytest.raises(ValidationError):
        load_program(other, verdicts=verdicts)
    assert not verdicts.known(other, DEFAULT)
    assert load_program(data, verdicts=verdicts).module.funcs[0].__class__.__name__ == "DeferredFunc"


def test_a_malformed_custom_section_is_seen_by_who_checks_all() -> None:
    # The name of the last section is longer than the section.
    data = binary(GOOD) + custom_section(1 << 20) + b"\0\2\x7fx"
    with pytest.raises(DecodeError):
        load_program(data)
    module = load_program(data, lazy=True).module
    assert [custom.name for custom in module.customs] == ["note", "name", "x"]


def test_small_modules_leave_no_files(tmp_path: Path) -> None:
    verdicts = Verdicts(tmp_path / "verdicts")
    load_program(binary(GOOD), verdicts=verdicts)
    assert not verdicts.directory.exists()


def test_the_oldest_verdicts_are_dropped(tmp_path: Path) -> None:
    verdicts = Verdicts(tmp_path)
    for number in range(2000):
        (tmp_path / f"old{number}").touch()
    data = binary(GOOD) + custom_section(1 << 16)
    load_program(data, verdicts=verdicts)
    assert verdicts.known(data, DEFAULT)
    assert len(list(tmp_path.iterdir())) <= 1000


def test_bodies_of_a_large_module_are_not_kept_when_all_are_checked() -> None:
    told: list[tuple[int, int]] = []
    program = load_program(binary(GOOD) + custom_section(1 << 20), progress=lambda *counts: told.append(counts))
    assert told == [(0, 2)]
    for func in program.module.funcs:
        # Looking at the slot itself does not decode the body.
        with pytest.raises(AttributeError):
            Func.body.__get__(func)
    with pytest.raises(ValidationError, match="func 1"):
        load_program(binary(INVALID) + custom_section(1 << 20))


def test_a_cache_that_cannot_be_used_does_no_harm(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    verdicts = Verdicts(blocked / "verdicts")
    load_program(binary(GOOD), verdicts=verdicts)
    assert not verdicts.known(binary(GOOD), DEFAULT)


def test_text_and_empty_files() -> None:
    assert load_program(GOOD.encode()).module.funcs
    with pytest.raises(ParseError, match="empty"):
        load_program(b"")
