"""Functions of generated modules, instruction by instruction with the types of the operand stack at hand: so operands
stay on the stack across blocks, loops and calls, as they do not in expression trees.

Loops count down in a local of their own, and functions and loops draw on the global `budget`, so that all ends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tools.fuzzing.generate_table import (
    ACCESSES,
    ADDRESS_MASKS,
    EDGES,
    FLOATS,
    NUMBERS,
    PLAIN_ACCESSES,
    ROWS,
    Row,
)

__all__ = ["Memory", "Shape", "Signature", "Writer"]


@dataclass(frozen=True, slots=True)
class Signature:
    """Of an exported function."""

    name: str
    params: tuple[str, ...]
    results: tuple[str, ...]

    @property
    def text(self) -> str:
        params = f"(param {' '.join(self.params)})" if self.params else ""
        results = f"(result {' '.join(self.results)})" if self.results else ""
        return f"{params} {results}"


@dataclass(slots=True)
class Memory:
    name: str
    address: str
    pages: int


@dataclass(slots=True)
class Label:
    """A frame of control. `types` is what a branch to it carries; `base` the operand height at which it begins;
    `counter` the local that a loop counts down."""

    types: tuple[str, ...]
    base: int
    counter: str | None = None


@dataclass(slots=True)
class Shape:
    """What a module is like, for all of its functions."""

    random: Random
    signatures: list[Signature]
    memories: list[Memory]
    globals: list[tuple[str, str]]
    types: tuple[str, ...]
    # How much of it is control flow, memory traffic, calls.
    control: float
    traffic: float
    calls: float
    # How many operands a function computes, about; it is drawn for each.
    lengths: tuple[int, ...]


# What modules import.
_HOST = (
    Signature("$print", ("i32", "i64"), ()),
    Signature("$twist", ("i32",), ("i32",)),
    Signature("$again", ("i32",), ("i64",)),
)


class Writer:
    """Writes one function."""

    def __init__(self, shape: Shape, index: int) -> None:
        self.shape = shape
        self.random = shape.random
        self.index = index
        self.signature = shape.signatures[index]
        r = self.random
        own = [r.choice(shape.types) for _ in range(r.choice((0, 2, 4, 8, 20)))]
        self.locals = [*self.signature.params, *own]
        self.counters = 0
        self.out: list[str] = []
        self.stack: list[str] = []
        # Operands below this height are already meant for something.
        self.floor = 0
        self.labels: list[Label] = [Label(self.signature.results, 0)]
        self.budget = r.choice(shape.lengths)

    # --- operands --------------------------------------------------------------------------------------------------

    def emit(self, text: str, operands: int = 0, *results: str) -> None:
        if operands:
            del self.stack[len(self.stack) - operands :]
        self.out.append(text)
        self.stack += results

    def constant(self, type: str) -> None:
        r = self.random
        if type == "v128":
            text = f"v128.const i64x2 {r.choice(EDGES['i64'])} {r.getrandbits(64)}"
        elif type in ("f32", "f64"):
            text = f"{type}.const {r.choice(FLOATS)}"
        elif type == "funcref":
            text = f"ref.func $f{r.randrange(len(self.shape.signatures))}" if r.random() < 0.7 else "ref.null func"
        elif type == "externref":
            text = "ref.null extern"
        elif r.random() < 0.5:
            text = f"{type}.const {r.choice(EDGES[type])}"
        else:
            text = f"{type}.const {r.getrandbits(r.choice((3, 8, 16, 32)))}"
        self.emit(text, 0, type)

    def push(self, type: str, depth: int = 2) -> None:
        """Something of this type, without touching what is on the stack."""
        floor, self.floor = self.floor, len(self.stack)
        self.compute(type, depth)
        self.floor = floor

    def compute(self, type: str, depth: int) -> None:
        r = self.random
        self.budget -= 1
        pick = r.random()
        places = [i for i, t in enumerate(self.locals) if t == type]
        if places and (pick < 0.45 or (depth <= 0 and pick < 0.8)):
            self.emit(f"local.get {r.choice(places)}", 0, type)
        elif depth <= 0 or pick < 0.55 or self.budget < 0:
            self.constant(type)
        elif pick < 0.6 and any(t == type for _, t in self.shape.globals):
            name = r.choice([n for n, t in self.shape.globals if t == type])
            self.emit(f"global.get {name}", 0, type)
        elif pick < 0.6 + self.shape.traffic and self.shape.memories and type in (*NUMBERS, "v128"):
            self.access([a for a in ACCESSES if a.results == (type,)], depth)
        elif type in ROWS:
            row = r.choice(ROWS[type])
            if row.may_trap and r.random() < 0.8:
                row = r.choice(ROWS[type])
            self.want(row.operands, depth - 1)
            self.emit(self.with_lanes(row), len(row.operands), *row.results)
        else:
            self.constant(type)

    def with_lanes(self, row: Row) -> str:
        r = self.random
        if row.kind == "lane":
            return f"{row.mnemonic} {r.randrange(row.size)}"
        if row.kind == "lanes":
            return f"{row.mnemonic} {' '.join(str(r.randrange(32)) for _ in range(16))}"
        return row.mnemonic

    def want(self, types: tuple[str, ...], depth: int = 2) -> None:
        """Have operands of these types on top of the stack: those that are there, or new ones."""
        have = len(types)
        reach = len(self.stack) - max(self.labels[-1].base, self.floor)
        while have and (have > reach or tuple(self.stack[len(self.stack) - have :]) != types[:have]):
            have -= 1
        if have and self.random.random() < 0.4:
            have = 0
        for type in types[have:]:
            self.push(type, depth)

    def fit(self, types: tuple[str, ...]) -> None:
        """Have exactly these types on the stack of the innermost frame."""
        base = self.labels[-1].base
        while len(self.stack) > base and tuple(self.stack[base:]) != types[: len(self.stack) - base]:
            self.emit("drop", 1)
        for type in types[len(self.stack) - base :]:
            self.push(type, 1)

    # --- memory ----------------------------------------------------------------------------------------------------

    def address(self, memory: Memory, depth: int) -> None:
        """An address, mostly within the memory."""
        r = self.random
        type = memory.address
        pick = r.random()
        if pick < 0.03:
            self.push(type, depth)
        elif pick < 0.07:
            near = memory.pages * 65536 - r.choice((4, 8, 8, 16, 16, 17, 24, r.randrange(24)))
            self.emit(f"{type}.const {max(near, 0)}", 0, type)
        elif pick < 0.2:
            # What compilers fold into addresses.
            self.want((type,), depth)
            self.emit(f"{type}.const {r.choice((1, 2, 3, 33))}", 0, type)
            self.emit(f"{type}.shl", 2, type)
            if r.random() < 0.7:
                self.emit(f"{type}.const 0xfff8", 0, type)
                self.emit(f"{type}.and", 2, type)
        else:
            self.want((type,), depth)
            self.emit(f"{type}.const {r.choice(ADDRESS_MASKS)}", 0, type)
            self.emit(f"{type}.and", 2, type)

    def offset(self) -> str:
        r = self.random
        offset = r.choice((0, 0, 0, 0, 1, 4, 8, 100, 60000, 65528, 65535, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x10000))
        if offset > 8 and r.random() < 0.9:
            offset = 4
        return f" offset={offset}" if offset else ""

    def access(self, among: list[Row], depth: int) -> None:
        r = self.random
        row = r.choice(among)
        if row.atomic and r.random() < 0.6:
            row = r.choice(among)
        memory = r.choice(self.shape.memories)
        self.address(memory, depth - 1)
        offset = self.offset()
        if row.atomic and r.random() < 0.9:
            self.emit(f"{memory.address}.const {r.choice((-8, 0xFFF8))}", 0, memory.address)
            self.emit(f"{memory.address}.and", 2, memory.address)
            offset = r.choice(("", " offset=8", " offset=65528"))
        for type in row.operands[1:]:
            self.push(type, depth - 1)
        lane = f" {r.randrange(16 // row.size)}" if row.kind == "lane" else ""
        self.emit(f"{row.mnemonic} {memory.name}{offset}{lane}", len(row.operands), *row.results)

    def bulk(self) -> None:
        r = self.random
        memory = r.choice(self.shape.memories)
        type = memory.address
        pick = r.random()
        if pick < 0.2:
            self.emit(f"memory.size {memory.name}", 0, type)
        elif pick < 0.35:
            self.emit(f"{type}.const {r.choice((0, 1, 1, 70000))}", 0, type)
            self.emit(f"memory.grow {memory.name}", 1, type)
        elif pick < 0.6:
            self.address(memory, 1)
            self.push("i32", 1)
            self.emit(f"{type}.const {r.choice((0, 1, 8, 100))}", 0, type)
            self.emit(f"memory.fill {memory.name}", 3)
        elif pick < 0.85:
            source = r.choice(self.shape.memories)
            self.address(memory, 1)
            self.floor = len(self.stack)
            self.address(source, 1)
            self.floor = 0
            length = "i32" if "i32" in (type, source.address) else "i64"
            self.emit(f"{length}.const {r.choice((0, 1, 9, 100))}", 0, length)
            self.emit(f"memory.copy {memory.name} {source.name}", 3)
        else:
            self.address(memory, 1)
            self.emit(f"i32.const {r.choice((0, 3, 30))}", 0, "i32")
            self.emit(f"i32.const {r.choice((0, 5, 16))}", 0, "i32")
            self.emit(f"memory.init {memory.name} $passive", 3)

    # --- calls -----------------------------------------------------------------------------------------------------

    def call(self, *, tail: bool = False) -> None:
        r = self.random
        if not tail and r.random() < 0.2:
            host = r.choice(_HOST)
            self.want(host.params, 1)
            self.emit(f"call {host.name}", len(host.params), *host.results)
            return
        callees = list(enumerate(self.shape.signatures))
        if tail:
            callees = [(i, s) for i, s in callees if s.results == self.signature.results]
        index, callee = r.choice(callees)
        self.want(callee.params, 1)
        prefix = "return_" if tail else ""
        kind = r.random()
        results = () if tail else callee.results
        count = len(callee.params)
        if kind < 0.5:
            self.emit(f"{prefix}call $f{index}", count, *results)
        elif kind < 0.85:
            slot = index if r.random() < 0.9 else r.choice((*range(len(callees)), 15, 16, 0xFFFFFFFF))
            self.emit(f"i32.const {slot}", 0, "i32")
            if r.random() < 0.3:
                self.push("i32", 0)
                self.emit("i32.const 1", 0, "i32")
                self.emit("i32.and", 2, "i32")
                self.emit("i32.xor", 2, "i32")
            self.emit(f"{prefix}call_indirect $table (type $t{index})", count + 1, *results)
        else:
            self.emit(f"ref.func $f{index}", 0, "funcref")
            self.emit(f"{prefix}call_ref $t{index}", count + 1, *results)

    # --- control ---------------------------------------------------------------------------------------------------

    def some_types(self, most: int) -> tuple[str, ...]:
        return tuple(self.random.choice(self.shape.types) for _ in range(self.random.choice(range(most + 1))))

    def begin(self, keyword: str, counter: str | None = None) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Open a block. Its parameters are operands that are there, or new ones."""
        r = self.random
        base = self.labels[-1].base
        count = r.randrange(min(3, len(self.stack) - base) + 1) if r.random() < 0.5 else 0
        condition = keyword == "if"
        if condition:
            # The condition lies above the parameters.
            self.want(("i32",), 2)
            count = min(count, len(self.stack) - base - 1)
        reach = len(self.stack) - condition
        params = tuple(self.stack[reach - count : reach])
        results = self.some_types(2)
        if condition:
            self.stack.pop()
        head = f"{keyword} {Signature('', params, results).text}"
        self.out.append(head)
        del self.stack[len(self.stack) - count :]
        self.labels.append(Label(params if keyword == "loop" else results, len(self.stack), counter))
        self.stack += params
        return params, results

    def finish(self, results: tuple[str, ...]) -> None:
        """Close the innermost block."""
        label = self.labels.pop()
        self.out.append("end")
        del self.stack[label.base :]
        self.stack += results

    def block(self, depth: int) -> None:
        _, results = self.begin("block")
        self.statements(depth - 1)
        self.fit(results)
        self.finish(results)

    def conditional(self, depth: int) -> None:
        params, results = self.begin("if")
        self.statements(depth - 1)
        if results != params or self.random.random() < 0.7:
            self.fit(results)
            self.out.append("else")
            del self.stack[self.labels[-1].base :]
            self.stack += params
            self.statements(depth - 1)
        self.fit(results)
        self.finish(results)

    def loop(self, depth: int) -> None:
        r = self.random
        counter = f"$c{self.counters}"
        self.counters += 1
        self.emit(f"i32.const {r.choice((1, 2, 3, 5, 9, 20, 40))}", 0, "i32")
        self.emit(f"local.set {counter}", 1)
        _, results = self.begin("loop", counter)
        self.statements(depth - 1)
        if r.random() < 0.85:
            self.again(len(self.labels) - 1, conditional=True)
            self.statements(0)
        self.fit(results)
        self.finish(results)

    def count_down(self, label: Label) -> None:
        """Push whether a loop may go on."""
        self.emit(f"local.get {label.counter}", 0, "i32")
        self.emit("i32.const 1", 0, "i32")
        self.emit("i32.sub", 2, "i32")
        self.emit(f"local.tee {label.counter}", 1, "i32")
        self.emit("i32.const 0", 0, "i32")
        self.emit("i32.gt_s", 2, "i32")
        self.emit("global.get $budget", 0, "i32")
        self.emit("i32.const 0", 0, "i32")
        self.emit("i32.gt_s", 2, "i32")
        self.emit("i32.and", 2, "i32")
        self.spend()

    def spend(self) -> None:
        self.out.append("(global.set $budget (i32.sub (global.get $budget) (i32.const 1)))")

    def again(self, number: int, *, conditional: bool) -> None:
        """A branch back to a loop."""
        label = self.labels[number]
        distance = len(self.labels) - 1 - number
        if conditional:
            self.want(label.types, 1)
            self.count_down(label)
            self.emit(f"br_if {distance}", 1)
            return
        self.count_down(label)
        self.out.append("if")
        self.stack.pop()
        self.labels.append(Label((), len(self.stack)))
        for type in label.types:
            self.push(type, 1)
        # Operands between the label's and those that are carried are dropped by the branch.
        self.out.append(f"br {distance + 1}")
        self.finish(())

    def branch(self) -> None:
        r = self.random
        number = r.randrange(len(self.labels))
        label = self.labels[number]
        distance = len(self.labels) - 1 - number
        if label.counter is not None:
            self.again(number, conditional=r.random() < 0.5)
            return
        pick = r.random()
        if pick < 0.6:
            self.want(label.types, 1)
            self.push("i32", 2)
            self.emit(f"br_if {distance}", 1)
        elif pick < 0.8:
            self.push("i32", 1)
            self.out.append("if")
            self.stack.pop()
            self.labels.append(Label((), len(self.stack)))
            for type in label.types:
                self.push(type, 1)
            self.out.append(f"br {distance + 1}")
            self.finish(())
        else:
            self.table(label)

    def table(self, label: Label) -> None:
        """A `br_table` over all labels that carry the same, sometimes a large one; with loops among its targets it is
        only reached while they may go on."""
        r = self.random
        same = [n for n, other in enumerate(self.labels) if other.types == label.types]
        loops = [self.labels[n] for n in same if self.labels[n].counter is not None]
        opened = len(loops)
        for loop in loops:
            self.count_down(loop)
            self.out.append("if")
            self.stack.pop()
            self.labels.append(Label((), len(self.stack)))
        self.out.append("block")
        self.labels.append(Label((), len(self.stack)))
        self.out.append("block")
        self.labels.append(Label((), len(self.stack)))
        top = len(self.labels) - 1
        choices = [top - n for n in same] + ([0, 1] if not label.types else [])
        count = r.choice((1, 2, 3, 8, 60))
        for type in label.types:
            self.push(type, 1)
        self.push("i32", 1)
        if r.random() < 0.8:
            self.emit(f"i32.const {r.choice((1, 3, 7, 63))}", 0, "i32")
            self.emit("i32.and", 2, "i32")
        self.out.append(f"br_table {' '.join(str(r.choice(choices)) for _ in range(count))} {r.choice(choices)}")
        self.finish(())
        self.statements(0)
        self.fit(())
        self.finish(())
        for _ in range(opened):
            self.fit(())
            self.finish(())

    # --- statements ------------------------------------------------------------------------------------------------

    def statement(self, depth: int) -> None:
        r = self.random
        shape = self.shape
        self.budget -= 1
        if self.budget < 0:
            depth = 0
        pick = r.random()
        if depth > 0 and pick < shape.control:
            r.choice((self.block, self.conditional, self.conditional, self.loop, self.loop))(depth)
            return
        pick = r.random()
        if pick < shape.control * 0.4:
            self.branch()
        elif pick < shape.control * 0.4 + shape.calls:
            if r.random() < 0.06:
                self.guarded(lambda: self.call(tail=True))
            else:
                self.call()
        elif pick < 0.3 + shape.traffic and shape.memories:
            if r.random() < 0.15:
                self.bulk()
            else:
                self.access([a for a in ACCESSES if not a.results] if r.random() < 0.7 else PLAIN_ACCESSES, 2)
        elif pick < 0.8 and self.locals:
            place = r.randrange(len(self.locals))
            self.want((self.locals[place],), 3)
            if r.random() < 0.3:
                self.emit(f"local.tee {place}", 1, self.locals[place])
            else:
                self.emit(f"local.set {place}", 1)
        elif pick < 0.86 and shape.globals:
            name, type = r.choice(shape.globals)
            self.want((type,), 2)
            self.emit(f"global.set {name}", 1)
        elif pick < 0.9:
            type = r.choice(shape.types)
            self.want((type, type, "i32"), 2)
            typed = f" (result {type})" if type.endswith("ref") else ""
            self.emit(f"select{typed}", 3, type)
        elif pick < 0.93:
            self.references()
        elif pick < 0.935:
            self.guarded(lambda: self.out.append("unreachable"))
        elif pick < 0.95:
            self.guarded(self.leave)
        else:
            # For later: operands pile up.
            for _ in range(r.choice((1, 2, 6, 16))):
                self.push(r.choice(shape.types), 1)

    def guarded(self, act: Callable[[], object]) -> None:
        """Something that ends a block, behind a condition that rarely holds."""
        self.push("i32", 1)
        self.emit("i32.const 13", 0, "i32")
        self.emit("i32.eq", 2, "i32")
        self.out.append("if")
        self.stack.pop()
        self.labels.append(Label((), len(self.stack)))
        act()
        self.out.append("unreachable")
        self.finish(())

    def leave(self) -> None:
        for type in self.signature.results:
            self.push(type, 1)
        self.out.append("return")

    def references(self) -> None:
        r = self.random
        pick = r.random()
        if pick < 0.25:
            self.want(("funcref",), 1)
            self.emit("ref.is_null", 1, "i32")
        elif pick < 0.45:
            self.emit(f"i32.const {r.choice((0, 1, 2, 15, 16))}", 0, "i32")
            self.emit("table.get $table", 1, "funcref")
        elif pick < 0.65:
            self.emit(f"i32.const {r.choice((2, 3, 5, 15, 16))}", 0, "i32")
            self.push("funcref", 1)
            self.emit("table.set $table", 2)
        elif pick < 0.75:
            self.emit("table.size $table", 0, "i32")
        elif pick < 0.9:
            # What fails gives -1, which is no address.
            self.emit("ref.null func", 0, "funcref")
            self.emit(f"i32.const {r.choice((0, 1, 1000))}", 0, "i32")
            self.emit("table.grow $table", 2, "i32")
        else:
            self.emit("i32.const 8", 0, "i32")
            self.push("funcref", 1)
            self.emit("i32.const 2", 0, "i32")
            self.emit("table.fill $table", 3)

    def statements(self, depth: int) -> None:
        r = self.random
        for _ in range(r.randrange(1, 5) if depth > 0 else r.randrange(2)):
            self.statement(depth)

    def function(self) -> str:
        r = self.random
        self.out.append("(if (i32.le_s (global.get $budget) (i32.const 0)) (then unreachable))")
        self.spend()
        depth = r.choice((2, 3, 4, 5))
        if r.random() < 0.6:
            self.loop(depth)
        self.statements(depth)
        self.fit(self.signature.results)
        declared = self.locals[len(self.signature.params) :]
        locals = f"(local {' '.join(declared)})" if declared else ""
        counters = " ".join(f"(local $c{i} i32)" for i in range(self.counters))
        head = f'(func $f{self.index} (export "f{self.index}") (type $t{self.index}) {self.signature.text}'
        return f"{head}\n{locals} {counters}\n" + "\n".join(self.out) + ")"
