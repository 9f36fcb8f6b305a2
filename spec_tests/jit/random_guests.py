"""Random modules that end: loops count down, memory accesses are mostly in bounds, calls go to later functions only."""

from __future__ import annotations

from random import Random

from refsfi.numeric.table import SEMANTICS
from refsfi.syntax.opcodes import OPS

__all__ = ["module"]

TYPES = ("i32", "i64", "f32", "f64", "v128")
_ROWS: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
for _row in OPS:
    if _row.mnemonic in SEMANTICS and not _row.imms and _row.results is not None and len(_row.results) == 1:
        _ROWS.setdefault(_row.results[0], []).append((_row.mnemonic, _row.operands or ()))

_LOADS = {
    "i32": "i32.load i32.load8_s i32.load8_u i32.load16_s i32.load16_u".split(),
    "i64": "i64.load i64.load8_s i64.load8_u i64.load16_s i64.load16_u i64.load32_s i64.load32_u".split(),
    "f32": ["f32.load"],
    "f64": ["f64.load"],
    "v128": "v128.load v128.load8x8_s v128.load32x2_u v128.load16_splat v128.load64_zero".split(),
}
_STORES = {
    "i32": "i32.store i32.store8 i32.store16".split(),
    "i64": "i64.store i64.store8 i64.store16 i64.store32".split(),
    "f32": ["f32.store"],
    "f64": ["f64.store"],
    "v128": ["v128.store"],
}
_INTERESTING = {
    "i32": (0, 1, 2, 7, 8, 31, 32, 255, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 65528, 65535),
    "i64": (0, 1, 63, 64, 0x7FFFFFFFFFFFFFFF, 0x8000000000000000, 0xFFFFFFFFFFFFFFFF, 1 << 32, 0xFFFFFFFF),
}
_FLOATS = "0 -0 1 -1.5 0.1 1e30 -1e-30 3e9 1e19 inf -inf nan nan:0x200001 -nan:0x1".split()
GLOBALS = ("i32", "i64", "f32", "f64")
# Calls nest this deep at most, as each function calls later ones only.
FUNCTIONS = 3


