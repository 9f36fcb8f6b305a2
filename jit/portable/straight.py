"""The instructions of one block as Python statements."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from jit.ir.graph import Callee
from jit.ir.ops import Type
from jit.portable.access import FORMS, op_memory
from jit.portable.control import Again, Item, Poll
from jit.portable.memory import copy, fill, memory_access
from jit.portable.values import OWN_EXIT, ROUNDED, writes
from refsfi.errors import Crash

if TYPE_CHECKING:
    from jit.portable.function import Function

__all__ = ["Straight"]

_STORES = {"store8": 1, "store16": 2, "store32": 4}


class Straight:
    """The instructions of one block."""

    def __init__(self, function: Function, number: int, items: list[Item]) -> None:
        self.function = function
        self.number = number
        self.items = items
        self.graph = function.graph
        self.values = function.values
        self.text = function.text
        # The statements since the last write that may leave, and the snapshot they leave through.
        self.run_lines: list[Item] = []
        self.snapshot = -1
        # Whether the function has looked at whether the guest is to stop.
        self.polled = function.has_polled(number)
        # What there is certainly room for: the dearest call that has been written.
        self.roomy = 0
        # Values read that are not written yet.
        self.pending: dict[int, None] = {}

    def run(self) -> None:
        for value in self.graph.blocks[self.number].code:
            self._instruction(value)
            self.function.note(self.number)
        self._flush(())
        self._close()

    def _emit(self, line: str) -> None:
        (self.items if self.snapshot < 0 else self.run_lines).append(line)

    def _close(self) -> None:
        """End the statements that share a snapshot."""
        if self.run_lines:
            self.items.append("try:")
            self.items += [f" {line}" for line in self.run_lines]
            self.items.append("except FAULTS:")
            self.items.append(" " + self.function.leave(self.snapshot))
            self.function.note(self.number)
        self.run_lines = []
        self.snapshot = -1

    def _flush(self, kept: tuple[int, ...]) -> None:
        """Write what was read, but for what becomes part of an instruction with these operands."""
        inner: set[int] = set()
        work = list(kept)
        while work:
            value = work.pop()
            if not self.values.local[value] and value not in inner:
                inner.add(value)
                work += self.graph.args[value]
        for value in list(self.pending):
            if value not in inner and value in self.pending:
                self._make_local(value)
        for value in inner:
            self.pending.pop(value, None)

    def _make_local(self, value: int) -> None:
        work = [value]
        while work:
            inner = work.pop()
            self.pending.pop(inner, None)
            work += [v for v in self.graph.args[inner] if not self.values.local[v]]
        self._emit(f"v{value} = {self.text.define(value)}")
        self.values.local[value] = True

    def _instruction(self, value: int) -> None:
        graph, values = self.graph, self.values
        op = graph.op[value]
        name = op.name
        if name.endswith(".home"):
            read = self.function.unit.home(value)
            if read is not None:
                self.items.append(f"v{value} = {read}")
            return
        if name.endswith(".result"):
            return
        if op.pure:
            if values.local[value]:
                self._take(graph.args[value])
                if self.text.rounds and name in ROUNDED:
                    self._emit(f"single[0] = {self.text.define(value)}")
                    self._emit(f"v{value} = single[0]")
                else:
                    self._emit(f"v{value} = {self.text.define(value)}")
            return
        if op.exits and name not in OWN_EXIT and self.snapshot < 0:
            self.snapshot = values.exits[value]
        if not writes(graph, value) and name not in _STATEMENTS:
            if values.local[value]:
                self._take(graph.args[value])
                self._emit(f"v{value} = {self.text.define(value)}")
            elif values.uses[value]:
                self.pending[value] = None
            elif op.exits:
                self._take(graph.args[value])
                self._emit(self.text.define(value))
            return
        _STATEMENTS.get(name, Straight._write)(self, value)

    def _take(self, operands: tuple[int, ...]) -> None:
        """The pending values that become part of an instruction with these operands are written with it."""
        work = list(operands)
        while work:
            value = work.pop()
            if not self.values.local[value]:
                self.pending.pop(value, None)
                work += self.graph.args[value]

    # --- statements ------------------------------------------------------------------------------------------------

    def _write(self, value: int) -> None:
        graph, text = self.graph, self.text
        op, args, imm = graph.op[value], graph.args[value], graph.imm[value]
        self._flush(args)
        name = op.name.partition(".")[2]
        if name == "set_global":
            line = f"{text.global_(imm)} = {text.plain(args[0])}"
        elif op.wasm is not None and op.wasm.rule in ("store", "store-pack", "vstore"):
            self._store(value, name)
            self._close()
            return
        elif op.wasm is not None:
            access = self.function.unit.constant(memory_access(op, imm))
            mem = (imm[0] if isinstance(imm, tuple) else imm).mem
            operands = "".join(", " + text.plain(v) for v in args[1:])
            line = f"{access}(inst.mems[{mem}], {text.effective(value)}{operands})"
            if self.values.local[value]:
                line = f"v{value} = {line}"
        elif op.name == "memory.fill":
            d, x, n = (text.exact(v) for v in args)
            line = f"{self.function.unit.constant(fill)}(inst.store, inst.mems[{imm[0]}], {d}, {x}, {n})"
        elif op.name == "memory.copy":
            d, x, n = (text.exact(v) for v in args)
            copier = self.function.unit.constant(copy)
            line = f"{copier}(inst.store, inst.mems[{imm[0]}], inst.mems[{imm[1]}], {d}, {x}, {n})"
        else:
            raise Crash(f"no Python for {op.name}")
        self._emit(line)
        self._close()

    def _store(self, value: int, name: str) -> None:
        graph, text = self.graph, self.text
        operand = text.alias.get(graph.args[value][1], graph.args[value][1])
        type = graph.type[operand]
        address = text.effective(value)
        if type is Type.V128:
            self._emit(f"store_16s({text.bytes(value)}, {address}, {text.vector(operand)})")
            return
        width, form, stored = self._stored(operand, name)
        if width == 1:
            self._emit(f"{text.bytes(value)}[{address}] = {stored}")
            return
        if not text.is_steady(op_memory(graph.imm[value])):
            self._emit(f"store_{form}({text.bytes(value)}, {address}, {stored})")
            return
        shift = width.bit_length() - 1
        if text.is_aligned(value, width):
            self._emit(f"{text.words(value, form)}[{address} >> {shift}] = {stored}")
            return
        if not address.isidentifier():
            self._emit(f"b = {address}")
            address = "b"
        self._emit(f"if {address} & {width - 1}:")
        self._emit(f" store_{form}({text.bytes(value)}, {address}, {stored})")
        self._emit("else:")
        self._emit(f" {text.words(value, form)}[{address} >> {shift}] = {stored}")

    def _stored(self, operand: int, name: str) -> tuple[int, str, str]:
        """Of a number: width, format, and text."""
        text = self.text
        type = self.graph.type[operand]
        if type is Type.F64:
            return 8, "d", text.canonical(operand)
        if type is Type.F32:
            if text.form[operand]:
                return 4, "f", text.canonical(operand)
            return 4, "I", text.bits(operand)
        width = _STORES.get(name, 4 if type is Type.I32 else 8)
        ones = (1 << 8 * width) - 1
        if name == "store" or text.bound(operand) <= ones:
            stored = text.exact(operand)
        elif text.is_const(operand):
            stored = str(self.graph.imm[operand] & ones)
        else:
            stored = f"{text.loose(operand)} & {ones}"
        return width, FORMS.get(width, ""), stored

    def _own_exit(self, value: int, condition: str, before: tuple[str, ...] = ()) -> None:
        for line in before:
            self._emit(line)
        self._emit(f"if {condition}: {self.function.leave(self.graph.snap[value])}")

    def _fuel(self, value: int) -> None:
        self._flush(())
        self._close()
        self.function.uses_store = True
        self._own_exit(value, "fuel < 0", (f"fuel = s.fuel - {self.graph.imm[value]}",))
        self._emit("s.fuel = fuel")

    def _poll(self, value: int) -> None:
        self.function.uses_store = True
        self._flush(())
        self._close()
        self.items.append(Poll(self.function.leave(self.graph.snap[value])))
        self.function.polls.add(self.number)
        self.polled = True

    def _room(self, value: int) -> None:
        self._own_exit(value, f"room < {self.graph.imm[value] + self.function.cost}")

    def _take_room(self, value: int) -> None:
        self._emit(f"room -= {self.graph.imm[value]}")
        self.roomy = 0

    def _func_of_table(self, value: int) -> None:
        graph = self.graph
        table, expected = graph.imm[value]
        self._flush(graph.args[value])
        name = f"v{value}"
        self.function.tables.add(table)
        self._emit(f"{name} = e{table}[{self.text.exact(graph.args[value][0])}]")
        type = self.function.unit.constant(expected)
        self._emit(f"if {name}.__class__ is not FuncInst or {name}.type is not {type}: raise Check")

    def _func_of_ref(self, value: int) -> None:
        graph = self.graph
        self._flush(graph.args[value])
        name = f"v{value}"
        self._emit(f"{name} = {self.text.reference(graph.args[value][0])}")
        self._emit(f"if {name}.__class__ is not FuncInst: raise Check")

    def _as_non_null(self, value: int) -> None:
        self._flush(self.graph.args[value])
        name = f"v{value}"
        self._emit(f"{name} = {self.text.reference(self.graph.args[value][0])}")
        self._emit(f"if {name} is None: raise Check")

    def _fence(self, value: int) -> None:
        """Threads that run Python see each other's writes in the order of the program."""
        self._flush(())
        self._close()

    def _helper(self, value: int) -> None:
        self._flush(())
        self._close()
        self.function.help(value, self.items)
        self.items.append(Again(self.function.renew))

    def _call(self, value: int) -> None:
        self._flush(())
        self._close()
        callee = self.graph.imm[value]
        cost = self.function.unit.cost_of(callee) if isinstance(callee, Callee) else 0
        self.function.call(value, self.items, poll=not self.polled, room=cost == 0 or cost > self.roomy)
        self.items.append(Again(self.function.renew))
        self.function.polls.add(self.number)
        self.polled = True
        self.roomy = max(self.roomy, cost)


_STATEMENTS: dict[str, Callable[[Straight, int], None]] = {
    "fuel": Straight._fuel,
    "poll": Straight._poll,
    "room": Straight._room,
    "take_room": Straight._take_room,
    "func.of_table": Straight._func_of_table,
    "func.of_table64": Straight._func_of_table,
    "func.of_ref": Straight._func_of_ref,
    "ref.as_non_null": Straight._as_non_null,
    "fence": Straight._fence,
    "helper": Straight._helper,
    "call": Straight._call,
    "call_func": Straight._call,
}
