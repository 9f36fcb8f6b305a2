"""Values of all types as Python expressions: references, vectors, and each type as locals, the interpreter and other
regions have it."""

from __future__ import annotations

from jit.ir.ops import Type
from jit.portable.access import op_memory
from jit.portable.floats import Floats
from jit.portable.memory import memory_access
from jit.portable.support import semantic
from jit.portable.values import FLOAT
from refsfi.errors import Crash

__all__ = ["Expressions"]


class Expressions(Floats):
    """Writes the values of one function."""

    def reference(self, value: int) -> str:
        value = self.alias.get(value, value)
        graph = self.graph
        op = graph.op[value]
        if op.name == "ref.null":
            return "None"
        if self.is_local(value):
            return self.name(value)
        args = graph.args[value]
        if op.name == "ref.func":
            return f"inst.funcs[{graph.imm[value]}]"
        if op.name == "ref.select":
            return f"({self.reference(args[0])} if {self.truth(args[2])} else {self.reference(args[1])})"
        raise Crash(f"no Python for {op.name}")

    def vector(self, value: int) -> str:
        value = self.alias.get(value, value)
        graph = self.graph
        op, args = graph.op[value], graph.args[value]
        if self.is_const(value):
            return self.constant(graph.imm[value])
        if self.is_local(value):
            return self.name(value)
        name = op.name.partition(".")[2]
        if name == "select":
            return f"({self.vector(args[0])} if {self.truth(args[2])} else {self.vector(args[1])})"
        if name == "global":
            return self.global_(graph.imm[value])
        if op.name == "v128.load":
            return f"load_16s({self.bytes(value)}, {self.effective(value)})[0]"
        return self.call(value)

    def same(self, value: int) -> str:
        """The value as an operand of its own type, in its own representation: what locals hold."""
        value = self.alias.get(value, value)
        type = self.graph.type[value]
        if type in (Type.I32, Type.I64):
            return self.exact(value)
        if type is Type.F64:
            return self.number(value)
        if type is Type.F32:
            return self.number(value) if self.form[value] == FLOAT else self.bits(value)
        return self.vector(value) if type is Type.V128 else self.reference(value)

    def plain(self, value: int) -> str:
        """As the interpreter has it (`refsfi.runtime.values`)."""
        value = self.alias.get(value, value)
        type = self.graph.type[value]
        if type in (Type.F32, Type.F64):
            return self.bits(value)
        return self.same(value)

    def passed(self, value: int) -> str:
        """As calls between regions pass it: an f64 as a float, all others as the interpreter has them."""
        value = self.alias.get(value, value)
        return self.canonical(value) if self.graph.type[value] is Type.F64 else self.plain(value)

    def call(self, value: int) -> str:
        """A call of the instruction's semantic function."""
        graph = self.graph
        op = graph.op[value]
        args = [self.plain(v) for v in graph.args[value]]
        if op.wasm is not None and op.wasm.rule.startswith(("vload", "atomic")):
            memory = op_memory(graph.imm[value])
            args[0] = self.effective(value)
            return f"{self.constant(memory_access(op, graph.imm[value]))}(inst.mems[{memory}], {', '.join(args)})"
        for imm in graph.imm[value] or ():
            args.append(str(imm) if isinstance(imm, int) else self.constant(imm))
        return f"{semantic(op.name)}({', '.join(args)})"
