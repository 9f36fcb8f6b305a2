"""Modules in which nothing is worth compiling: what a compiling tier must not make slower."""

from __future__ import annotations

from collections.abc import Iterator

from tools.benchmarks.kernels import Kernel

__all__ = ["cold_kernels"]

_FUNCTIONS = 400
_STORES = 6_000
_MASK = (1 << 32) - 1


def cold_kernels() -> Iterator[Kernel]:
    """`once`: many functions, each called twice. `straight`: one long initialiser without a branch."""
    yield _kernel("once", _once(), 7, _once_result(7))
    yield _kernel("straight", _straight(), 3, 3 + _STORES - 1)


def _kernel(name: str, text: str, n: int, expect: int) -> Kernel:
    from refsfi.binary.encode import encode
    from refsfi.text.parser import parse_module

    return Kernel(name, encode(parse_module(text)), "run", (n,), ("i32",), ("i32",), (expect,), False)


def _once() -> str:
    bodies = "".join(
        f"""
  (func $f{i} (param $x i32) (result i32)
    (local $y i32)
    (local.set $y (i32.xor (local.get $x) (i32.const {i})))
    (if (i32.and (local.get $y) (i32.const 1))
      (then (local.set $y (i32.mul (local.get $y) (i32.const {2 * i + 3}))))
      (else (local.set $y (i32.rotl (local.get $y) (i32.const {i % 31})))))
    (i32.store (i32.const {4 * i}) (local.get $y))
    (i32.add (local.get $y) (i32.load (i32.const {4 * i}))))"""
        for i in range(_FUNCTIONS)
    )
    calls = "".join(f"\n    (local.set $x (call $f{i} (call $f{i} (local.get $x))))" for i in range(_FUNCTIONS))
    return f"""(module (memory 1){bodies}
  (func (export "run") (param $x i32) (result i32){calls}
    (local.get $x)))"""


def _once_result(x: int) -> int:
    for i in range(_FUNCTIONS):
        for _ in range(2):
            y = x ^ i
            if y & 1:
                y = y * (2 * i + 3) & _MASK
            else:
                y = (y << i % 31 | y >> 32 - i % 31) & _MASK
            x = 2 * y & _MASK
    return x


def _straight() -> str:
    stores = "".join(
        f"\n    (i32.store (i32.const {4 * i}) (i32.add (local.get $x) (i32.const {i})))" for i in range(_STORES)
    )
    return f"""(module (memory 1)
  (func (export "run") (param $x i32) (result i32){stores}
    (i32.load (i32.const {4 * (_STORES - 1)}))))"""
