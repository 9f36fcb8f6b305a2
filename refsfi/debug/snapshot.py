"""A state of the guest, put aside: frames, memories, globals, tables, segments, the garbage-collected heap.

A snapshot is put back into the very objects that it was taken from, so that instances, memories and structures stay
who they are across a journey in time. Frames are made anew: nobody but the store refers to them.

Memories dominate. They are kept as pages, interned by content, so that a page that did not change, or is zero, or is
the same somewhere else, is there once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from refsfi.debug.executor import to_stepwise
from refsfi.debug.inspect import taken
from refsfi.exec.code import FuncCode
from refsfi.exec.machine import Entry
from refsfi.runtime.memory import MemInst
from refsfi.runtime.store import Frame, FuncInst, GlobalInst, HostFunc, Instance, Store, TagInst
from refsfi.runtime.table import TableInst
from refsfi.runtime.values import I31, ArrayInst, ExnInst, ExternRef, HostRef, StructInst

__all__ = ["PAGE", "Pages", "Snapshot", "state_hash", "take"]

PAGE: Final = 4096

# Bytes of CPython's for a list or tuple, and for an entry of one.
_OBJECT: Final = 100
_ENTRY: Final = 8


class Pages:
    """The pages of all snapshots, each content once."""

    def __init__(self) -> None:
        self._pages: dict[bytes, list[Any]] = {}

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self._pages) * (PAGE + _OBJECT + 2 * _ENTRY)

    def intern(self, page: bytes) -> bytes:
        entry = self._pages.get(page)
        if entry is None:
            self._pages[page] = [page, 1]
            return page
        entry[1] += 1
        found: bytes = entry[0]
        return found

    def share(self, page: bytes) -> None:
        """One more snapshot has it."""
        self._pages[page][1] += 1

    def release(self, pages: Iterable[bytes]) -> None:
        for page in pages:
            entry = self._pages[page]
            entry[1] -= 1
            if not entry[1]:
                del self._pages[page]


@dataclass(slots=True)
class _Activation:
    """A frame: `code` is None for that of the host's call."""

    inst: Instance | None
    code: FuncCode | None
    func: FuncInst | None
    regs: tuple[Any, ...]
    ip: int
    ret: int


@dataclass(slots=True, eq=False)
class Snapshot:
    """`clock` and `cursor`, how much of the log of the host's calls lies before, say when it is; `action` which of the
    target's actions is being done. `pinned`: it cannot be made again by executing.

    `outcome` is the timeline's. `size` is in bytes and leaves out the memories' pages, which are shared.
    """

    clock: int
    cursor: int
    action: int
    pinned: bool
    frames: list[_Activation]
    room: int
    fuel: int | None
    heap: int
    memories: dict[MemInst, list[bytes]]
    globals: dict[GlobalInst, Any]
    tables: dict[TableInst, tuple[Any, ...]]
    segments: dict[Instance, tuple[tuple[Any, ...], tuple[bytes, ...]]]
    objects: list[tuple[StructInst | ArrayInst, tuple[Any, ...]]]
    outcome: Any
    size: int = 0

    def restore(self, store: Store) -> None:
        """Make it the state. LimitError where a memory that has grown cannot be made anew."""
        frame: Frame | None = None
        for activation in self.frames:
            if activation.code is None or activation.func is None or frame is None:
                frame = Entry(store, frame, 0)
                frame.regs = list(activation.regs)
                frame.ip = activation.ip
            else:
                frame = Frame(activation.func, list(activation.regs), frame, activation.ret)
                frame.ops = activation.code.stepwise.steps
                frame.ip = activation.ip
        store.frame = frame
        store.room, store.fuel, store.heap = self.room, self.fuel, self.heap
        store.at = None
        for memory, pages in self.memories.items():
            _restore_memory(memory, pages)
        for variable, value in self.globals.items():
            variable.value = value
        for table, elems in self.tables.items():
            table.elems[:] = elems
        for instance, (elements, datas) in self.segments.items():
            instance.elems[:] = [list(e) for e in elements]
            instance.datas[:] = datas
        for item, values in self.objects:
            if item.__class__ is StructInst:
                item.fields[:] = values
            else:
                item.items[:] = values  # type: ignore[union-attr]

    def release(self, pages: Pages) -> None:
        """It is not needed any more."""
        for kept in self.memories.values():
            pages.release(kept)


