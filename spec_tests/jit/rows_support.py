"""Instructions of the IR as machine code, one function each, beside their meaning in `refsfi.numeric`.

Each instruction is compiled in several functions, because a row may be written in several ways: its operands die with
it or live on, they are in registers or not, they are the same value, one of them is a constant, all registers are
taken.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

from jit.options import Options
from jit.x64.backend import X64Backend
from jit.x64.cpu import BASELINE, cpu
from refsfi.errors import Trap
from refsfi.numeric.table import SEMANTICS
from refsfi.syntax import opcodes
from spec_tests.jit.support import Driver

__all__ = ["SETUPS", "backend", "check_row", "interesting", "left"]

# What the machine code may use: processor features (None: all there are), and registers.
Setup = tuple[str, "frozenset[str] | None", "tuple[int, int] | None"]
SETUPS: list[Setup] = [
    ("baseline", frozenset(BASELINE), None),
    ("all", None, None),
    ("baseline, few registers", frozenset(BASELINE), (5, 4)),
    ("all, few registers", None, (5, 4)),
]

_F32_EDGES = [
    *(0x00000000, 0x00000001, 0x007FFFFF, 0x00800000, 0x33800000, 0x3EFFFFFF, 0x3F000000, 0x3F000001, 0x3F7FFFFF),
    *(0x3F800000, 0x3F800001, 0x3FC00000, 0x40200000, 0x4AFFFFFF, 0x4B000001, 0x4EFFFFFF, 0x4F000000, 0x4F7FFFFF),
    *(0x4F800000, 0x5EFFFFFF, 0x5F000000, 0x5F7FFFFF, 0x5F800000, 0x7F7FFFFF, 0x7F800000, 0x7F800001, 0x7FBFFFFF),
    *(0x7FC00000, 0x7FC00001, 0x7FFFFFFF),
]
_F64_NUMBERS = [
    *(
        0.0,
        5e-324,
        2.2250738585072014e-308,
        1e-45,
        0.25,
        0.49999999999999994,
        0.5,
        0.5000000000000001,
        0.9999999999999999,
    ),
    *(1.0, 1.0000000000000002, 1.5, 2.5, 2147483647.0, 2147483647.9, 2147483648.0, 2147483648.9, 2147483649.0),
    *(4294967295.0, 4294967295.9, 4294967296.0, 4503599627370495.5, 4503599627370497.0, 9007199254740993.0),
    *(9223372036854774784.0, 9223372036854775808.0, 18446744073709549568.0, 18446744073709551616.0, 3.4028235e38),
    *(3.4028235677973366e38, 1.7976931348623157e308, float("inf")),
]
_F64_NANS = [0x7FF0000000000001, 0x7FF7FFFFFFFFFFFF, 0x7FF8000000000000, 0x7FF8000000000001, 0x7FFFFFFFFFFFFFFF]
_F64_EDGES = [struct.unpack("<Q", struct.pack("<d", x))[0] for x in _F64_NUMBERS] + _F64_NANS


def _integer_edges(width: int) -> list[int]:
    found = set()
    for bit in range(width):
        found |= {1 << bit, (1 << bit) - 1, (1 << width) - (1 << bit)}
    return sorted(x & ((1 << width) - 1) for x in found)


_EDGES = {
    "i8": _integer_edges(8),
    "i16": _integer_edges(16),
    "i32": _integer_edges(32),
    "i64": [*_integer_edges(64), 0x8000008000000001, 0x7FFFFFBFFFFFFFFF, (1 << 63) + 1025, (1 << 53) + 1],
    "f32": [bits | sign for bits in _F32_EDGES for sign in (0, 1 << 31)],
    "f64": [bits | sign for bits in _F64_EDGES for sign in (0, 1 << 63)],
}
_WIDTHS = {"i8": 8, "i16": 16, "i32": 32, "i64": 64, "f32": 32, "f64": 64}


def interesting(kind: str, rng: random.Random) -> Any:
    """A value of a type, or of `v128` with lanes of some kind."""
    if kind == "v128":
        lanes = rng.choice(list(_EDGES))
        size = _WIDTHS[lanes] // 8
        return b"".join(interesting(lanes, rng).to_bytes(size, "little") for _ in range(16 // size))
    if rng.random() < 0.6:
        return rng.choice(_EDGES[kind])
    return rng.getrandbits(_WIDTHS[kind])


def _tuples(name: str, rng: random.Random, count: int) -> Iterator[tuple[Any, ...]]:
    """Operands: every edge value of a unary scalar instruction, and random ones."""
    types = opcodes.BY_MNEMONIC[name].operands or ()
    lanes = name.split(".")[0]
    shape = {"i8x16": "i8", "i16x8": "i16", "i32x4": "i32", "i64x2": "i64", "f32x4": "f32", "f64x2": "f64"}.get(lanes)
    if len(types) == 1 and types[0] != "v128":
        yield from ((x,) for x in _EDGES[types[0]])
    for _ in range(count):
        yield tuple(_operand(t, shape, rng) for t in types)


def _operand(type: str, shape: str | None, rng: random.Random) -> Any:
    if type == "v128" and shape is not None and rng.random() < 0.7:
        size = _WIDTHS[shape] // 8
        return b"".join(interesting(shape, rng).to_bytes(size, "little") for _ in range(16 // size))
    return interesting(type, rng)


def immediates(name: str) -> list[tuple[Any, ...]]:
    """What an instruction is compiled with: its lanes, or nothing. Shuffles have more than can be tried."""
    if "_lane" in name and "laneselect" not in name:
        return [(i,) for i in range({"i8x16": 16, "i16x8": 8, "i32x4": 4, "f32x4": 4}.get(name.split(".")[0], 2))]
    return [()]


def _literal(type: str, value: Any) -> str:
    """A constant with exactly these bits."""
    if type == "v128":
        return "(v128.const i8x16 " + " ".join(map(str, value)) + ")"
    if type in ("i32", "i64"):
        return f"({type}.const {value})"
    return f"({type}.reinterpret_i{type[1:]} (i{type[1:]}.const {value}))"


class Variant:
    """A way to use an instruction: the function's text, what it is called with for some operands, and what the
    operands then are, for constants and equal operands replace some."""

    def __init__(
        self,
        text: str,
        arguments: Callable[[tuple[Any, ...]], list[Any]],
        operands: Callable[[tuple[Any, ...]], tuple[Any, ...]],
        results: Callable[[Any, tuple[Any, ...]], list[Any]],
    ) -> None:
        self.text = text
        self.arguments = arguments
        self.operands = operands
        self.results = results


def _variants(name: str, imm: tuple[Any, ...], rng: random.Random) -> list[Variant]:
    row = opcodes.BY_MNEMONIC[name]
    types = [str(t) for t in row.operands or ()]
    (result,) = row.results or ()
    op = " ".join([name, *(str(x) for i in imm for x in (i if isinstance(i, bytes) else [i]))])
    gets = [f"(local.get {i})" for i in range(len(types))]
    params = "".join(f" {t}" for t in types)

    def same(operands: tuple[Any, ...]) -> tuple[Any, ...]:
        return operands

    found = [
        Variant(
            f"(param{params}) (result {result}) ({op} {' '.join(gets)})",
            list,
            same,
            lambda r, _: [r],
        ),
        Variant(
            f"(param{params}) (result {result}{params}) ({op} {' '.join(gets)}) {' '.join(gets)}",
            list,
            same,
            lambda r, operands: [r, *operands],
        ),
        _pressed(op, types, str(result)),
    ]
    for i in range(1, len(types)):
        if types[i] == types[0]:
            twice = [gets[0] if j == i else g for j, g in enumerate(gets)]
            found.append(
                Variant(
                    f"(param{params}) (result {result} {types[0]}) ({op} {' '.join(twice)}) {gets[0]}",
                    list,
                    lambda operands, i=i: (*operands[:i], operands[0], *operands[i + 1 :]),
                    lambda r, operands: [r, operands[0]],
                )
            )
            found.append(
                Variant(
                    f"(param{params}) (result {result}) ({op} {' '.join(twice)})",
                    list,
                    lambda operands, i=i: (*operands[:i], operands[0], *operands[i + 1 :]),
                    lambda r, operands: [r],
                )
            )
    for i, type in enumerate(types if len(types) > 1 else []):
        for _ in range(3):
            value = interesting(type, rng)
            known = [_literal(type, value) if j == i else g for j, g in enumerate(gets)]
            found.append(
                Variant(
                    f"(param{params}) (result {result}{params}) ({op} {' '.join(known)}) {' '.join(gets)}",
                    list,
                    lambda operands, i=i, value=value: (*operands[:i], value, *operands[i + 1 :]),
                    lambda r, operands: [r],
                )
            )
    return found


_PRESSURE = 6


def _pressed(op: str, types: list[str], result: str) -> Variant:
    """Operands are computed into registers, and there are more living values of both kinds than a few registers
    hold."""
    count = len(types)
    pairs = [t for t in types for _ in (0, 1)]
    extra = ["i64"] * _PRESSURE + ["f64"] * _PRESSURE
    params = " ".join([*pairs, "i32", *extra])
    text = [f"(param {params}) (result {result} {' '.join([*types, *extra])})"]
    text += [f"(local {t})" for t in types]
    text += [f"(local {t})" for t in extra]
    first = 2 * count + 1
    local = first + len(extra)
    for i, t in enumerate(extra):
        by = f"(i64.xor (local.get {first + i}) (i64.extend_i32_u (local.get {2 * count})))"
        get = by if t == "i64" else f"(f64.neg (local.get {first + i}))"
        text.append(f"(local.set {local + count + i} {get})")
    for i in range(count):
        text.append(
            f"(local.set {local + i} (select (local.get {2 * i}) (local.get {2 * i + 1}) (local.get {2 * count})))"
        )
    text.append(f"({op} {' '.join(f'(local.get {local + i})' for i in range(count))})")
    text += [f"(local.get {local + i})" for i in range(count + len(extra))]
    integers = [0x1111111111111111 * (i + 1) for i in range(_PRESSURE)]
    floats = [0x4000000000000000 + i for i in range(_PRESSURE)]

    def arguments(operands: tuple[Any, ...]) -> list[Any]:
        return [x for x in operands for _ in (0, 1)] + [1, *integers, *floats]

    kept = [x ^ 1 for x in integers] + [x | 1 << 63 for x in floats]
    return Variant(" ".join(text), arguments, lambda operands: operands, lambda r, operands: [r, *operands, *kept])


@cache
def backend(setup: int, *, explicit: bool = False) -> X64Backend:
    _, features, registers = SETUPS[setup]
    made = X64Backend(Options(registers=registers, explicit=explicit))
    made.features = cpu().features if features is None else features
    return made


def left(driver: Driver) -> int:
    """How often regions were left at an instruction. Now and then one is asked to leave before it begins."""
    return sum(departure.exit >= 0 for departure in driver.departures)


def check_row(name: str, setup: int, count: int = 200, imms: list[tuple[Any, ...]] | None = None) -> None:
    """Compare machine code and meaning for one instruction, in every variant. `imms`: what immediates it has."""
    rng = random.Random(f"{name} {setup}")
    imms = imms or immediates(name)
    cases = [(imm, variant) for imm in imms for variant in _variants(name, imm, rng)]
    text = "".join(f'(func (export "{i}") {variant.text})' for i, (_, variant) in enumerate(cases))
    driver = Driver(f"(module {text})", backend(setup))
    driver.compile()
    tiers: Any = [code.tier for code in driver.program.funcs]
    assert all(tier.unit is not None for tier in tiers), "not all was compiled"
    share = max(count // len(imms), 30)
    for i, (imm, variant) in enumerate(cases):
        wrong = list(_disagreements(driver, str(i), variant, name, imm, _tuples(name, rng, share)))
        assert not wrong, f"{variant.text}\n" + "\n".join(wrong[:5])


def _disagreements(
    driver: Driver,
    export: str,
    variant: Variant,
    name: str,
    imm: tuple[Any, ...],
    tuples: Iterable[tuple[Any, ...]],
) -> Iterator[str]:
    """What machine code computes otherwise than it should. Whatever has a result must not leave the region for it."""
    meaning = SEMANTICS[name]
    for given in tuples:
        operands = variant.operands(given)
        driver.departures.clear()
        try:
            expected: Any = variant.results(meaning(*operands, *imm), given)
        except Trap as trap:
            expected = trap.code
        try:
            got: Any = driver(export, *variant.arguments(given))
        except Trap as trap:
            got = trap.code
        if isinstance(expected, list):
            got = got[: len(expected)]
            if left(driver):
                yield f"{_show(operands)}: left"
        if got != expected:
            yield f"{_show(operands)}: {_show(got)}, not {_show(expected)}"


def _show(values: Any) -> str:
    if not isinstance(values, (list, tuple)):
        return str(values)
    return "(" + ", ".join(v.hex(" ") if isinstance(v, bytes) else hex(v) for v in values) + ")"