class _Writer:
    def __init__(self, random: Random, index: int) -> None:
        self.random = random
        self.index = index
        self.params = [random.choice(TYPES[:4]) for _ in range(3)]
        self.locals = [*self.params, *(random.choice(TYPES) for _ in range(4))]
        self.counters = 0
        self.budget = random.randrange(10, 120)

    def constant(self, type: str) -> str:
        r = self.random
        if type == "v128":
            return f"(v128.const i64x2 {r.getrandbits(64)} {r.choice(_INTERESTING['i64'])})"
        if type in ("f32", "f64"):
            return f"({type}.const {r.choice(_FLOATS)})"
        value = r.choice(_INTERESTING[type]) if r.random() < 0.5 else r.getrandbits(r.choice((4, 12, 32)))
        return f"({type}.const {value})"

    def address(self, depth: int) -> str:
        if self.random.random() < 0.1:
            return self.value("i32", depth)
        return f"(i32.and {self.value('i32', depth)} (i32.const 0xfff8))"

    def value(self, type: str, depth: int) -> str:
        """A folded expression."""
        r = self.random
        self.budget -= 1
        if depth <= 0 or self.budget < 0 or r.random() < 0.15:
            places = [i for i, t in enumerate(self.locals) if t == type]
            if places and r.random() < 0.7:
                return f"(local.get {r.choice(places)})"
            return self.constant(type)
        pick = r.random()
        if pick < 0.12:
            offset = r.choice(("", "", " offset=4", " offset=60000"))
            return f"({r.choice(_LOADS[type])}{offset} {self.address(depth - 1)})"
        if pick < 0.18:
            condition = self.value("i32", depth - 1)
            return f"(select {self.value(type, depth - 1)} {self.value(type, depth - 1)} {condition})"
        if pick < 0.24:
            then, otherwise = self.value(type, depth - 1), self.value(type, depth - 1)
            return f"(if (result {type}) {self.value('i32', depth - 1)} (then {then}) (else {otherwise}))"
        if pick < 0.28 and type in GLOBALS:
            return f"(global.get {GLOBALS.index(type)})"
        if pick < 0.32 and self.index + 1 < FUNCTIONS and type == "i32":
            return f"(call $f{self.index + 1} {self.arguments(depth)})"
        if pick < 0.35 and self.index + 1 < FUNCTIONS and type == "i32":
            slot = r.choice(("(i32.const 0)", "(i32.const 1)", "(i32.const 9)"))
            return f"(call_indirect (type $t{self.index + 1}) {self.arguments(depth)} {slot})"
        mnemonic, operands = r.choice(_ROWS[type])
        return f"({mnemonic} {' '.join(self.value(t, depth - 1) for t in operands)})"

    def arguments(self, depth: int) -> str:
        return " ".join(self.value(t, depth - 1) for t in _params(self.random, self.index + 1))

    def statement(self, depth: int, labels: str) -> str:
        """`labels`: the constructs around, innermost first; L is a loop, which is not branched to."""
        r = self.random
        outwards = [i for i, label in enumerate(labels) if label != "L"]
        pick = r.random()
        type = r.choice(self.locals)
        if depth <= 0 or self.budget < 0 or pick < 0.35:
            place = r.choice([i for i, t in enumerate(self.locals) if t == type])
            return f"(local.set {place} {self.value(type, 3)})"
        if pick < 0.5:
            offset = r.choice(("", " offset=8", " offset=65500"))
            return f"({r.choice(_STORES[type])}{offset} {self.address(2)} {self.value(type, 3)})"
        if pick < 0.56:
            place = r.randrange(len(GLOBALS))
            return f"(global.set {place} {self.value(GLOBALS[place], 2)})"
        if pick < 0.7:
            then, otherwise = self.statements(depth - 1, "I" + labels), self.statements(depth - 1, "I" + labels)
            return f"(if {self.value('i32', 3)} (then {then}) (else {otherwise}))"
        if pick < 0.82:
            counter = f"$c{self.counters}"
            self.counters += 1
            body = self.statements(depth - 1, "L" + labels)
            again = f"(br_if 0 (local.tee {counter} (i32.sub (local.get {counter}) (i32.const 1))))"
            return f"(local.set {counter} (i32.const {r.randrange(1, 6)})) (loop {body} {again})"
        if pick < 0.9:
            return f"(block {self.statements(depth - 1, 'B' + labels)})"
        if pick < 0.94 and outwards:
            return f"(br_if {r.choice(outwards)} {self.value('i32', 2)})"
        if pick < 0.97 and outwards:
            targets = " ".join(str(r.choice([0, *(i + 1 for i in outwards)])) for _ in range(r.randrange(1, 5)))
            return f"(block (br_table {targets} {self.value('i32', 2)}))"
        return f"(if {self.value('i32', 2)} (then (return {self.value('i32', 2)})))" if pick < 0.985 else "(nop)"

    def statements(self, depth: int, labels: str) -> str:
        return " ".join(self.statement(depth, labels) for _ in range(self.random.randrange(1, 4)))

    def function(self) -> str:
        self.params = _params(self.random, self.index)
        self.locals[: len(self.params)] = self.params
        body = self.statements(5, "")
        result = self.value("i32", 3)
        counters = " ".join(f"(local $c{i} i32)" for i in range(self.counters))
        params = " ".join(self.params)
        locals = " ".join(self.locals[len(self.params) :])
        head = f'(func $f{self.index} (export "f{self.index}") (type $t{self.index}) (param {params}) (result i32)'
        return f"{head} (local {locals}) {counters} {body} {result})"


def _params(random: Random, index: int) -> list[str]:
    """Of function `index`: the same for whoever asks."""
    return list((("i32", "i64", "f64"), ("i64", "f32", "i32"), ("f64", "i32", "i32"))[index])


def module(seed: int) -> str:
    """The text of a module that exports `f0`, of three parameters and one result, a memory and four globals."""
    random = Random(seed)
    types = "".join(
        f"(type $t{i} (func (param {' '.join(_params(random, i))}) (result i32)))" for i in range(FUNCTIONS)
    )
    functions = "".join(_Writer(random, i).function() for i in range(FUNCTIONS))
    globals = "".join(f'(global (export "g{i}") (mut {t}) ({t}.const 3))' for i, t in enumerate(GLOBALS))
    data = '(data (i32.const 0) "' + "".join(f"\\{random.randrange(256):02x}" for _ in range(64)) + '")'
    table = "(table 4 funcref) (elem (i32.const 0) func $f1 $f2)"
    return f'(module {types} (memory (export "m") 1) {data} {table} {globals} {functions})'


PARAMS = ("i32", "i64", "f64")
