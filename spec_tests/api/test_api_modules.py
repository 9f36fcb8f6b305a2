"""Modules: lazy validation, remembered verdicts, errors with their causes, serialisation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import refsfi
from refsfi.errors import DecodeError, ParseError, ValidationError
from spec_tests.api.support import store_of

# Function 1 is not valid in `BROKEN`. Verdicts on small modules would not be worth a file each.
LATE = bytes(
    refsfi.wat2wasm(
        """(module (func (export "good") (result i32) i32.const 7)
             (func (export "bad") (result i32) i32.const 8))"""
    )
)
BROKEN = LATE.replace(b"\x41\x08\x0b", b"\x42\x08\x0b")


def exports(module: bytes, **settings: Any) -> tuple[refsfi.Store, refsfi.InstanceExports]:
    store = store_of(**settings)
    return store, refsfi.Instance(store, refsfi.Module(store.engine, module), []).exports(store)


def test_eagerly_an_invalid_function_is_found_at_once() -> None:
    assert BROKEN != LATE
    with pytest.raises(refsfi.WasmtimeError, match="failed to validate WebAssembly module") as caught:
        exports(BROKEN)
    assert isinstance(caught.value.__cause__, ValidationError)


def test_lazily_an_invalid_function_is_found_when_it_is_called() -> None:
    store, found = exports(BROKEN, lazy_validation=True)
    assert found["good"](store) == 7
    for _ in range(2):
        with pytest.raises(refsfi.WasmtimeError, match="failed to validate WebAssembly module") as caught:
            found["bad"](store)
        assert not isinstance(caught.value, refsfi.Trap)
        assert isinstance(caught.value.__cause__, ValidationError)
    assert found["good"](store) == 7


def test_a_guest_cannot_catch_what_is_found_late() -> None:
    text = """(module (func $bad (result i32) i32.const 8)
      (func (export "f") (block (try_table (catch_all 0) (drop (call $bad))))))"""
    broken = bytes(refsfi.wat2wasm(text)).replace(b"\x41\x08\x0b", b"\x42\x08\x0b")
    store, found = exports(broken, lazy_validation=True)
    with pytest.raises(refsfi.WasmtimeError, match="failed to validate"):
        found["f"](store)


def test_validate_checks_everything_whatever_the_settings() -> None:
    config = refsfi.Config()
    config.lazy_validation = True
    engine = refsfi.Engine(config)
    refsfi.Module.validate(engine, LATE)
    with pytest.raises(refsfi.WasmtimeError, match="failed to validate"):
        refsfi.Module.validate(engine, BROKEN)


def test_verdicts_are_remembered(tmp_path: Path) -> None:
    settings = tmp_path / "cache.toml"
    settings.write_text(f'[cache]\ndirectory = "{tmp_path / "verdicts"}"\n')
    large = LATE + b"\0\x81\x80\x04\0" + bytes(1 << 16)
    for _ in range(2):
        store, found = exports(large, cache=str(settings))
        assert found["bad"](store) == 8
    assert len(list((tmp_path / "verdicts").iterdir())) == 1
    with pytest.raises(refsfi.WasmtimeError, match="failed to validate"):
        exports(large.replace(LATE, BROKEN), cache=str(settings))
    assert len(list((tmp_path / "verdicts").iterdir())) == 1


def test_settings_of_the_cache_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(refsfi.WasmtimeError, match="failed to read config file"):
        store_of(cache=str(tmp_path / "nothing"))
    (tmp_path / "bad.toml").write_text("[cache")
    with pytest.raises(refsfi.WasmtimeError, match="failed to parse config file"):
        store_of(cache=str(tmp_path / "bad.toml"))
    (tmp_path / "odd.toml").write_text("cache = 3")
    with pytest.raises(refsfi.WasmtimeError, match="failed to parse config file"):
        store_of(cache=str(tmp_path / "odd.toml"))


def test_causes_have_positions() -> None:
    engine = refsfi.Engine()
    with pytest.raises(refsfi.WasmtimeError) as parse:
        refsfi.Module(engine, "(module\n  (func nonsense))")
    assert isinstance(parse.value.__cause__, ParseError)
    assert (parse.value.__cause__.line, parse.value.__cause__.column) == (2, 9)
    with pytest.raises(refsfi.WasmtimeError) as decode:
        refsfi.Module(engine, b"\0asm\1\0\0\0\xff")
    assert isinstance(decode.value.__cause__, DecodeError)
    assert decode.value.__cause__.offset == 8
    with pytest.raises(refsfi.WasmtimeError, match="utf-8"):
        refsfi.Module(engine, b"(module \xff)")


def test_offsets_of_text_are_those_of_its_binary_form() -> None:
    text = '(module (func (export "f") nop unreachable))'
    found = []
    for module in (text, bytes(refsfi.wat2wasm(text))):
        store = store_of()
        func = refsfi.Instance(store, refsfi.Module(store.engine, module), []).exports(store)["f"]
        with pytest.raises(refsfi.Trap) as caught:
            func(store)
        found.append((str(caught.value), caught.value.frames[0].module_offset))
    assert found[0] == found[1]
    assert found[0][1] == 31


def test_a_serialized_module_that_was_changed_is_refused() -> None:
    store = store_of()
    data = refsfi.Module(store.engine, LATE).serialize()
    assert refsfi.Module.deserialize(store.engine, data).exports[0].name == "good"
    data[-1] ^= 1
    with pytest.raises(refsfi.WasmtimeError, match="corrupt"):
        refsfi.Module.deserialize(store.engine, data)
    with pytest.raises(refsfi.WasmtimeError, match="not a module serialized"):
        refsfi.Module.deserialize(store.engine, data[:20])


def test_a_module_serves_many_engines_by_its_bytes_only() -> None:
    store = store_of()
    data = refsfi.Module(store.engine, LATE).serialize()
    other = store_of(consume_fuel=True)
    other.set_fuel(10)
    module = refsfi.Module.deserialize(other.engine, data)
    assert refsfi.Instance(other, module, []).exports(other)["good"](other) == 7
    assert other.get_fuel() == 8


FIB = """(module (func $fib (export "fib") (param i32) (result i32)
  (if (result i32) (i32.lt_u (local.get 0) (i32.const 2)) (then (local.get 0)) (else (i32.add
    (call $fib (i32.sub (local.get 0) (i32.const 1))) (call $fib (i32.sub (local.get 0) (i32.const 2))))))))"""


@pytest.mark.parametrize("jit", ["off", "on", "force", "check"])
@pytest.mark.parametrize("bounds", ["guard", "explicit"])
def test_compiled_or_not_a_guest_does_the_same(jit: str, bounds: str) -> None:
    store = store_of(jit=jit, bounds=bounds, consume_fuel=True)
    store.set_fuel(10_000)
    fib = refsfi.Instance(store, refsfi.Module(store.engine, FIB), []).exports(store)["fib"]
    assert fib(store, 10) == 55
    assert store.get_fuel() == 10_000 - 1766
    store.set_fuel(1000)
    with pytest.raises(refsfi.Trap) as caught:
        fib(store, 20)
    assert caught.value.trap_code is refsfi.TrapCode.OUT_OF_FUEL
    assert store.get_fuel() == 0


def test_settings_by_name() -> None:
    with pytest.raises(TypeError, match="expected a number of seconds"):
        store_of(timeout="1")
    with pytest.raises(refsfi.WasmtimeError, match="unknown jit mode: maybe"):
        store_of(jit="maybe")
    with pytest.raises(refsfi.WasmtimeError, match="unknown bounds strategy: none"):
        store_of(bounds="none")
    with pytest.raises(refsfi.WasmtimeError, match="jit mode check counts fuel"):
        store_of(jit="check")
    with pytest.raises(refsfi.WasmtimeError, match="stack-switching"):
        store_of(wasm_stack_switching=True)
    with pytest.raises(refsfi.WasmtimeError, match="max_wasm_stack size cannot be zero"):
        store_of(max_wasm_stack=0)
    with pytest.raises(AttributeError, match=r"Config has no setting 'wasm_smid'; did you mean 'wasm_simd'\?"):
        store_of(wasm_smid=True)
    with pytest.raises(AttributeError, match="WasiConfig has no setting 'arguments'"):
        refsfi.WasiConfig().arguments = []  # type: ignore[attr-defined]
