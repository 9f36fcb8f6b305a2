"""How much a guest may allocate that no instruction frees: structures, arrays, exceptions.

Python's own garbage collector frees them, and nobody tells when. So a store has an allowance (`Store.heap`): it falls
with each allocation by an estimate of what that takes, and when it is used up, what the guest can still reach is
counted. Where that is above the limit the allocation is a trap; else the allowance is what is left to the limit. A
guest whose objects soon become garbage is counted seldom, one that keeps them is found out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from refsfi.errors import Trap, TrapCode
from refsfi.runtime.store import Frame, FuncInst, Instance, Store
from refsfi.runtime.values import ArrayInst, ExnInst, ExternRef, StructInst, array_type, func_type, struct_type
from refsfi.syntax.types import I8, V128, RefType, StorageType

__all__ = ["OBJECT", "allocate", "fields_size", "make_room", "slot_size"]

# Bytes of CPython's for an object with its list.
OBJECT: Final = 144
# For an item of the list, and for what it refers to where that is a number of its own.
_ITEM: Final = 8
_NUMBER: Final = 32
_VECTOR: Final = 56

# Objects counted before the host is asked whether the guest is to stop.
_PIECE: Final = 1 << 16


def slot_size(storage: StorageType) -> int:
    """Bytes of a field or an item of that type."""
    if storage is V128:
        return _ITEM + _VECTOR
    # CPython has one object for each of the small numbers.
    return _ITEM if isinstance(storage, RefType) or storage is I8 else _ITEM + _NUMBER


def fields_size(storages: Iterable[StorageType]) -> int:
    """Bytes of the fields of a structure or an exception."""
    return sum(map(slot_size, storages))


def allocate(store: Store, slots: int) -> None:
    """Account for an object with so many bytes of fields or items, or trap."""
    size = OBJECT + slots
    left = store.heap - size
    if left < 0:
        make_room(store, size)
    else:
        store.heap = left


def make_room(store: Store, size: int) -> None:
    """Refill the allowance of a store that has less than the `size` bytes about to be allocated, which are taken off;
    or trap."""
    limit = store.limits.heap
    left = limit - _reachable(store, limit) - size
    if left < 0:
        store.heap = 0
        raise Trap(TrapCode.ALLOCATION_TOO_LARGE, "garbage-collected heap exhausted")
    # Near the limit not every allocation is to count everything again.
    store.heap = max(left, limit >> 4)


def _reachable(store: Store, limit: int) -> int:
    """Bytes of what the guest can reach from its frames, and of the instances that these can reach; no more than
    `limit` matters."""
    size = 0
    seen: set[int] = set()
    # Bytes of the fields of each type of structure.
    sizes: dict[Any, int] = {}
    pending = _roots(store)
    counted = 0
    while pending and size <= limit:
        item = pending.pop()
        kind = item.__class__
        if kind is int or item is None or id(item) in seen:
            continue
        if kind is StructInst:
            slots = sizes.get(item.type)
            if slots is None:
                slots = sizes[item.type] = fields_size(f.storage for f in struct_type(item.type).fields)
            size += OBJECT + slots
            pending += item.fields
            pending.append(item.desc)
        elif kind is ArrayInst:
            storage = array_type(item.type).field.storage
            size += OBJECT + slot_size(storage) * len(item.items)
            # An array of numbers may have millions of them.
            if isinstance(storage, RefType):
                pending += item.items
        elif kind is ExnInst:
            size += OBJECT + fields_size(func_type(item.tag.type).params)
            pending += item.fields
        elif kind is ExternRef:
            size += OBJECT
            pending.append(item.inner)
        elif kind is FuncInst:
            pending.append(item.inst)
        elif kind is Instance:
            _add_instance(item, pending)
        else:
            continue
        seen.add(id(item))
        counted += 1
        if counted % _PIECE == 0 and store.stop is not None:
            raise store.stop
    return size


def _roots(store: Store) -> list[Any]:
    pending: list[Any] = []
    frame: Frame | None = store.frame
    while frame is not None:
        pending += frame.regs
        if frame.code is not None:
            pending.append(frame.inst)
        frame = frame.caller
    return pending


def _add_instance(instance: Instance, pending: list[Any]) -> None:
    pending += instance.funcs.values()
    for item in instance.globals:
        pending.append(item.value)
    for table in instance.tables:
        pending += table.elems
    for segment in instance.elems:
        pending += segment
