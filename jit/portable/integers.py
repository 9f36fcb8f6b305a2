"""Integers as Python expressions.

An integer is written in one of three ways: `exact`, as the unsigned number; `loose`, as any int that is congruent to
it, so that a chain of additions is masked once; `truth`, as what a condition takes. Comparisons are truths, and become
numbers only where a number is wanted.
"""

from __future__ import annotations

from typing import Final

from jit.ir.ops import Type
from jit.portable.access import Access
from jit.portable.ranges import M32, M64
from refsfi.errors import Crash

__all__ = ["Integers"]

_COMPARE = {
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "gt": ">",
    "le": "<=",
    "ge": ">=",
    "lt_u": "<",
    "gt_u": ">",
    "le_u": "<=",
    "ge_u": ">=",
    "lt_s": "<",
    "gt_s": ">",
    "le_s": "<=",
    "ge_s": ">=",
}
_MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}
_NEGATED = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
# The largest number that Python adds and compares without loops over digits; what is still a step of an address or a
# counter.
_DIGIT: Final = (1 << 30) - 1
_STEP: Final = 1 << 16
# mnemonic's end -> bytes, signed
_LOADS = {f"load{8 * width}_{sign}": (width, sign == "s") for width in (1, 2, 4) for sign in "su"}


class Integers(Access):
    def bound(self, value: int) -> int:
        """No value of this integer is larger."""
        return self.ranges.top(value)

    def exact(self, value: int, near: bool = False) -> str:
        """An i32 or i64 as an unsigned number. `near`: it is likely to be small, as addresses and counters are."""
        value = self.alias.get(value, value)
        graph = self.graph
        if self.is_const(value):
            return str(graph.imm[value])
        if self.is_local(value):
            return self.name(value)
        op = graph.op[value]
        name = op.name.partition(".")[2]
        if self._is_truth(value):
            return f"(1 if {self.truth(value)} else 0)"
        text = self._narrow(value, name)
        if text is not None:
            return text
        chosen = self._wrapped(value, name, near or value in self.values.near)
        if chosen is not None:
            return chosen
        text, fits = self._wide(value, name)
        return text if fits else f"({text} & {M32 if graph.type[value] is Type.I32 else M64})"

    def _wrapped(self, value: int, name: str, near: bool) -> str | None:
        """The exact text of an instruction where comparing its result, which is rarely out of range, is cheaper than
        masking it always: Python's masks of more than 30 bits take the slow path, and so do its comparisons; so what is
        likely to be small is compared with a number of 30 bits first. None for others."""
        graph = self.graph
        args = graph.args[value]
        bits = 32 if graph.type[value] is Type.I32 else 64
        ones, half = (1 << bits) - 1, 1 << (bits - 1)
        if name in ("add", "sub", "mul", "shl"):
            a, b = args
            if self._is_chain(a) or self._is_chain(b):
                return self._chained(value, name) if near or bits == 64 else None
            if name in ("add", "mul") and self.is_const(a):
                a, b = b, a
            known = self.known(b) if self.is_const(b) else None
            if name == "add" and known is not None and known > ones >> 1:
                name, known = "sub", ones + 1 - known
            if name == "sub":
                taken = self.exact(b) if known is None else str(known)
                if self.ranges.low(a) >= (self.bound(b) if known is None else known):
                    return f"({self.exact(a)} - {taken})"
                if known is not None and self.exact(a).isidentifier():
                    a_ = self.exact(a)
                    return f"({a_} - {taken} if {a_} >= {taken} else {a_} + {ones + 1 - known})"
                return f"(t if (t := {self.exact(a)} - {taken}) >= 0 else t + {ones + 1})"
            if name == "add":
                if self.bound(a) + self.bound(b) <= ones:
                    return None
                a_ = self.exact(a)
                near = near or (known is not None and known < _STEP)
                if known is not None and a_.isidentifier():
                    first = f"{_DIGIT - known} or {a_} <= " if near and known < _DIGIT else ""
                    return f"({a_} + {known} if {a_} <= {first}{ones - known} else {a_} - {ones + 1 - known})"
                first = f"{_DIGIT} or t <= " if near else ""
                return f"(t if (t := {a_} + {self.exact(b)}) <= {first}{ones} else t - {ones + 1})"
            if name == "shl":
                if known is None or self.bound(a) << (known & (bits - 1)) <= ones:
                    return None
                text = f"{self.exact(a)} << {known & (bits - 1)}"
            else:
                if (known is not None and known >> 16) or self.bound(a) * self.bound(b) <= ones:
                    return None
                text = f"{self.exact(a)} * {self.exact(b)}"
            first = f"{_DIGIT} or t <= " if near else ""
            return f"(t if (t := {text}) <= {first}{ones} else t & {ones})"
        if name == "shr_s" and self.is_const(args[1]):
            by = self.known(args[1]) & (bits - 1)
            sign = ones ^ (ones >> by)
            return f"(t >> {by} if (t := {self.exact(args[0])}) < {half} else t >> {by} | {sign})"
        if name in ("extend8_s", "extend16_s", "extend32_s"):
            low = 1 << int(name[6:-2])
            text = f"{self.loose(args[0])} & {low - 1}"
            return f"(t if (t := {text}) < {low >> 1} else t + {ones + 1 - low})"
        if name == "extend_i32_s":
            return f"(t if (t := {self.exact(args[0])}) < {1 << 31} else t + {ones + 1 - (1 << 32)})"
        if name in _LOADS and name.endswith("_s"):
            low = 1 << 8 * _LOADS[name][0]
            return f"(t if (t := {self.read(value, _LOADS[name][0])}) < {low >> 1} else t + {ones + 1 - low})"
        return None

    def _chained(self, value: int, name: str) -> str | None:
        """A sum of products that cannot be negative, and is seldom too large."""
        if not self._is_rising(value):
            return None
        text, fits = self._wide(value, name)
        ones = M32 if self.graph.type[value] is Type.I32 else M64
        return text if fits else f"(t if (t := {text}) <= {_DIGIT} or t <= {ones} else t & {ones})"

    def _is_rising(self, value: int) -> bool:
        value = self.alias.get(value, value)
        if self.is_const(value):
            return self.known(value) < _STEP
        if self.is_local(value):
            return True
        name = self.graph.op[value].name.partition(".")[2]
        a, b = self.graph.args[value] if self._is_chain(value) else (value, value)
        if name == "shl":
            return self._is_rising(a) and self.is_const(b)
        return name in ("add", "mul") and self._is_rising(a) and self._is_rising(b)

    def _is_chain(self, value: int) -> bool:
        """Whether a value is an inner part of a sum or product, which is masked once in the end."""
        value = self.alias.get(value, value)
        if self.is_local(value) or self.values.block[value] < 0:
            return False
        return self.graph.op[value].name.partition(".")[2] in ("add", "sub", "mul", "shl")

    def loose(self, value: int) -> str:
        """Congruent to an i32 or i64."""
        value = self.alias.get(value, value)
        graph = self.graph
        if self.is_const(value):
            ones = M32 if graph.type[value] is Type.I32 else M64
            imm = graph.imm[value]
            return str(imm) if imm <= ones >> 1 else f"({imm - ones - 1})"
        if self.is_local(value):
            return self.name(value)
        if self._is_truth(value):
            # A bool is as good as a number; but what stands for the truth of a double negation is any number.
            return self.exact(value) if self._is_double_negation(value) else f"({self.truth(value)})"
        name = graph.op[value].name.partition(".")[2]
        return self._narrow(value, name, loose=True) or self._wide(value, name)[0]

    def _is_truth(self, value: int) -> bool:
        value = self.alias.get(value, value)
        op = self.graph.op[value]
        if self.is_local(value) or self.values.block[value] < 0:
            return False
        name = op.name.partition(".")[2]
        scalar = op.operands is None or Type.V128 not in op.operands
        return (scalar and (name in _COMPARE or name == "eqz")) or op.name in ("ref.is_null", "ref.eq")

    def _is_double_negation(self, value: int) -> bool:
        """Whether `truth` gives an operand of the innermost of several `eqz` itself."""
        negated = False
        while self._is_truth(value) and self.graph.op[value].name in ("i32.eqz", "i64.eqz"):
            negated = not negated
            value = self.graph.args[value][0]
        return not negated and not self._is_truth(value)

    def _wide(self, value: int, name: str) -> tuple[str, bool]:
        """The text of an instruction whose result may need a mask, and whether it needs none."""
        graph = self.graph
        args = graph.args[value]
        i32 = graph.type[value] is Type.I32
        ones = M32 if i32 else M64
        half = (ones >> 1) + 1
        if name == "add":
            a, b = args
            if self.is_const(a):
                a, b = b, a
            if self.is_const(b) and self.known(b) > ones >> 1:
                return f"({self.loose(a)} - {ones + 1 - self.known(b)})", False
            if self.bound(a) + self.bound(b) <= ones:
                return f"({self.exact(a)} + {self.exact(b)})", True
            return f"({self.loose(a)} + {self.loose(b)})", False
        if name == "sub":
            return f"({self.loose(args[0])} - {self.loose(args[1])})", False
        if name == "mul":
            if self.bound(args[0]) * self.bound(args[1]) <= ones:
                return f"({self.exact(args[0])} * {self.exact(args[1])})", True
            return f"({self._factor(args[0])} * {self._factor(args[1])})", False
        if name == "shl":
            if self.is_const(args[1]):
                by = self.known(args[1]) & (31 if i32 else 63)
                if self.bound(args[0]) << by <= ones:
                    return f"({self.exact(args[0])} << {by})", True
                return f"({self.loose(args[0])} << {by})", False
            return f"({self.exact(args[0])} << {self._count(args[1], i32)})", False
        if name == "shr_s":
            signed = f"({self.exact(args[0])} ^ {half}) - {half}"
            return f"(({signed}) >> {self._count(args[1], i32)})", False
        if name in ("rotl", "rotr"):
            return self._rotate(args, name, i32), False
        if name in ("extend8_s", "extend16_s", "extend32_s"):
            top = 1 << (int(name[6:-2]) - 1)
            return f"(({self.loose(args[0])} & {2 * top - 1} ^ {top}) - {top})", False
        if name == "extend_i32_s":
            return f"(({self.exact(args[0])} ^ {1 << 31}) - {1 << 31})", False
        if name in _LOADS:
            top = 1 << (8 * _LOADS[name][0] - 1)
            return f"(({self.read(value, _LOADS[name][0])} ^ {top}) - {top})", False
        raise Crash(f"no Python for {graph.op[value].name}")

    def _factor(self, value: int) -> str:
        """Of a product: no product within, lest numbers grow."""
        value = self.alias.get(value, value)
        nested = not self.is_local(value) and self.graph.op[value].name.endswith((".mul", ".shl"))
        return self.exact(value) if nested else self.loose(value)

    def _count(self, value: int, i32: bool) -> str:
        """The distance of a shift."""
        ones = 31 if i32 else 63
        if self.is_const(value):
            return str(self.known(value) & ones)
        if self.bound(value) <= ones:
            return self.exact(value)
        return f"({self.loose(value)} & {ones})"

    def _signed_number(self, value: int) -> str:
        """An integer as the signed number that it stands for."""
        text = self.exact(value)
        half = 1 << (31 if self.graph.type[value] is Type.I32 else 63)
        if self.bound(value) < half:
            return text
        if text.isidentifier():
            return f"({text} if {text} < {half} else {text} - {2 * half})"
        return f"(t if (t := {text}) < {half} else t - {2 * half})"

    def _rotate(self, args: tuple[int, ...], name: str, i32: bool) -> str:
        bits = 32 if i32 else 64
        a = self.exact(args[0])
        if self.is_const(args[1]):
            by = self.known(args[1]) & (bits - 1)
            left, right = (by, bits - by) if name == "rotl" else (bits - by, by)
            return f"({a} << {left} | {a} >> {right})"
        b = self.exact(args[1])
        if name == "rotl":
            return f"({a} << ({b} & {bits - 1}) | {a} >> (-{b} & {bits - 1}))"
        return f"({a} << (-{b} & {bits - 1}) | {a} >> ({b} & {bits - 1}))"

    def _narrow(self, value: int, name: str, loose: bool = False) -> str | None:
        """The text of an instruction whose result needs no mask; None for others. `loose`: it need not be exact."""
        graph = self.graph
        op, args = graph.op[value], graph.args[value]
        if name == "and":
            a, b = args
            if loose:
                return f"({self.loose(a)} & {self.loose(b)})"
            # One exact operand makes the result exact.
            if self._is_plain(b):
                return f"({self.loose(a)} & {self.exact(b)})"
            return f"({self.exact(a)} & {self.loose(b)})"
        if name in ("or", "xor"):
            sign = "|" if name == "or" else "^"
            write = self.loose if loose else self.exact
            return f"({write(args[0])} {sign} {write(args[1])})"
        if name == "shr_u":
            return f"({self.exact(args[0])} >> {self._count(args[1], graph.type[value] is Type.I32)})"
        if name == "wrap_i64":
            return f"{self.loose(args[0])}" if loose else f"({self.loose(args[0])} & {M32})"
        if name == "extend_i32_u":
            return self.exact(args[0])
        if name == "div_u":
            return f"({self.exact(args[0])} // {self.exact(args[1])})"
        if name == "rem_u":
            return f"({self.exact(args[0])} % {self.exact(args[1])})"
        if name == "clz":
            bits = 32 if graph.type[value] is Type.I32 else 64
            return f"({bits} - ({self.exact(args[0])}).bit_length())"
        if name == "popcnt":
            return f"({self.exact(args[0])}).bit_count()"
        if name == "mul_high_s":
            return f"mul_high_s({self.exact(args[0])}, {self.exact(args[1])})"
        if name == "mul_high_u":
            return f"({self.exact(args[0])} * {self.exact(args[1])} >> 64)"
        if name == "select":
            write = self.loose if loose else self.exact
            return f"({write(args[0])} if {self.truth(args[2])} else {write(args[1])})"
        if name == "reinterpret_f32" or name == "reinterpret_f64":
            return self.bits(args[0])
        if name.startswith("trunc_"):
            what = "trunc_sat" if name.startswith("trunc_sat") else "trunc"
            return f"{what}_{op.name[:3]}_{name[-1]}({self.number(args[0])})"
        if name in _LOADS and not name.endswith("_s"):
            return self.read(value, _LOADS[name][0])
        if name == "load":
            return self.read(value, 4 if op.name.startswith("i32") else 8)
        if name == "global":
            return self.global_(graph.imm[value])
        if name == "table_size":
            return f"len(inst.tables[{graph.imm[value]}].elems)"
        if name == "memory_size":
            return f"inst.mems[{graph.imm[value]}].pages"
        if name in ("add", "sub", "mul", "shl", "shr_s", "rotl", "rotr", "extend_i32_s") or name.startswith("extend"):
            return None
        if name in _LOADS:
            return None
        return self.call(value)

    def _is_plain(self, value: int) -> bool:
        """Whether `exact` costs no mask."""
        value = self.alias.get(value, value)
        return self.is_local(value) or self.values.block[value] < 0

    def signed(self, value: int) -> str:
        """An integer in the order of signed numbers: its sign bit is turned round."""
        value = self.alias.get(value, value)
        half = 1 << (31 if self.graph.type[value] is Type.I32 else 63)
        if self.is_const(value):
            return str(self.graph.imm[value] ^ half)
        return f"({self.exact(value)} ^ {half})"

    def truth(self, value: int, negated: bool = False) -> str:
        """A condition: whether an i32 is not zero (`negated`: whether it is zero)."""
        value = self.alias.get(value, value)
        graph = self.graph
        if not self._is_truth(value):
            text = self.exact(value)
            return f"not {text}" if negated else text
        op, args = graph.op[value], graph.args[value]
        name = op.name.partition(".")[2]
        if name == "eqz":
            return self.truth(args[0], not negated)
        if op.name == "ref.is_null":
            return f"{self.reference(args[0])} is {'not ' if negated else ''}None"
        if op.name == "ref.eq":
            text = f"same({self.reference(args[0])}, {self.reference(args[1])})"
            return f"not {text}" if negated else text
        sign = _COMPARE[name]
        if graph.type[args[0]] in (Type.F32, Type.F64):
            text = f"{self.number(args[0])} {sign} {self.number(args[1])}"
            # With a NaN, both a comparison and its opposite are false.
            return f"not {text}" if negated else text
        if negated:
            sign = _NEGATED[sign]
        half = 1 << (31 if graph.type[args[0]] is Type.I32 else 63)
        if name.endswith("_s") and not (self.bound(args[0]) < half and self.bound(args[1]) < half):
            return self._signed_comparison(args, sign, half)
        return f"{self.exact(args[0])} {sign} {self.exact(args[1])}"

    def _signed_comparison(self, args: tuple[int, ...], sign: str, half: int) -> str:
        a, b = args
        if self.is_const(a):
            a, b = b, a
            sign = _MIRRORED[sign]
        x = self.exact(a)
        if self.is_const(b):
            known = self.known(b)
            if sign in (">=", "<") and known == 0:
                return f"{x} {_NEGATED[sign]} {half}" if sign == ">=" else f"{x} >= {half}"
            if not x.isidentifier():
                return f"{self.signed(a)} {sign} {known ^ half}"
            # Numbers below zero are the upper half.
            if known < half:
                return (
                    f"{known} {_MIRRORED[sign]} {x} < {half}"
                    if ">" in sign
                    else f"({x} {sign} {known} or {x} >= {half})"
                )
            return f"({x} < {half} or {x} {sign} {known})" if ">" in sign else f"{half} <= {x} {sign} {known}"
        y = self.exact(b)
        if x.isidentifier() and y.isidentifier():
            return f"({x} {sign} {y} if {x} < {half} > {y} else {x} ^ {half} {sign} {y} ^ {half})"
        return f"{self.signed(a)} {sign} {self.signed(b)}"