def take(store: Store, instances: Iterable[Instance], pages: Pages, last: Snapshot | None, **when: Any) -> Snapshot:
    """The state now. `last` is one that is likely to have many of its pages. All frames are brought to their stepwise
    form."""
    frames = []
    frame = store.frame
    while frame is not None:
        code = frame.code
        if code is None:
            frames.append(_Activation(None, None, None, tuple(frame.regs), frame.ip, 0))
        else:
            to_stepwise(frame)
            func = frame.inst.funcs[code.func_index]
            frames.append(
                _Activation(
                    frame.inst,
                    code,
                    func if isinstance(func, FuncInst) else None,
                    tuple(frame.regs),
                    frame.ip,
                    frame.ret,
                )
            )
        frame = frame.caller
    frames.reverse()
    reach = Reach(store, instances)
    memories = {m: _pages(m, pages, None if last is None else last.memories.get(m)) for m in reach.memories}
    snapshot = Snapshot(
        frames=frames,
        room=store.room,
        fuel=store.fuel,
        heap=store.heap,
        memories=memories,
        globals={g: g.value for g in reach.globals},
        tables={t: tuple(t.elems) for t in reach.tables},
        segments={i: (tuple(tuple(e) for e in i.elems), tuple(i.datas)) for i in reach.instances},
        objects=[(o, tuple(o.fields if isinstance(o, StructInst) else o.items)) for o in reach.objects],
        **when,
    )
    snapshot.size = _size(snapshot)
    return snapshot


def _size(snapshot: Snapshot) -> int:
    size = sum(_OBJECT + _ENTRY * len(f.regs) for f in snapshot.frames)
    size += sum(_OBJECT + _ENTRY * len(pages) for pages in snapshot.memories.values())
    size += sum(_OBJECT + _ENTRY * len(elems) for elems in snapshot.tables.values())
    size += sum(_OBJECT + _ENTRY * len(values) for _, values in snapshot.objects)
    return size + _OBJECT * (len(snapshot.globals) + 4)


def _pages(memory: MemInst, pages: Pages, last: list[bytes] | None) -> list[bytes]:
    data = memory.data
    kept: list[bytes] = []
    known = [] if last is None else last
    count = len(known)
    intern, share = pages.intern, pages.share
    for number, start in enumerate(range(0, len(data), PAGE)):
        page = bytes(data[start : start + PAGE])
        if number < count and known[number] == page:
            page = known[number]
            share(page)
        else:
            page = intern(page)
        kept.append(page)
    return kept


def _restore_memory(memory: MemInst, pages: list[bytes]) -> None:
    size = sum(map(len, pages[-1:])) + PAGE * max(len(pages) - 1, 0)
    if len(memory.data) != size:
        memory.restart(size)
    data = memory.data
    start = 0
    for page in pages:
        end = start + len(page)
        if data[start:end] != page:
            data[start:end] = page
        start = end


