"""Structures and arrays, chapter 4.6.7 "Aggregate reference instructions".

Packed fields hold the low bits and are extended when read.
"""

from __future__ import annotations

from struct import Struct
from typing import Any

from refsfi.errors import Crash, Trap, TrapCode
from refsfi.exec.bulk import ITEMS, pay, pieces, repeated
from refsfi.exec.code import Regs, Step
from refsfi.exec.lower import Lowerer
from refsfi.exec.registry import lowering
from refsfi.runtime.heap import OBJECT, allocate, fields_size, make_room, slot_size
from refsfi.runtime.store import Frame
from refsfi.runtime.values import ArrayInst, StructInst, Value, array_type, default, struct_type
from refsfi.syntax.deftypes import DefType
from refsfi.syntax.module import Instr
from refsfi.syntax.types import F32, F64, I8, I16, I32, I64, V128, StorageType

_MASKS: dict[StorageType, int] = {I8: 0xFF, I16: 0xFFFF}
_SIGN: dict[StorageType, int] = {I8: 0x80, I16: 0x8000}


def _pack_mask(storage: StorageType) -> int | None:
    return _MASKS.get(storage)


def _sign_bit(instr: Instr, storage: StorageType) -> int:
    """The bit to extend from where the instruction reads a packed field as signed, else 0."""
    return _SIGN.get(storage, 0) if instr.op.mnemonic.endswith("_s") else 0


def _extend(value: int, sign: int) -> int:
    """Sign extension to 32 bits, as unsigned."""
    return ((value ^ sign) - sign) & 0xFFFFFFFF


def _null(what: str) -> Trap:
    return Trap(TrapCode.NULL_REFERENCE, f"null {what} reference")


# --- structures ------------------------------------------------------------------------------------------------------


