"""Floats as Python expressions: `number`, a Python float, or `bits`."""

from __future__ import annotations

import struct

from jit.ir.ops import Type
from jit.portable.integers import Integers
from jit.portable.ranges import M64
from jit.portable.values import BITS, DIRTY, FLOAT

__all__ = ["Floats"]

_BINARY = {"add": "+", "sub": "-", "mul": "*"}


class Floats(Integers):
    def number(self, value: int) -> str:
        """An f32 or f64 as a Python float. Its NaN may be another one where it is an f32 in bits."""
        value = self.alias.get(value, value)
        graph = self.graph
        op = graph.op[value]
        if self.is_const(value):
            return self._literal(op.result, graph.imm[value])
        if op.result is Type.F32 and self.form[value] == BITS:
            return f"unpack_f(pack_I({self.bits(value)}))[0]"
        if self.is_local(value):
            return self.name(value)
        return self._float(value, op.name.partition(".")[2])

    def _literal(self, type: Type, bits: int) -> str:
        if type is Type.F32:
            x = struct.unpack("<f", struct.pack("<I", bits))[0]
        else:
            x = struct.unpack("<d", struct.pack("<Q", bits))[0]
        if x != x or x in (float("inf"), -float("inf")):
            return self.constant(x)
        return f"({x!r})" if bits >> (31 if type is Type.F32 else 63) else repr(x)

    def _float(self, value: int, name: str) -> str:
        graph = self.graph
        op, args = graph.op[value], graph.args[value]
        f32 = op.result is Type.F32
        if name in _BINARY:
            text = f"({self.number(args[0])} {_BINARY[name]} {self.number(args[1])})"
        elif name == "div":
            y = self.number(args[1])
            x = self.number(args[0])
            if self.is_const(args[1]) and self.known(args[1]) & (0x7FFFFFFF if f32 else M64 >> 1):
                text = f"({x} / {y})"
            elif y.isidentifier() and x.isidentifier():
                text = f"({x} / {y} if {y} else fdiv({x}, {y}))"
            else:
                text = f"fdiv({x}, {y})"
        elif name == "sqrt":
            text = f"fsqrt({self.number(args[0])})"
        elif name in ("ceil", "floor", "trunc", "nearest"):
            return f"f{name}({self.number(args[0])})"
        elif name in ("min", "max"):
            return f"f{name}({self.number(args[0])}, {self.number(args[1])})"
        elif name == "canon":
            return self.canonical(args[0])
        elif name == "abs":
            return f"abs({self.canonical(args[0])})"
        elif name == "neg":
            return f"(-{self.canonical(args[0])})"
        elif name == "copysign":
            return f"copysign({self.canonical(args[0])}, {self.canonical(args[1])})"
        elif name == "promote_f32":
            return self.number(args[0])
        elif name == "demote_f64":
            text = self.number(args[0])
        elif name.startswith("convert_i"):
            if f32 and "i64" in name:
                return f"unpack_f(pack_I({self.call(value)}))[0]"
            source = args[0]
            integer = self._signed_number(source) if name.endswith("_s") else self.exact(source)
            text = f"({integer} * 1.0)"
        elif name == "reinterpret_i64":
            return f"unpack_d(pack_Q({self.exact(args[0])}))[0]"
        elif name == "select":
            write = self.canonical if self.nan[value] != DIRTY else self.number
            return f"({write(args[0])} if {self.truth(args[2])} else {write(args[1])})"
        elif name == "load":
            return self.read(value, 4 if f32 else 8, "f" if f32 else "d")
        elif name == "global":
            read = self.global_(graph.imm[value])
            return f"unpack_f(pack_I({read}))[0]" if f32 else f"unpack_d(pack_Q({read}))[0]"
        else:
            read = self.call(value)
            return f"unpack_f(pack_I({read}))[0]" if f32 else f"unpack_d(pack_Q({read}))[0]"
        if not f32 or (value == self._defined and self.rounds):
            return text
        return f"c_float({text}).value"

    def canonical(self, value: int) -> str:
        """A float whose NaN, if arithmetic made it, is the canonical one."""
        value = self.alias.get(value, value)
        text = self.number(value)
        if self.nan[value] != DIRTY:
            return text
        return f"({text} if {text} == {text} else NAN)" if text.isidentifier() else f"canon({text})"

    def bits(self, value: int) -> str:
        """The bits of an f32 or f64, observable ones."""
        value = self.alias.get(value, value)
        graph = self.graph
        op = graph.op[value]
        if self.is_const(value):
            return str(graph.imm[value])
        if op.result is Type.F64:
            return f"unpack_Q(pack_d({self.canonical(value)}))[0]"
        if self.form[value] == FLOAT:
            return f"unpack_I(pack_f({self.canonical(value)}))[0]"
        if self.is_local(value):
            return self.name(value)
        args = graph.args[value]
        name = op.name.partition(".")[2]
        if name == "abs":
            return f"({self.bits(args[0])} & 2147483647)"
        if name == "neg":
            return f"({self.bits(args[0])} ^ 2147483648)"
        if name == "copysign":
            return f"({self.bits(args[0])} & 2147483647 | {self.bits(args[1])} & 2147483648)"
        if name == "reinterpret_i32":
            return self.exact(args[0])
        if name == "select":
            return f"({self.bits(args[0])} if {self.truth(args[2])} else {self.bits(args[1])})"
        if name == "load":
            return self.read(value, 4)
        if name == "global":
            return self.global_(graph.imm[value])
        return self.call(value)