class Reach:
    """Everything that the guest can come to from its frames and instances, each thing once, in an order that depends on
    nothing but the state."""

    def __init__(self, store: Store, instances: Iterable[Instance], *, live: bool = False) -> None:
        """`live`: leave out what only registers without a value of now refer to; frames are in their stepwise form."""
        self.instances: list[Instance] = []
        self.memories: list[MemInst] = []
        self.globals: list[GlobalInst] = []
        self.tables: list[TableInst] = []
        self.objects: list[StructInst | ArrayInst] = []
        # Number of each thing, for names that do not depend on addresses.
        self.numbers: dict[int, int] = {}
        # What is numbered stays alive, so that no other thing gets its id.
        self._kept: list[Any] = []
        pending: list[Any] = [*instances]
        frame = store.frame
        while frame is not None:
            code = frame.code
            if code is not None:
                pending.append(frame.inst)
            regs = frame.regs
            pending += regs if code is None or not live else regs[: _live(frame, code, frame is store.frame)]
            frame = frame.caller
        pending.reverse()
        while pending:
            item = pending.pop()
            kind = item.__class__
            if kind is int or item is None or kind is bytes or kind is I31 or id(item) in self.numbers:
                continue
            self.numbers[id(item)] = len(self.numbers)
            self._kept.append(item)
            pending.extend(reversed(list(self._visit(item))))

    def _visit(self, item: Any) -> Iterator[Any]:
        """Note a thing; what it leads to."""
        if isinstance(item, StructInst):
            self.objects.append(item)
            yield from item.fields
            yield item.desc
        elif isinstance(item, ArrayInst):
            self.objects.append(item)
            if item.items and not isinstance(item.items[0], int):
                yield from item.items
        elif isinstance(item, FuncInst):
            yield item.inst
        elif isinstance(item, ExnInst):
            yield from item.fields
            yield item.tag
        elif isinstance(item, ExternRef):
            yield item.inner
        elif isinstance(item, Instance):
            self.instances.append(item)
            yield from item.mems
            yield from item.globals
            yield from item.tables
            yield from item.tags
            yield from (item.funcs[i] for i in range(item.program.imported_funcs))
            for elements in item.elems:
                yield from elements
        elif isinstance(item, MemInst):
            self.memories.append(item)
        elif isinstance(item, GlobalInst):
            self.globals.append(item)
            yield item.value
        elif isinstance(item, TableInst):
            self.tables.append(item)
            yield from item.elems

    def name(self, value: Any) -> str:
        """A value, so that equal states have equal names."""
        if value is None or isinstance(value, int | bytes | I31):
            return repr(value)
        if isinstance(value, FuncInst):
            return f"func {self.numbers.get(id(value.inst))} {value.code.func_index}"
        if isinstance(value, HostFunc):
            return f"host {value.name}"
        if isinstance(value, HostRef | ExternRef | ExnInst | TagInst):
            return f"{type(value).__name__} {self.numbers.get(id(value))}"
        return f"object {self.numbers.get(id(value))}"


def state_hash(store: Store, instances: Iterable[Instance]) -> str:
    """A digest of everything that the guest can tell two states apart by, and of nothing else."""
    frame = store.frame
    while frame is not None:
        if frame.code is not None:
            to_stepwise(frame)
        frame = frame.caller
    reach = Reach(store, instances, live=True)
    digest = hashlib.sha256()

    def add(*parts: Any) -> None:
        digest.update(repr(parts).encode())

    frame = store.frame
    while frame is not None:
        code = frame.code
        if code is None:
            add("entry", [reach.name(v) for v in frame.regs])
        else:
            live = _live(frame, code, frame is store.frame)
            add("frame", code.func_index, reach.numbers[id(frame.inst)], frame.ip, frame.ret)
            add([reach.name(v) for v in frame.regs[:live]])
        frame = frame.caller
    add(store.room, store.fuel)
    for memory in reach.memories:
        digest.update(len(memory.data).to_bytes(8, "little"))
        digest.update(memory.data)
    for variable in reach.globals:
        add(reach.name(variable.value))
    for table in reach.tables:
        add([reach.name(v) for v in table.elems])
    for instance in reach.instances:
        add([[reach.name(v) for v in e] for e in instance.elems], [len(d) for d in instance.datas])
    for item in reach.objects:
        values = item.fields if isinstance(item, StructInst) else item.items
        add(str(item.type), [reach.name(v) for v in values])
    return digest.hexdigest()


def _live(frame: Frame, code: FuncCode, innermost: bool) -> int:
    """How many registers hold locals and operands. What a call took from its caller is gone."""
    heights = code.side.heights
    if innermost:
        return code.nlocals + heights[frame.ip]
    call = frame.ip - 1
    return code.nlocals + heights[call] - taken(frame, code.program.module.funcs[code.index].body[call])