@lowering("struct.new", "struct.new_desc")
def lower_struct_new(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step/struct.new"""
    type = low.info.types[instr.args[0]]
    masks = [_pack_mask(field.storage) for field in struct_type(type).fields]
    desc = low.pop() if instr.op.rule == "struct.new_desc" else None
    low.emit_value(_struct_new, type, masks if any(masks) else None, low.pop_many(len(masks)), desc)


def _struct_new(
    type: DefType, masks: list[int | None] | None, sources: list[int], desc: int | None, d: int, nxt: int
) -> Step:
    size = OBJECT + fields_size(field.storage for field in struct_type(type).fields)

    def step(r: Regs, f: Frame) -> int:
        fields = [r[s] for s in sources]
        if masks is not None:
            fields = [v if m is None else v & m for v, m in zip(fields, masks, strict=True)]
        store = f.store
        left = store.heap - size
        if left < 0:
            make_room(store, size)
        else:
            store.heap = left
        r[d] = StructInst(type, fields, _descriptor(r, desc))
        return nxt

    return step


def _descriptor(r: Regs, register: int | None) -> StructInst | None:
    if register is None:
        return None
    desc: StructInst | None = r[register]
    if desc is None:
        raise _null("descriptor")
    return desc


@lowering("struct.new_default", "struct.new_default_desc")
def lower_struct_new_default(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_read/struct.new_default"""
    type = low.info.types[instr.args[0]]
    values = [default(field.storage) for field in struct_type(type).fields]
    desc = low.pop() if instr.op.rule == "struct.new_default_desc" else None
    low.emit_value(_struct_new_default, type, values, desc)


def _struct_new_default(type: DefType, values: list[Value], desc: int | None, d: int, nxt: int) -> Step:
    size = fields_size(field.storage for field in struct_type(type).fields)

    def step(r: Regs, f: Frame) -> int:
        allocate(f.store, size)
        r[d] = StructInst(type, values.copy(), _descriptor(r, desc))
        return nxt

    return step


@lowering("struct.get")
def lower_struct_get(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_read/struct.get-null, Step_read/struct.get-struct"""
    index = instr.args[1]
    storage = struct_type(low.info.types[instr.args[0]]).fields[index].storage
    low.emit_value(_struct_get, index, _sign_bit(instr, storage), low.pop())


def _struct_get(index: int, sign: int, a: int, d: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        ref = r[a]
        if ref is None:
            raise _null("structure")
        value = ref.fields[index]
        r[d] = _extend(value, sign) if sign else value
        return nxt

    return step


@lowering("struct.set")
def lower_struct_set(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step/struct.set-null, Step/struct.set-struct"""
    index = instr.args[1]
    storage = struct_type(low.info.types[instr.args[0]]).fields[index].storage
    low.emit(_struct_set, index, _pack_mask(storage), *low.pop_many(2))


def _struct_set(index: int, mask: int | None, a: int, b: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        ref = r[a]
        if ref is None:
            raise _null("structure")
        ref.fields[index] = r[b] if mask is None else r[b] & mask
        return nxt

    return step


# --- arrays: making them ---------------------------------------------------------------------------------------------


def _storage(low: Lowerer, type_index: int) -> StorageType:
    return array_type(low.info.types[type_index]).field.storage


def _allocate(f: Frame, count: int, slot: int) -> None:
    """Account for an array of so many items, `slot` bytes each, or trap."""
    store = f.store
    if count > store.limits.gc_items:
        raise Trap(TrapCode.ALLOCATION_TOO_LARGE)
    allocate(store, count * slot)


@lowering("array.new")
def lower_array_new(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_pure/array.new"""
    type = low.info.types[instr.args[0]]
    low.emit_value(_array_new, type, _pack_mask(_storage(low, instr.args[0])), *low.pop_many(2))


def _array_new(type: DefType, mask: int | None, a: int, b: int, d: int, nxt: int) -> Step:
    slot = slot_size(array_type(type).field.storage)

    def step(r: Regs, f: Frame) -> int:
        count = r[b]
        _allocate(f, count, slot)
        pay(f.store, count)
        r[d] = ArrayInst(type, repeated(f.store, r[a] if mask is None else r[a] & mask, count))
        return nxt

    return step


@lowering("array.new_default")
def lower_array_new_default(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_read/array.new_default"""
    type = low.info.types[instr.args[0]]
    low.emit_value(_array_new_default, type, default(_storage(low, instr.args[0])), low.pop())


def _array_new_default(type: DefType, value: Value, a: int, d: int, nxt: int) -> Step:
    slot = slot_size(array_type(type).field.storage)

    def step(r: Regs, f: Frame) -> int:
        count = r[a]
        _allocate(f, count, slot)
        pay(f.store, count)
        r[d] = ArrayInst(type, repeated(f.store, value, count))
        return nxt

    return step


@lowering("array.new_fixed")
def lower_array_new_fixed(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step/array.new_fixed"""
    type = low.info.types[instr.args[0]]
    low.emit_value(_array_new_fixed, type, _pack_mask(_storage(low, instr.args[0])), low.pop_many(instr.args[1]))


def _array_new_fixed(type: DefType, mask: int | None, sources: list[int], d: int, nxt: int) -> Step:
    slot = slot_size(array_type(type).field.storage)

    def step(r: Regs, f: Frame) -> int:
        items = [r[s] for s in sources]
        _allocate(f, len(items), slot)
        r[d] = ArrayInst(type, items if mask is None else [v & mask for v in items])
        return nxt

    return step


@lowering("array.new_data")
def lower_array_new_data(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_read/array.new_data-oob, Step_read/array.new_data-num"""
    type = low.info.types[instr.args[0]]
    low.emit_value(_array_new_data, type, _item_reader(_storage(low, instr.args[0])), instr.args[1], *low.pop_many(2))


def _array_new_data(type: DefType, reader: Struct, segment: int, a: int, b: int, d: int, nxt: int) -> Step:
    slot = slot_size(array_type(type).field.storage)

    def step(r: Regs, f: Frame) -> int:
        items = _read_items(f, reader, segment, r[a], r[b])
        _allocate(f, len(items), slot)
        r[d] = ArrayInst(type, items)
        return nxt

    return step


# How the items of an array of numbers lie in a data segment.
_READERS: dict[StorageType, Struct] = {
    I8: Struct("<B"),
    I16: Struct("<H"),
    I32: Struct("<I"),
    F32: Struct("<I"),
    I64: Struct("<Q"),
    F64: Struct("<Q"),
    V128: Struct("16s"),
}


def _item_reader(storage: StorageType) -> Struct:
    reader = _READERS.get(storage)
    if reader is None:
        raise Crash(f"no data for items of type {storage}")
    return reader


def _read_items(f: Frame, reader: Struct, segment: int, start: int, count: int) -> list[Any]:
    source = f.inst.datas[segment]
    end = start + count * reader.size
    if end > len(source):
        raise Trap(TrapCode.MEMORY_OUT_OF_BOUNDS)
    pay(f.store, count)
    return [item for (item,) in reader.iter_unpack(source[start:end])]


@lowering("array.new_elem")
def lower_array_new_elem(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_read/array.new_elem-oob, Step_read/array.new_elem-alloc"""
    low.emit_value(_array_new_elem, low.info.types[instr.args[0]], instr.args[1], *low.pop_many(2))


def _array_new_elem(type: DefType, segment: int, a: int, b: int, d: int, nxt: int) -> Step:
    slot = slot_size(array_type(type).field.storage)

    def step(r: Regs, f: Frame) -> int:
        items = _read_elems(f, segment, r[a], r[b])
        _allocate(f, len(items), slot)
        r[d] = ArrayInst(type, items)
        return nxt

    return step


def _read_elems(f: Frame, segment: int, start: int, count: int) -> list[Value]:
    source = f.inst.elems[segment]
    if start + count > len(source):
        raise Trap(TrapCode.TABLE_OUT_OF_BOUNDS)
    pay(f.store, count)
    return source[start : start + count]


# --- arrays: using them ----------------------------------------------------------------------------------------------


def _items(ref: ArrayInst | None, start: int, count: int) -> list[Value]:
    """The items of an array of which `count` from `start` on are to be used, or the trap."""
    if ref is None:
        raise _null("array")
    items = ref.items
    if start + count > len(items):
        raise Trap(TrapCode.ARRAY_OUT_OF_BOUNDS)
    return items


@lowering("array.get")
def lower_array_get(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_read/array.get-null, Step_read/array.get-oob, Step_read/array.get-array"""
    low.emit_value(_array_get, _sign_bit(instr, _storage(low, instr.args[0])), *low.pop_many(2))


def _array_get(sign: int, a: int, b: int, d: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        index = r[b]
        value = _items(r[a], index, 1)[index]
        r[d] = _extend(value, sign) if sign else value
        return nxt

    return step


@lowering("array.set")
def lower_array_set(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step/array.set-null, Step/array.set-oob, Step/array.set-array"""
    low.emit(_array_set, _pack_mask(_storage(low, instr.args[0])), *low.pop_many(3))


def _array_set(mask: int | None, a: int, b: int, c: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        index = r[b]
        _items(r[a], index, 1)[index] = r[c] if mask is None else r[c] & mask
        return nxt

    return step


@lowering("array.len")
def lower_array_len(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_read/array.len-null, Step_read/array.len-array"""
    low.emit_value(_array_len, low.pop())


def _array_len(a: int, d: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        r[d] = len(_items(r[a], 0, 0))
        return nxt

    return step


@lowering("array.fill")
def lower_array_fill(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_read/array.fill-null, Step_read/array.fill-oob, Step_read/array.fill-zero,
    Step_read/array.fill-succ"""
    low.emit(_array_fill, _pack_mask(_storage(low, instr.args[0])), *low.pop_many(4))


def _array_fill(mask: int | None, a: int, b: int, c: int, e: int, nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        start, count = r[b], r[e]
        items = _items(r[a], start, count)
        value = r[c] if mask is None else r[c] & mask
        pay(f.store, count)
        for at, size in pieces(f.store, count, ITEMS):
            items[start + at : start + at + size] = [value] * size
        return nxt

    return step


@lowering("array.copy")
def lower_array_copy(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_read/array.copy-null1, Step_read/array.copy-null2, Step_read/array.copy-oob1,
    Step_read/array.copy-oob2, Step_read/array.copy-zero, Step_read/array.copy-le, Step_read/array.copy-gt
    """
    low.emit(_array_copy, low.pop_many(5))


def _array_copy(sources: list[int], nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        target, dest, origin, start, count = [r[s] for s in sources]
        if target is None or origin is None:
            raise _null("array")
        to, items = _items(target, dest, count), _items(origin, start, count)
        pay(f.store, count)
        for at, size in pieces(f.store, count, ITEMS, backwards=to is items and dest > start):
            to[dest + at : dest + at + size] = items[start + at : start + at + size]
        return nxt

    return step


@lowering("array.init_data")
def lower_array_init_data(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_read/array.init_data-null, Step_read/array.init_data-oob1, Step_read/array.init_data-oob2,
    Step_read/array.init_data-zero, Step_read/array.init_data-num
    """
    low.emit(_array_init_data, _item_reader(_storage(low, instr.args[0])), instr.args[1], low.pop_many(4))


def _array_init_data(reader: Struct, segment: int, sources: list[int], nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        target, dest, start, count = [r[s] for s in sources]
        items = _items(target, dest, count)
        items[dest : dest + count] = _read_items(f, reader, segment, start, count)
        return nxt

    return step


@lowering("array.init_elem")
def lower_array_init_elem(low: Lowerer, pc: int, instr: Instr) -> None:
    """Rule: Step_read/array.init_elem-null, Step_read/array.init_elem-oob1, Step_read/array.init_elem-oob2,
    Step_read/array.init_elem-zero, Step_read/array.init_elem-succ
    """
    low.emit(_array_init_elem, instr.args[1], low.pop_many(4))


def _array_init_elem(segment: int, sources: list[int], nxt: int) -> Step:
    def step(r: Regs, f: Frame) -> int:
        target, dest, start, count = [r[s] for s in sources]
        items = _items(target, dest, count)
        items[dest : dest + count] = _read_elems(f, segment, start, count)
        return nxt

    return step
