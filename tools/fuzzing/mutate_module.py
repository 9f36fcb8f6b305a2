"""Mutations of decoded modules: what they make is always well-formed, and often valid.

Mutated bytes and characters mostly fail in the decoder or the parser. These reach validation, and through it execution.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

from refsfi.syntax.module import Active, Func, Instr, MemArg, Module
from refsfi.syntax.opcodes import OPS, Imm, Op
from refsfi.syntax.types import (
    F32,
    F64,
    I32,
    I64,
    SHORTHANDS,
    V128,
    AbsHeap,
    GlobalType,
    Limits,
    MemType,
    RefType,
    TableType,
    TypeUse,
    ValType,
)

__all__ = ["mutate_module"]

_SAME_SHAPE: dict[tuple[object, ...], list[Op]] = {}
_SAME_IMMEDIATES: dict[tuple[Imm, ...], list[Op]] = {}
for _row in OPS:
    _SAME_IMMEDIATES.setdefault(_row.imms, []).append(_row)
    _SAME_SHAPE.setdefault((_row.imms, _row.operands, _row.results, _row.width), []).append(_row)
_PLAIN = _SAME_IMMEDIATES[()]
# These keep a body's nesting; who takes one away or adds one breaks the body's form, not its validity.
_STRUCTURE = frozenset("block loop if else end try_table try catch catch_all delegate".split())

_INTS = (0, 1, 2, 3, 4, 7, 8, 255, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1)
_TYPES: tuple[ValType, ...] = (I32, I64, F32, F64, V128, *SHORTHANDS.values())


def mutate_module(module: Module, random: Random) -> None:
    """Change the module in place, one to four times."""
    for _ in range(random.choices((1, 2, 3, 4), (8, 4, 2, 1))[0]):
        if module.funcs and random.random() < 0.85:
            func = random.choice(module.funcs)
            random.choice(_IN_BODY)(module, func, random)
        else:
            random.choice(_OUTSIDE)(module, random)


# --- in a body -------------------------------------------------------------------------------------------------------


def _place(func: Func, random: Random, structure: bool = False) -> int | None:
    """The pc of an instruction, of one that gives the body its structure only if asked for."""
    places = [pc for pc, i in enumerate(func.body[:-1]) if structure or i.op.mnemonic not in _STRUCTURE]
    return random.choice(places) if places else None


def _same_shape(module: Module, func: Func, random: Random) -> None:
    """Another instruction of the same type."""
    pc = _place(func, random)
    if pc is not None:
        old = func.body[pc]
        row = old.op
        func.body[pc] = Instr(random.choice(_SAME_SHAPE[row.imms, row.operands, row.results, row.width]), old.args)


def _same_immediates(module: Module, func: Func, random: Random) -> None:
    """Another instruction with immediates of the same kinds."""
    pc = _place(func, random)
    if pc is not None:
        old = func.body[pc]
        choices = [row for row in _SAME_IMMEDIATES[old.op.imms] if row.mnemonic not in _STRUCTURE]
        func.body[pc] = Instr(random.choice(choices), old.args)


def _leave_out(module: Module, func: Func, random: Random) -> None:
    pc = _place(func, random)
    if pc is not None:
        del func.body[pc]


def _double(module: Module, func: Func, random: Random) -> None:
    pc = _place(func, random)
    if pc is not None:
        func.body.insert(random.randrange(len(func.body)), func.body[pc])


def _exchange(module: Module, func: Func, random: Random) -> None:
    a, b = _place(func, random), _place(func, random)
    if a is not None and b is not None:
        func.body[a], func.body[b] = func.body[b], func.body[a]


def _insert_plain(module: Module, func: Func, random: Random) -> None:
    choices = [row for row in _PLAIN if row.mnemonic not in _STRUCTURE]
    func.body.insert(random.randrange(len(func.body)), Instr(random.choice(choices)))


def _wrap(module: Module, func: Func, random: Random) -> None:
    """A block around a stretch of code that is balanced in itself."""
    start = random.randrange(len(func.body))
    depth, end = 0, start
    stop = random.randrange(start, len(func.body))
    while end < stop:
        mnemonic = func.body[end].op.mnemonic
        depth += (mnemonic in ("block", "loop", "if", "try_table", "try")) - (mnemonic in ("end", "delegate"))
        if depth < 0 or (depth == 0 and mnemonic in ("else", "catch", "catch_all")):
            break
        end += 1
    if depth != 0:
        return
    kind = random.choice([row for row in OPS if row.mnemonic in ("block", "loop")])
    close = next(row for row in OPS if row.mnemonic == "end")
    func.body[start:end] = [Instr(kind, (_block_type(module, random),)), *func.body[start:end], Instr(close)]


def _immediate(module: Module, func: Func, random: Random) -> None:
    """Another value for one immediate."""
    pc = _place(func, random, structure=True)
    if pc is None or not func.body[pc].op.imms:
        return
    old = func.body[pc]
    which = random.randrange(len(old.op.imms))
    args = list(old.args)
    if which < len(args):
        args[which] = _value(module, old.op, old.op.imms[which], args[which], random)
        func.body[pc] = Instr(old.op, tuple(args))


def _value(module: Module, row: Op, kind: Imm, old: Any, random: Random) -> Any:
    match kind:
        case Imm.MEMARG:
            align = random.choice((0, 1, 2, 3, 4, old.align))
            offset = random.choice((*_INTS, old.offset, 65536 - row.width, 65537 - row.width))
            return MemArg(random.choice((0, 0, 0, 1, old.mem)), align, offset)
        case Imm.LANE:
            return random.randrange(256) if random.random() < 0.2 else random.randrange(16)
        case Imm.LANES | Imm.V128:
            return random.randbytes(16)
        case Imm.I32 | Imm.F32:
            return random.choice((*_INTS, random.getrandbits(32)))
        case Imm.I64 | Imm.F64:
            return random.choice((*_INTS, 2**63, 2**64 - 1, random.getrandbits(64)))
        case Imm.BLOCK:
            return _block_type(module, random)
        case Imm.HEAP:
            return _heap(random)
        case Imm.CAST | Imm.CASTS:
            return RefType(random.random() < 0.5, _heap(random))
        case Imm.SELECT:
            return random.choice((None, (random.choice(_TYPES),)))
        case Imm.LABELS:
            return tuple(random.randrange(4) for _ in range(random.randrange(5)))
        case Imm.CATCHES | Imm.ZERO:
            return old
        case Imm.COUNT:
            return random.choice((0, 1, 2, 10, 10_000, 2**32 - 1))
    # An index.
    return random.choice((0, 1, 2, 3, min(old + 1, 2**32 - 1), max(0, old - 1), 2**32 - 1))


def _block_type(module: Module, random: Random) -> Any:
    types = sum(len(rec.members) for rec in module.types)
    return random.choice((None, random.choice(_TYPES), random.randrange(types + 1) if types else None))


def _heap(random: Random) -> Any:
    heaps = [heap for heap in AbsHeap if heap is not AbsHeap.BOT]
    return random.choice((random.choice(heaps), TypeUse(random.randrange(6), random.random() < 0.1)))


def _local(module: Module, func: Func, random: Random) -> None:
    entry = (random.choice((1, 1, 2, 50_000)), random.choice(_TYPES))
    func.locals.insert(random.randrange(len(func.locals) + 1), entry)


def _func_type(module: Module, func: Func, random: Random) -> None:
    func.type = random.randrange(sum(len(rec.members) for rec in module.types) + 1)


_InBody = Callable[[Module, Func, Random], None]
_IN_BODY: Sequence[_InBody] = (
    _same_shape,
    _same_shape,
    _same_shape,
    _same_immediates,
    _same_immediates,
    _leave_out,
    _double,
    _exchange,
    _insert_plain,
    _wrap,
    _immediate,
    _immediate,
    _immediate,
    _local,
    _func_type,
)

# --- outside of bodies -----------------------------------------------------------------------------------------------


def _limits(module: Module, random: Random) -> None:
    low = random.choice((0, 1, 2, 3, 17, 65536, 65537, 2**32 - 1))
    limits = Limits(low, random.choice((None, low, low + 1, max(0, low - 1))))
    if module.mems and random.random() < 0.5:
        memory = random.choice(module.mems)
        old = memory.type
        memory.type = MemType(limits, random.choice((I32, I64, old.addr)), old.shared, random.choice((0, 16, 16)))
    elif module.tables:
        table = random.choice(module.tables)
        table.type = TableType(table.type.elem, limits, random.choice((I32, I64, table.type.addr)))


def _global(module: Module, random: Random) -> None:
    if module.globals:
        chosen = random.choice(module.globals)
        chosen.type = random.choice(
            (GlobalType(chosen.type.type, not chosen.type.mut), GlobalType(random.choice(_TYPES), chosen.type.mut))
        )


def _export(module: Module, random: Random) -> None:
    if module.exports:
        chosen = random.choice(module.exports)
        chosen.index = random.choice((0, 1, 2, min(chosen.index + 1, 2**32 - 1)))


def _start(module: Module, random: Random) -> None:
    module.start = random.choice((None, 0, 1, 2))


def _segment(module: Module, random: Random) -> None:
    modes = [mode for mode in _modes(module) if isinstance(mode, Active)]
    if modes:
        mode = random.choice(modes)
        if random.random() < 0.5:
            mode.index = random.randrange(3)
        elif mode.offset:
            first = mode.offset[0]
            if first.op.imms in ((Imm.I32,), (Imm.I64,)):
                mode.offset[0] = Instr(first.op, (random.choice((*_INTS, 65530)),))


def _modes(module: Module) -> Iterator[object]:
    for data in module.datas:
        yield data.mode
    for elem in module.elems:
        yield elem.mode


def _drop_definition(module: Module, random: Random) -> None:
    """One definition less; indices behind it now mean something else."""
    lists: list[list[Any]] = [
        module.types,
        module.imports,
        module.funcs,
        module.tables,
        module.mems,
        module.tags,
        module.globals,
        module.exports,
        module.elems,
        module.datas,
    ]
    filled = [items for items in lists if items]
    if filled:
        items = random.choice(filled)
        del items[random.randrange(len(items))]


_OUTSIDE: Sequence[Callable[[Module, Random], None]] = (
    _limits,
    _limits,
    _global,
    _export,
    _start,
    _segment,
    _drop_definition,
)
