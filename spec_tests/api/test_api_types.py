"""What wasmtime-py has no form for: vectors, references of the GC proposal, exceptions, other proposals' types."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

import refsfi
from refsfi import Val, ValType
from spec_tests.api.support import exports, host, store_of


def echo(type: str, *values: Any) -> list[Any]:
    store = store_of()
    func = exports(store, f'(module (func (export "f") (param {type}) (result {type}) local.get 0))')["f"]
    return [func(store, value) for value in values]


def refused(type: str, value: Any) -> str:
    with pytest.raises(TypeError) as caught:
        echo(type, value)
    return str(caught.value)


# --- vectors


def test_vectors_are_16_bytes_lane_0_first() -> None:
    data = bytes(range(16))
    assert echo("v128", data, bytearray(data), memoryview(data), Val.v128(data)) == [data] * 4
    assert echo("v128", 1, -1, 1 << 127) == [b"\1" + bytes(15), b"\xff" * 16, bytes(15) + b"\x80"]


def test_what_is_no_vector() -> None:
    assert "16 bytes, 3 given" in refused("v128", b"abc")
    assert refused("v128", 1.0) == "don't know how to convert 1.0 to v128"
    assert refused("v128", None) == "don't know how to convert None to v128"
    assert refused("v128", Val.i32(1)) == "wrong type of `Val` provided"


def test_vectors_to_the_host() -> None:
    store = store_of()
    seen: list[bytes] = []

    def call(vector: bytes) -> bytes:
        seen.append(vector)
        return vector[::-1]

    func = host(store, call, "v128", "v128")
    assert func(store, bytes(range(16))) == bytes(range(15, -1, -1))
    assert seen == [bytes(range(16))]


def test_vectors_in_globals() -> None:
    store = store_of()
    variable = refsfi.Global(store, refsfi.GlobalType(ValType.v128(), True), b"0123456789abcdef")
    assert variable.value(store) == b"0123456789abcdef"
    variable.set_value(store, 5)
    assert variable.value(store) == b"\5" + bytes(15)


# --- NaN payloads


def test_payloads_of_nan_survive() -> None:
    store = store_of()
    found = exports(
        store,
        """(module (func (export "f64") (result f64) (f64.reinterpret_i64 (i64.const 0x7ff8000000000abc)))
             (func (export "bits") (param f64) (result i64) (i64.reinterpret_f64 (local.get 0))))""",
    )
    assert found["bits"](store, found["f64"](store)) == 0x7FF8000000000ABC


# --- references

GC = """(module
  (type $point (struct (field (mut i32)) (field (mut f64))))
  (type $numbers (array (mut i32)))
  (func (export "point") (param i32) (result (ref $point)) (struct.new $point (local.get 0) (f64.const 0.5)))
  (func (export "x") (param (ref $point)) (result i32) (struct.get $point 0 (local.get 0)))
  (func (export "numbers") (param i32) (result (ref $numbers)) (array.new $numbers (i32.const 7) (local.get 0)))
  (func (export "any") (param anyref) (result anyref) local.get 0)
  (func (export "eq") (param eqref eqref) (result i32) (ref.eq (local.get 0) (local.get 1)))
  (func (export "i31") (param i32) (result i31ref) (ref.i31 (local.get 0)))
  (func (export "i31s") (param i31ref) (result i32) (i31.get_s (local.get 0)))
  (func (export "outside") (param anyref) (result externref) (extern.convert_any (local.get 0)))
  (func (export "inside") (param externref) (result anyref) (any.convert_extern (local.get 0)))
  (func (export "func") (param funcref) (result funcref) local.get 0))"""


@pytest.fixture
def gc() -> tuple[refsfi.Store, refsfi.InstanceExports]:
    store = store_of()
    return store, exports(store, GC)


def test_structures_are_opaque_references(gc: tuple[refsfi.Store, refsfi.InstanceExports]) -> None:
    store, found = gc
    point = found["point"](store, 42)
    assert isinstance(point, refsfi.Ref)
    assert found["x"](store, point) == 42
    again = found["any"](store, point)
    assert again == point
    assert hash(again) == hash(point)
    assert found["point"](store, 42) != point
    assert found["eq"](store, point, again) == 1
    assert point.i31 is None
    assert str(point.type).startswith("(ref ")


def test_references_of_wrong_types(gc: tuple[refsfi.Store, refsfi.InstanceExports]) -> None:
    store, found = gc
    numbers = found["numbers"](store, 3)
    for wrong in (numbers, None, 5, "text"):
        with pytest.raises(TypeError, match="don't know how to convert"):
            found["x"](store, wrong)
    other = store_of()
    with pytest.raises(refsfi.WasmtimeError, match="wrong store"):
        exports(other, GC)["any"](other, numbers)


def test_small_integers_as_references(gc: tuple[refsfi.Store, refsfi.InstanceExports]) -> None:
    store, found = gc
    assert [found["i31"](store, n).i31 for n in (0, -1, 2**30 - 1, -(2**30))] == [0, -1, 2**30 - 1, -(2**30)]
    assert [found["i31s"](store, n) for n in (5, -5)] == [5, -5]
    assert found["any"](store, 9).i31 == 9
    assert found["eq"](store, found["i31"](store, 3), 3) == 1
    with pytest.raises(TypeError):
        found["i31s"](store, 1 << 31)


def test_null_is_none(gc: tuple[refsfi.Store, refsfi.InstanceExports]) -> None:
    store, found = gc
    assert found["any"](store, None) is None
    assert found["outside"](store, None) is None


def test_between_inside_and_outside(gc: tuple[refsfi.Store, refsfi.InstanceExports]) -> None:
    store, found = gc
    thing = object()
    inside = found["inside"](store, thing)
    assert inside is thing or isinstance(inside, refsfi.Ref)
    point = found["point"](store, 1)
    outside = found["outside"](store, point)
    assert found["inside"](store, outside) == point


def test_functions_of_other_types_are_refused() -> None:
    store = store_of()
    found = exports(
        store,
        """(module (type $t (func (param i32))) (func (export "take") (param (ref null $t)))
             (func (export "right") (param i32)) (func (export "wrong")))""",
    )
    found["take"](store, found["right"])
    found["take"](store, None)
    with pytest.raises(TypeError):
        found["take"](store, found["wrong"])


def test_exceptions_as_references() -> None:
    store = store_of()
    found = exports(
        store,
        """(module (tag $t (param i32)) (func (export "throw") (throw $t (i32.const 3)))
             (func (export "again") (param exnref) (throw_ref (local.get 0))))""",
    )
    with pytest.raises(refsfi.UncaughtException) as caught:
        found["throw"](store)
    with pytest.raises(refsfi.UncaughtException) as again:
        found["again"](store, caught.value.exception)
    assert again.value.values == [3]
    assert again.value.exception == caught.value.exception


# --- types


def test_valtypes_print_as_text_has_them() -> None:
    names = "i32 i64 f32 f64 v128 funcref externref anyref eqref i31ref structref arrayref exnref".split()
    assert [str(getattr(ValType, name)()) for name in names] == names
    assert [str(ValType.nullref()), str(ValType.nullfuncref())] == ["nullref", "nullfuncref"]
    assert str(ValType.funcref().non_null()) == "(ref func)"
    assert ValType.funcref().nullable
    assert not ValType.funcref().non_null().nullable
    assert {ValType.i32(): 1}[ValType.i32()] == 1
    with pytest.raises(TypeError, match="no reference type"):
        ValType.i32().non_null()


def test_types_of_wide_tables_and_memories() -> None:
    store = store_of(wasm_memory64=True)
    found = exports(store, '(module (memory (export "m") i64 1 2) (table (export "t") i64 3 funcref))')
    memory, table = found["m"].type(store), found["t"].type(store)
    assert (memory.is_64, memory.limits.min, memory.limits.max) == (True, 1, 2)
    assert (table.is_64, table.limits.min, table.limits.max) == (True, 3, None)
    assert refsfi.TableType(ValType.funcref(), refsfi.Limits(1, None), is_64=True).is_64


@pytest.mark.parametrize("limits", [refsfi.Limits(-1, None), refsfi.Limits(0, -1), refsfi.Limits(1 << 32, None)])
def test_limits_out_of_range(limits: refsfi.Limits) -> None:
    with pytest.raises(refsfi.WasmtimeError):
        refsfi.TableType(ValType.funcref(), limits)
    with pytest.raises(refsfi.WasmtimeError):
        refsfi.MemoryType(limits)


def test_limits_that_are_no_numbers() -> None:
    with pytest.raises(TypeError):
        refsfi.TableType(ValType.funcref(), refsfi.Limits("1", None))  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        refsfi.MemoryType(refsfi.Limits(1, 2.5))  # type: ignore[arg-type]


def test_vals() -> None:
    assert Val.v128(b"0123456789abcdef").as_v128() == b"0123456789abcdef"
    assert Val.v128(1).type == ValType.v128()
    assert Val.ref_null(ValType.anyref()).type == ValType.anyref()
    assert Val(ValType.i64(), 5) == Val.i64(5)
    with pytest.raises(refsfi.WasmtimeError, match="Invalid reference type"):
        Val.ref_null(ValType.externref().non_null())
    assert repr(Val.i32(5)) == "<Val i32 5>"


# --- traps


def trapped() -> refsfi.Trap:
    store = store_of()
    found = exports(
        store, '(module (memory 1) (func (export "f") (param i32) (drop (i32.load offset=4 (local.get 0)))))'
    )
    with pytest.raises(refsfi.Trap) as caught:
        found["f"](store, 65530)
    return caught.value


def test_a_trap_tells_address_and_instruction() -> None:
    trap = trapped()
    assert trap.memory_fault is not None
    assert (trap.memory_fault.address, trap.memory_fault.size) == (65534, 65536)
    assert trap.frames[0].instruction == "i32.load"


def test_a_trap_is_pickled_and_copied_as_its_text() -> None:
    trap = trapped()
    for again in (pickle.loads(pickle.dumps(trap)), copy.copy(trap)):
        assert type(again) is refsfi.Trap
        assert str(again) == str(trap)
    assert repr(trap) == f"Trap({str(trap)!r})"


# --- modules of other stores and engines


def test_what_belongs_elsewhere_is_refused() -> None:
    store, other = store_of(), store_of()
    found = exports(store, '(module (func (export "f")) (table (export "t") 1 funcref) (memory (export "m") 1))')
    for use in (
        lambda: found["f"](other),
        lambda: found["f"].type(other),
        lambda: found["t"].get(other, 0),
        lambda: found["m"].read(other),
        lambda: refsfi.Table(other, refsfi.TableType(ValType.funcref(), refsfi.Limits(1, 1)), found["f"]),
    ):
        with pytest.raises(refsfi.WasmtimeError, match="wrong store"):
            use()
    with pytest.raises(refsfi.WasmtimeError, match="cross-`Engine`"):
        refsfi.Instance(other, refsfi.Module(store.engine, "(module)"), [])
    with pytest.raises(refsfi.WasmtimeError, match="cross-`Engine`"):
        refsfi.Linker(other.engine).instantiate(other, refsfi.Module(store.engine, "(module)"))
