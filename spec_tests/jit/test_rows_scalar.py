"""Machine code of scalar instructions beside their meaning."""

from __future__ import annotations

import pytest

from refsfi.numeric.table import SEMANTICS
from spec_tests.jit.rows_support import SETUPS, backend, check_row, left
from spec_tests.jit.support import Driver

_SCALAR = [name for name in SEMANTICS if name[:3] in ("i32", "i64", "f32", "f64") and name[3] == "."]
_WIDE = {"i64.add128", "i64.sub128", "i64.mul_wide_s", "i64.mul_wide_u"}


@pytest.mark.parametrize("setup", range(len(SETUPS)), ids=[name for name, _, _ in SETUPS])
@pytest.mark.parametrize("name", [name for name in _SCALAR if name not in _WIDE])
def test_scalar_instructions(name: str, setup: int) -> None:
    check_row(name, setup)


# A NaN that arithmetic made is observed through each of these.
_OBSERVERS = {
    "returned": "(local.get $x)",
    "sign": "(F.neg (local.get $x))",
    "bits": "(F.reinterpret_I (I.reinterpret_F (local.get $x)))",
    "stored": "(F.store (i32.const 8) (local.get $x)) (F.load (i32.const 8))",
    "vector": "(SHAPE.extract_lane 1 (SHAPE.splat (local.get $x)))",
    "twice": "(F.copysign (local.get $x) (local.get $x))",
}


@pytest.mark.parametrize("setup", range(len(SETUPS)), ids=[name for name, _, _ in SETUPS])
@pytest.mark.parametrize(("type", "integer", "shape"), [("f32", "i32", "f32x4"), ("f64", "i64", "f64x2")])
def test_nans_are_canonical_where_they_are_seen(type: str, integer: str, shape: str, setup: int) -> None:
    functions = "".join(
        f'(func (export "{name}") (param F F) (result F) (local $x F) '
        f"(local.set $x (F.mul (F.add (local.get 0) (local.get 1)) (local.get 1))) {observer})"
        for name, observer in _OBSERVERS.items()
    )
    text = functions.replace("SHAPE", shape).replace("F", type).replace("I", integer)
    driver = Driver(f"(module (memory 1) {text})", backend(setup))
    driver.compile()
    sign = 1 << int(type[1:]) - 1
    quiet, signalling = (0x7FC00000, 0x7F800001) if type == "f32" else (0x7FF8000000000000, 0x7FF0000000000001)
    for nan in (quiet, quiet | 5, signalling, quiet | sign):
        for arguments in ((nan, 0), (0, nan), (nan, nan)):
            for name in _OBSERVERS:
                assert driver(name, *arguments) == [quiet | sign if name == "sign" else quiet], (name, arguments)
    assert not left(driver)
