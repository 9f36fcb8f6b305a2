"""Graphs as text, and back.

    region of func 0
    entry call: b0
    entry 3: b1
    snapshot 0 refund 0: func 0 at 5 r0=v4 r1=v5 / func 2 at 1 r0=v9
    v2 = i32.const 7
    b0:
      v0 = i32.home 0
      jump b2(v0, v2)
    b2(v4: i32, v5: i32) loop:
      v6 = i32.load v4 mem 0 align 2 offset 8 !0 @5
      branch v6 b2(v6, v5) b3
    b3:
      return v5

`!0` is the snapshot that an instruction leaves through, `@5` the Wasm instruction that it was made for. Constants
belong to no block and come first. What no block and no snapshot names is not written, so that numbers may be missing;
those that are there stay as they are. Functions and types are written by their index in the program, which the parser
is given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, NoReturn

from jit.helper import Helper
from jit.ir.graph import (
    CALL,
    NO_SNAPSHOT,
    Branch,
    Callee,
    Edge,
    Exit,
    FrameState,
    Graph,
    Jump,
    Return,
    Snapshot,
    Switch,
    TailCall,
    Terminator,
    edges,
    layout,
    operands_of_end,
    snapshot_of_end,
)
from jit.ir.ops import BY_NAME, IrOp
from refsfi.errors import Crash, ParseError
from refsfi.exec.code import FuncCode, Program
from refsfi.runtime.values import func_type
from refsfi.syntax.module import MemArg

__all__ = ["dump", "parse"]


# --- writing ---------------------------------------------------------------------------------------------------------


def dump(graph: Graph) -> str:
    """The text of a graph, each line ended."""
    if graph.code is None:
        raise Crash("a graph of no function")
    return "\n".join(_Dump(graph, graph.code.program).lines()) + "\n"


class _Dump:
    def __init__(self, graph: Graph, program: Program) -> None:
        self.graph = graph
        self.program = program
        self.blocks = layout(graph)

    def lines(self) -> Iterator[str]:
        graph = self.graph
        if graph.code is None:
            raise Crash("a graph of no function")
        yield f"region of func {graph.code.func_index}"
        for pc, start in graph.entries.items():
            yield f"entry {'call' if pc == CALL else pc}: b{start}"
        snapshots, constants = self._named()
        for number in snapshots:
            snapshot = graph.snapshots[number]
            frames = " / ".join(_frame(frame) for frame in snapshot.frames)
            yield f"snapshot {number} refund {snapshot.refund}: {frames}"
        for value in constants:
            yield self._value(value)
        for number in self.blocks:
            block = graph.blocks[number]
            params = ", ".join(f"v{value}: {graph.type[value]}" for value in block.params)
            yield f"b{number}{f'({params})' if params else ''}{' loop' if block.loop else ''}:"
            for value in block.code:
                yield "  " + self._value(value)
            yield "  " + self._end(block.end)

    def _named(self) -> tuple[list[int], list[int]]:
        """The snapshots and the constants that anything names."""
        graph = self.graph
        snapshots: set[int] = set()
        values: set[int] = set()
        for number in self.blocks:
            block = graph.blocks[number]
            for value in block.code:
                values.update(graph.args[value])
                snapshots.add(graph.snap[value])
            values.update(operands_of_end(block.end))
            for edge in edges(block.end):
                values.update(edge.args)
            snapshots.add(snapshot_of_end(block.end))
        snapshots.discard(NO_SNAPSHOT)
        for number in snapshots:
            for frame in graph.snapshots[number].frames:
                values.update(value for _, value in frame.values)
        return sorted(snapshots), sorted(v for v in values if _is_constant(graph.op[v]))

    def _value(self, value: int) -> str:
        graph = self.graph
        op = graph.op[value]
        parts = [op.name]
        if graph.args[value]:
            parts.append(", ".join(f"v{v}" for v in graph.args[value]))
        immediate = self._immediate(op, graph.imm[value])
        if immediate:
            parts.append(immediate)
        if graph.snap[value] != NO_SNAPSHOT:
            parts.append(f"!{graph.snap[value]}")
        if graph.pc[value] != NO_SNAPSHOT:
            parts.append(f"@{graph.pc[value]}")
        return f"v{value} = {' '.join(parts)}"

    def _immediate(self, op: IrOp, imm: Any) -> str:
        if imm is None:
            return ""
        if isinstance(imm, Helper):
            return f"func {imm.code.func_index} at {imm.pc}"
        if isinstance(imm, Callee):
            return f"func {imm.index}"
        if op.name == "call_func":
            return f"type {self._type_index(lambda type: func_type(type) == imm)}"
        if op.name.startswith("func.of_table"):
            table, expected = imm
            return f"table {table} type {self._type_index(lambda type: type is expected)}"
        if op.name in ("f32.const", "f64.const"):
            return f"{imm:#x}"
        return " ".join(_plain(part) for part in (imm if isinstance(imm, tuple) else (imm,)))

    def _type_index(self, wanted: Any) -> int:
        for index, type in enumerate(self.program.info.types):
            try:
                if wanted(type):
                    return index
            except Crash:
                # No function type.
                continue
        raise Crash("a type that is not the module's")

    def _end(self, end: Terminator | None) -> str:
        match end:
            case Jump(edge):
                return f"jump {_edge(edge)}"
            case Branch(condition, then, otherwise):
                return f"branch v{condition} {_edge(then)} {_edge(otherwise)}"
            case Switch(index, targets):
                return f"switch v{index} {' '.join(_edge(edge) for edge in targets)}"
            case Exit(snapshot):
                return f"exit !{snapshot}"
            case Return(values):
                return " ".join(["return", ", ".join(f"v{v}" for v in values)]).rstrip()
            case TailCall(callee, args, snapshot):
                who = "" if callee is None else f"func {callee.index} "
                return f"tail_call {who}({', '.join(f'v{v}' for v in args)}) !{snapshot}"
        raise Crash("a block without an end")


def _is_constant(op: IrOp) -> bool:
    return op.name.endswith(".const") or op.name == "ref.null"


def _frame(frame: FrameState) -> str:
    values = "".join(f" r{register}=v{value}" for register, value in frame.values)
    return f"func {frame.code.func_index} at {frame.pc}{values}"


def _edge(edge: Edge) -> str:
    return f"b{edge.target}({', '.join(f'v{v}' for v in edge.args)})" if edge.args else f"b{edge.target}"


def _plain(part: Any) -> str:
    if isinstance(part, MemArg):
        return f"mem {part.mem} align {part.align} offset {part.offset}"
    return f"x{part.hex()}" if isinstance(part, bytes) else str(part)


# --- reading ---------------------------------------------------------------------------------------------------------


def parse(text: str, program: Program) -> Graph:
    """The graph that a text of `dump` describes, for a program that has its functions and types. ParseError."""
    return _Parser(text, program).graph


_VALUE: Final = re.compile(r"v(\d+) = ([\w.]+)((?: .*)?)$")
_EDGE: Final = re.compile(r"b(\d+)(?:\(([^)]*)\))?")
_MEMARG: Final = re.compile(r"mem (\d+) align (\d+) offset (\d+)")
_FRAME: Final = re.compile(r"func (\d+) at (\d+)((?: r\d+=v\d+)*)$")


class _Parser:
    def __init__(self, text: str, program: Program) -> None:
        self.program = program
        self.graph = Graph()
        self.line = 0
        # Blocks and values may be named before they are described.
        self.values: dict[int, tuple[IrOp, tuple[int, ...], Any, int, int]] = {}
        self.block: int | None = None
        for line in text.splitlines():
            self.line += 1
            stripped = line.split(";", 1)[0].rstrip()
            if stripped:
                self._line(stripped.strip(), indented=stripped.startswith(" "))
        if self.graph.code is None:
            self._fail("there is no line `region of func N`")
        self._number_values()

    def _fail(self, what: str) -> NoReturn:
        raise ParseError(what, max(self.line, 1), 1)

    def _number_values(self) -> None:
        graph = self.graph
        filler = BY_NAME["i32.const"]
        for value in range(max(self.values, default=-1) + 1):
            # A number that is missing is a constant that nobody names.
            op, args, imm, snap, pc = self.values.get(value, (filler, (), 0, NO_SNAPSHOT, NO_SNAPSHOT))
            graph.value(op, args, imm, snap, pc)

    def _line(self, line: str, indented: bool) -> None:
        word = line.split(maxsplit=1)[0]
        if line.startswith("region of func "):
            self.graph.code = self._function(line.removeprefix("region of func "))
        elif word == "entry":
            self._entry(line)
        elif word == "snapshot":
            self._snapshot(line)
        elif not indented and re.match(r"b\d", line):
            self._block_head(line)
        elif re.match(r"v\d+ = ", line):
            value = self._value(line)
            if indented:
                self._current().append(value)
        elif indented:
            self._end(line)
        else:
            self._fail(f"`{word}` begins no line of a graph")

    def _number(self, text: str) -> int:
        if not re.fullmatch(r"-?\d+", text.strip()):
            self._fail(f"`{text.strip()}` is no number")
        return int(text)

    def _function(self, text: str) -> FuncCode:
        index = self._number(text) - self.program.imported_funcs
        if not 0 <= index < len(self.program.funcs):
            self._fail(f"the module defines no function {text.strip()}")
        return self.program.funcs[index]

    def _type(self, text: str) -> Any:
        index = self._number(text)
        if not 0 <= index < len(self.program.info.types):
            self._fail(f"the module has no type {index}")
        return self.program.info.types[index]

    def _names(self, text: str) -> tuple[int, ...]:
        """`v1, v2`."""
        found: list[int] = []
        for name in text.split(",") if text.strip() else ():
            if not re.fullmatch(r"v\d+", name.strip()):
                self._fail(f"`{name.strip()}` is no value")
            found.append(int(name.strip()[1:]))
        return tuple(found)

    def _entry(self, line: str) -> None:
        match = re.fullmatch(r"entry (call|\d+): b(\d+)", line)
        if match is None:
            self._fail("an entry is `entry PC: bN` or `entry call: bN`")
        self.graph.entries[CALL if match[1] == "call" else int(match[1])] = int(match[2])

    def _snapshot(self, line: str) -> None:
        match = re.fullmatch(r"snapshot (\d+) refund (\d+): (.*)", line)
        if match is None:
            self._fail("a snapshot is `snapshot N refund N: FRAME / FRAME …`")
        frames: list[FrameState] = []
        for text in match[3].split(" / "):
            frame = _FRAME.fullmatch(text.strip())
            if frame is None:
                self._fail("a frame is `func N at PC rN=vN …`")
            pairs = [pair.split("=v") for pair in frame[3].split()]
            values = tuple((int(register[1:]), int(value)) for register, value in pairs)
            frames.append(FrameState(self._function(frame[1]), int(frame[2]), values))
        snapshots = self.graph.snapshots
        number = int(match[1])
        while len(snapshots) <= number:
            snapshots.append(Snapshot((), 0))
        snapshots[number] = Snapshot(tuple(frames), int(match[2]))

    def _reach(self, number: int) -> None:
        while len(self.graph.blocks) <= number:
            self.graph.new_block()

    def _block_head(self, line: str) -> None:
        match = re.fullmatch(r"b(\d+)(?:\(([^)]*)\))?( loop)?:", line)
        if match is None:
            self._fail("a block begins with `bN(vN: TYPE, …) loop:`")
        number = self.block = int(match[1])
        self._reach(number)
        block = self.graph.blocks[number]
        if block.end is not None or block.code:
            self._fail(f"b{number} is there twice")
        block.loop = match[3] is not None
        for param in match[2].split(",") if match[2] else ():
            name, _, type = param.strip().partition(": ")
            op = BY_NAME.get(f"{type}.param")
            if op is None:
                self._fail(f"`{type}` is no type")
            (value,) = self._names(name)
            self.values[value] = (op, (), None, NO_SNAPSHOT, NO_SNAPSHOT)
            block.params.append(value)

    def _current(self) -> list[int]:
        if self.block is None:
            self._fail("this belongs into a block")
        return self.graph.blocks[self.block].code

    def _value(self, line: str) -> int:
        match = _VALUE.fullmatch(line)
        if match is None:
            self._fail("an instruction is `vN = NAME vN, … IMMEDIATE !SNAPSHOT @PC`")
        value, rest = int(match[1]), match[3]
        op = BY_NAME.get(match[2])
        if op is None:
            self._fail(f"there is no instruction `{match[2]}`")
        if value in self.values:
            self._fail(f"v{value} is there twice")
        marks = {"@": NO_SNAPSHOT, "!": NO_SNAPSHOT}
        for mark in marks:
            found = re.search(rf" {mark}(\d+)$", rest)
            if found is not None:
                marks[mark] = int(found[1])
                rest = rest[: found.start()]
        operands = re.match(r" v\d+(?:, v\d+)*(?= |$)", rest)
        args = self._names(operands[0]) if operands is not None else ()
        imm = self._immediate(op, rest[operands.end() if operands is not None else 0 :].strip())
        self.values[value] = (op, args, imm, marks["!"], marks["@"])
        return value

    def _immediate(self, op: IrOp, text: str) -> Any:
        if not text:
            return None
        if op.name == "call":
            return Callee(self._number(text.removeprefix("func ")))
        if op.name == "helper":
            return self._helper(text)
        if op.name == "call_func":
            return func_type(self._type(text.removeprefix("type ")))
        if op.name.startswith("func.of_table"):
            match = re.fullmatch(r"table (\d+) type (\d+)", text)
            if match is None:
                self._fail("the immediates are `table N type N`")
            return int(match[1]), self._type(match[2])
        if op.name in ("f32.const", "f64.const"):
            if not re.fullmatch(r"0x[0-9a-f]+", text):
                self._fail("a float is written as the hexadecimal number of its bits")
            return int(text, 16)
        argument = _MEMARG.match(text)
        if argument is not None:
            arg = MemArg(int(argument[1]), int(argument[2]), int(argument[3]))
            lane = text[argument.end() :].strip()
            return (arg, self._number(lane)) if lane else arg
        parts = tuple(self._part(part) for part in text.split())
        several = op.wasm is not None and op.name != "ref.func" and not op.name.endswith(".const")
        return parts if several or op.name.startswith("memory.") else parts[0]

    def _helper(self, text: str) -> Helper:
        match = re.fullmatch(r"func (\d+) at (\d+)", text)
        if match is None:
            self._fail("the immediate is `func N at PC`")
        helper = Helper(self._function(match[1]), int(match[2]))
        if helper.pc >= len(self.program.module.funcs[helper.code.index].body):
            self._fail(f"function {match[1]} has no instruction {match[2]}")
        return helper

    def _part(self, text: str) -> int | bytes:
        if re.fullmatch(r"x(?:[0-9a-f]{2})*", text):
            return bytes.fromhex(text[1:])
        return self._number(text)

    def _edge(self, match: re.Match[str]) -> Edge:
        self._reach(int(match[1]))
        return Edge(int(match[1]), list(self._names(match[2] or "")))

    def _end(self, line: str) -> None:
        self._current()
        if self.block is None:
            self._fail("this belongs into a block")
        block = self.graph.blocks[self.block]
        if block.end is not None:
            self._fail(f"b{self.block} has two ends")
        block.end = self._terminator(line)

    def _terminator(self, line: str) -> Terminator:
        word, _, rest = line.partition(" ")
        targets = [self._edge(match) for match in _EDGE.finditer(rest)]
        operand = re.match(r"v\d+", rest)
        (value,) = self._names(operand[0]) if operand is not None else (-1,)
        snapshot = re.search(r"!(\d+)$", rest)
        if word == "jump" and len(targets) == 1:
            return Jump(targets[0])
        if word == "branch" and len(targets) == 2 and value >= 0:
            return Branch(value, *targets)
        if word == "switch" and targets and value >= 0:
            return Switch(value, targets)
        if word == "return":
            return Return(self._names(rest))
        if word == "exit" and snapshot is not None:
            return Exit(int(snapshot[1]))
        call = re.fullmatch(r"(?:func (\d+) )?\((.*)\) !(\d+)", rest)
        if word == "tail_call" and call is not None:
            callee = None if call[1] is None else Callee(int(call[1]))
            return TailCall(callee, self._names(call[2]), int(call[3]))
        self._fail(f"`{word}` with `{rest}` ends no block")
