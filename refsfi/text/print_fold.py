"""Instructions as text in folded form: an operator in front of its operands.

What an instruction takes is folded into it where the instructions before it leave exactly that on the stack. Where
they do not (unreachable code, several results at once, parameters of blocks), it is written without operands, which
means the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from refsfi.syntax.module import Expr, Instr
from refsfi.syntax.opcodes import Op, op
from refsfi.syntax.types import FuncType, StructType
from refsfi.text.annotations import BRANCH_HINT
from refsfi.text.naming import Naming
from refsfi.text.print_instrs import CLOSERS, DIVIDERS, OPENERS, BodyPrinter, indent

__all__ = ["fold_lines"]


class _Node:
    """`(head children…)`, with what stands in front of it; `results` is how many operands it leaves."""

    __slots__ = ("before", "children", "head", "results")

    def __init__(self, head: str, children: list[_Node], results: int = 0, before: tuple[str, ...] = ()) -> None:
        self.head = head
        self.children = children
        self.results = results
        self.before = before


class _Level:
    """An open block: its node, what a branch to it takes, its results, and the instructions of its present part.

    Operands are looked for among `nodes[start:]` only: what stands before has been used, or nobody knows.
    """

    __slots__ = ("arity", "node", "nodes", "part", "start")

    def __init__(self, node: _Node, arity: int, part: _Node) -> None:
        self.node = node
        self.arity = arity
        self.part = part
        self.nodes: list[_Node] = []
        self.start = 0

    def take(self, number: int) -> list[_Node]:
        """Removes the last instructions, if they leave just as many operands; else nothing before here can be an
        operand.
        """
        first = len(self.nodes)
        found = 0
        while found < number and first > self.start:
            first -= 1
            found += self.nodes[first].results
        if found != number:
            self.start = len(self.nodes)
            return []
        taken = self.nodes[first:]
        del self.nodes[first:]
        return taken


def fold_lines(
    printer: BodyPrinter,
    body: Expr,
    results: int,
    depth: int,
    hints: Mapping[int, int],
    offset: Callable[[Instr], str] | None,
) -> list[str]:
    """The instructions of a function body with so many results, without its `end`, indented from `depth` on."""
    root = _Node("", [])
    levels = [_Level(root, results, root)]
    for pc, instr in enumerate(body[:-1]):
        level = levels[-1]
        mnemonic = instr.op.mnemonic
        before = (f'(@{BRANCH_HINT} "\\{hints[pc]:02x}")',) if pc in hints else ()
        where = offset(instr) if offset is not None else ""
        if instr.op in OPENERS:
            type = _block_type(printer.names, instr.args[0])
            operands = level.take(1) if mnemonic == "if" else []
            if type.params:
                level.start = len(level.nodes)
            node = _Node(where + "(" + printer.block(instr), operands, len(type.results), before)
            part = node
            if mnemonic in _PARTS:
                part = _Node(_PARTS[mnemonic], [])
                node.children.append(part)
            levels.append(_Level(node, len(type.params if mnemonic == "loop" else type.results), part))
        elif instr.op in DIVIDERS:
            level.part.children += level.nodes
            level.part = _Node(f"{where}({printer.instr(instr)}", [])
            level.node.children.append(level.part)
            level.nodes, level.start = [], 0
        elif instr.op in CLOSERS:
            printer.labels.pop()
            level.part.children += level.nodes
            if instr.op is _DELEGATE:
                level.node.children.append(_Node(f"{where}({printer.instr(instr)}", []))
            levels.pop()
            levels[-1].nodes.append(level.node)
        else:
            effect = _effect(printer.names, instr, levels)
            operands = level.take(effect[0]) if effect is not None else []
            level.nodes.append(_Node(f"{where}({printer.instr(instr)}", operands, effect[1] if effect else 0, before))
            if effect is None:
                level.start = len(level.nodes)
    root.children += levels[0].nodes
    return _render(root, depth)


_PARTS: Final = {"if": "(then", "try": "(do"}
_DELEGATE: Final = op("delegate")


def _render(root: _Node, depth: int) -> list[str]:
    lines: list[str] = []
    # Nodes still to be written, with their depths; None closes the node that was opened last.
    work: list[tuple[_Node | None, int]] = [(node, depth) for node in reversed(root.children)]
    closing = 0
    while work:
        node, at = work.pop()
        if node is None:
            closing += 1
            continue
        if closing:
            lines[-1] += ")" * closing
            closing = 0
        lines += [indent(at) + text for text in (*node.before, node.head)]
        work.append((None, at))
        work += [(child, at + 1) for child in reversed(node.children)]
    if closing:
        lines[-1] += ")" * closing
    return lines


# --- effects on the stack --------------------------------------------------------------------------------------------

# How many operands an instruction takes and leaves.
_Effect: TypeAlias = tuple[int, int]

# Of rows whose types depend on their immediates although the numbers of operands do not.
_EFFECTS: Final[dict[str, _Effect]] = {
    mnemonic: (int(takes), int(leaves))
    for takes, leaves, *mnemonics in map(
        str.split,
        """
        0 0  nop unreachable
        0 1  local.get global.get table.size ref.null ref.func struct.new_default
        1 0  drop local.set global.set throw_ref
        1 1  local.tee table.get ref.is_null ref.as_non_null ref.test ref.cast ref.i31 i31.get_s i31.get_u
        1 1  struct.get struct.get_s struct.get_u array.len array.new_default any.convert_extern extern.convert_any
        1 1  ref.get_desc struct.new_default_desc
        2 0  table.set struct.set
        2 1  table.grow ref.eq array.new array.new_data array.new_elem array.get array.get_s array.get_u
        2 1  ref.cast_desc_eq
        3 0  table.fill table.copy table.init memory.copy array.set
        3 1  select
        4 0  array.fill array.init_data array.init_elem
        5 0  array.copy
        """.strip().splitlines(),
    )
    for mnemonic in mnemonics
}
# Branches: operands besides those of the label, and what stays when the branch is not taken besides those.
_BRANCHES: Final[dict[str, _Effect]] = {
    "br": (0, 0),
    "br_table": (1, 0),
    "return": (0, 0),
    "br_if": (1, 0),
    "br_on_null": (1, 1),
    "br_on_non_null": (0, -1),
    "br_on_cast": (0, 0),
    "br_on_cast_fail": (0, 0),
    "br_on_cast_desc_eq": (1, 0),
    "br_on_cast_desc_eq_fail": (1, 0),
}
_NEVER_RETURN: Final = frozenset({"br", "br_table", "return"})
# Calls: where the type is, and operands besides the parameters.
_CALLS: Final[dict[str, int]] = {"call": 0, "call_indirect": 1, "call_ref": 1}


def _effect(names: Naming, instr: Instr, levels: list[_Level]) -> _Effect | None:
    """How many operands an instruction takes and leaves; None where that is not known."""
    row = instr.op
    if row.operands is not None and row.results is not None:
        return len(row.operands), len(row.results)
    mnemonic = row.mnemonic
    if (effect := _EFFECTS.get(mnemonic)) is not None:
        return effect
    if (branch := _BRANCHES.get(mnemonic)) is not None:
        label = _label(row, instr, levels)
        if label >= len(levels):
            return None
        arity = levels[-1 - label].arity
        return arity + branch[0], 0 if mnemonic in _NEVER_RETURN else arity + branch[1]
    tail = mnemonic.startswith("return_")
    callee = mnemonic.removeprefix("return_")
    if callee in _CALLS:
        type = names.func_type_of(instr.args[0]) if callee == "call" else names.functype(instr.args[0])
        return None if type is None else (len(type.params) + _CALLS[callee], 0 if tail else len(type.results))
    if mnemonic == "throw":
        type = names.tag_type_of(instr.args[0])
        return None if type is None else (len(type.params), 0)
    if mnemonic == "array.new_fixed":
        return instr.args[1], 1
    if mnemonic in ("struct.new", "struct.new_desc"):
        index = instr.args[0]
        comp = names.subtypes[index].comp if index < len(names.subtypes) else None
        return (len(comp.fields) + (mnemonic == "struct.new_desc"), 1) if isinstance(comp, StructType) else None
    return None


def _label(row: Op, instr: Instr, levels: list[_Level]) -> int:
    if row.mnemonic == "return":
        return len(levels) - 1
    label: int = instr.args[1] if row.mnemonic == "br_table" else instr.args[0]
    return label


def _block_type(names: Naming, type: object) -> FuncType:
    if type is None:
        return FuncType((), ())
    if isinstance(type, int):
        return names.functype(type) or FuncType((), ())
    return FuncType((), (type,))  # type: ignore[arg-type]
