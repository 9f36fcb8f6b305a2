"""The host module that test scripts import."""

from __future__ import annotations

import pytest

from refsfi.host.spectest import Spectest
from refsfi.runtime.memory import MemInst
from refsfi.runtime.store import GlobalInst, HostFunc
from refsfi.runtime.table import TableInst
from refsfi.runtime.values import func_type
from refsfi.syntax.types import F32, F64, FUNCREF, I32, I64, FuncType, GlobalType, Limits, MemType, NumType, TableType


@pytest.fixture
def printed() -> list[str]:
    return []


@pytest.fixture
def spectest(printed: list[str]) -> Spectest:
    return Spectest(printed.append)


@pytest.mark.parametrize(
    ("name", "type", "value"),
    [
        ("global_i32", I32, 666),
        ("global_i64", I64, 666),
        ("global_f32", F32, 0x4426A666),
        ("global_f64", F64, 0x4084D4CCCCCCCCCD),
    ],
)
def test_globals_are_constants(spectest: Spectest, name: str, type: NumType, value: int) -> None:
    extern = spectest[name]
    assert isinstance(extern, GlobalInst)
    assert extern.type == GlobalType(type, False)
    assert extern.value == value


@pytest.mark.parametrize(("name", "addr"), [("table", I32), ("table64", I64)])
def test_tables(spectest: Spectest, name: str, addr: NumType) -> None:
    extern = spectest[name]
    assert isinstance(extern, TableInst)
    assert extern.type == TableType(FUNCREF, Limits(10, 20), addr)


@pytest.mark.parametrize(("name", "shared"), [("memory", False), ("shared_memory", True)])
def test_memories(spectest: Spectest, name: str, shared: bool) -> None:
    extern = spectest[name]
    assert isinstance(extern, MemInst)
    assert extern.type == MemType(Limits(1, 2), shared=shared)


@pytest.mark.parametrize(
    ("name", "params", "args", "lines"),
    [
        ("print", (), (), []),
        ("print_i32", (I32,), (0xFFFFFFFF,), ["-1 : i32"]),
        ("print_i64", (I64,), (5,), ["5 : i64"]),
        ("print_f32", (F32,), (0x3DCCCCCD,), ["0.1 : f32"]),
        ("print_f64", (F64,), (0x7FF8000000000000,), ["nan : f64"]),
        ("print_i32_f32", (I32, F32), (1, 0xFF800000), ["1 : i32", "-inf : f32"]),
        ("print_f64_f64", (F64, F64), (0, 1 << 63), ["0.0 : f64", "-0.0 : f64"]),
    ],
)
def test_functions_print(
    spectest: Spectest,
    printed: list[str],
    name: str,
    params: tuple[NumType, ...],
    args: tuple[int, ...],
    lines: list[str],
) -> None:
    func = spectest[name]
    assert isinstance(func, HostFunc)
    assert func_type(func.type) == FuncType(params, ())
    assert list(func.fn(*args)) == []
    assert printed == lines


def test_one_instance_has_each_export_once(spectest: Spectest) -> None:
    assert spectest["memory"] is spectest["memory"]
    assert Spectest(print)["memory"] is not spectest["memory"]


def test_there_is_nothing_else(spectest: Spectest) -> None:
    assert len(list(spectest)) == len(spectest) == 15
    assert "no" not in spectest
    assert all(spectest[name] is not None for name in spectest)
