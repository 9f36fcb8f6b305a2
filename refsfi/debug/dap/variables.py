"""Variables as the client shows them: a tree whose inner nodes go by numbers, which are good until the guest moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from refsfi.debug import inspect
from refsfi.debug.dap.code import show_memory
from refsfi.debug.dap.values import parse, shown_value
from refsfi.debug.model import DebugError, FrameView, Variable
from refsfi.debug.session import Session
from refsfi.debug.symbols import variables_of_view
from refsfi.runtime.memory import MemInst
from refsfi.runtime.store import Instance
from refsfi.runtime.table import TableInst
from refsfi.runtime.values import ArrayInst, ExnInst, StructInst, array_type, struct_type
from refsfi.syntax.types import V128, StorageType

__all__ = ["Group", "Handles", "Item", "Node", "group", "item_of", "scopes"]

_ROW: Final = 16


@dataclass(frozen=True, slots=True)
class Item:
    """A variable. `set` takes the text of a new value; `data` is what it is watched by; `memory` where its bytes
    are."""

    name: str
    value: str
    type: str = ""
    node: Node | None = None
    set: Callable[[str], object] | None = None
    expression: str | None = None
    data: str | None = None
    memory: str | None = None


class Node(Protocol):
    """Something with parts. `indexed`: they are numbered rather than named."""

    indexed: bool

    def __len__(self) -> int: ...

    def items(self, start: int, end: int, hexadecimal: bool) -> Iterator[Item]: ...


class Group:
    """Parts that are made one by one: `make` is given the number of one, and whether integers are to be hexadecimal."""

    def __init__(self, count: int, make: Callable[[int, bool], Item], *, indexed: bool = False) -> None:
        self._count = count
        self._make = make
        self.indexed = indexed

    def __len__(self) -> int:
        return self._count

    def items(self, start: int, end: int, hexadecimal: bool) -> Iterator[Item]:
        return (self._make(number, hexadecimal) for number in range(start, min(end, self._count)))


class Handles:
    """Numbers for things that the client refers to. A number is never used for two."""

    def __init__(self) -> None:
        self._next = 1
        self._things: dict[int, Any] = {}

    def add(self, thing: Any) -> int:
        number = self._next
        self._next += 1
        self._things[number] = thing
        return number

    def __getitem__(self, number: int) -> Any:
        if number not in self._things:
            raise DebugError(f"{number} refers to nothing: the guest has moved since, or it never did")
        return self._things[number]

    def forget(self) -> None:
        """The guest moves."""
        self._things.clear()


# --- values ----------------------------------------------------------------------------------------------------------


def item_of(session: Session, variable: Variable, level: int, hexadecimal: bool) -> Item:
    """A local, an operand, or what an expression came to."""
    where = variable.where
    data = memory = None
    if where is not None and where[0] == "memory":
        data = "/".join(map(str, where))
        memory = show_memory(where[3], where[1], where[2])
    elif where is not None and where[0] == "global":
        data = "/".join(map(str, where))

    def set(text: str) -> object:
        return session.set_variable(variable, parse(session, text, variable.type, level))

    return Item(
        variable.name,
        shown_value(variable.value, variable.type, hexadecimal),
        str(variable.type or ""),
        _parts(session, variable.value, variable.type),
        set if variable.settable else None,
        variable.name,
        data,
        memory,
    )


def _parts(session: Session, value: Any, type: StorageType | None) -> Node | None:
    """What is in a value."""
    if type is V128:
        return _lanes(value)
    if isinstance(value, StructInst):
        fields = [field.storage for field in struct_type(value.type).fields]
        return _fields(session, value, value.fields, lambda i: fields[i])
    if isinstance(value, ArrayInst):
        storage = array_type(value.type).field.storage
        return _fields(session, value, value.items, lambda i: storage, indexed=True)
    if isinstance(value, ExnInst):
        params = value.tag.type.params if hasattr(value.tag.type, "params") else ()
        return _fields(session, None, value.fields, lambda i: params[i] if i < len(params) else None)
    return None


def _fields(
    session: Session,
    owner: StructInst | ArrayInst | None,
    values: Sequence[Any],
    storage_of: Callable[[int], StorageType | None],
    indexed: bool = False,
) -> Group:
    def make(index: int, hexadecimal: bool) -> Item:
        storage = storage_of(index)
        value = values[index]

        def set(text: str) -> object:
            return owner is not None and session.set_field(owner, index, parse(session, text, storage))

        return Item(
            f"[{index}]",
            shown_value(value, storage, hexadecimal),
            str(storage or ""),
            _parts(session, value, storage),
            set if owner is not None else None,
        )

    return Group(len(values), make, indexed=indexed)


def _lanes(value: bytes) -> Group:
    def make(number: int, hexadecimal: bool) -> Item:
        width = 1 << number
        lanes = [int.from_bytes(value[at : at + width], "little") for at in range(0, 16, width)]
        text = " ".join(f"{lane:#x}" if hexadecimal else str(lane) for lane in lanes)
        return Item(f"i{8 * width}x{16 // width}", text)

    return Group(4, make)


# --- scopes ----------------------------------------------------------------------------------------------------------


def scopes(session: Session, view: FrameView) -> list[tuple[str, str, Node]]:
    """(name, the protocol's hint, contents) of what is in reach of a frame."""
    instance, number = view.instance, view.instance_index
    found: list[tuple[str, str, Node]] = []
    source = _source(view)
    if len(source):
        found.append(("Variables", "locals", source))
    found.append(("Locals", "locals" if not len(source) else "registers", group(session, view.locals, view.level)))
    found.append(("Operands", "registers", group(session, view.operands, view.level)))
    found.append(("Labels", "labels", _labels(view)))
    found.append(("Globals", "globals", _globals(session, instance, number)))
    if instance.mems:
        found.append(("Memories", "memories", _memories(instance, number)))
    if instance.tables:
        found.append(("Tables", "tables", _tables(session, instance, number)))
    return found


def group(session: Session, variables: Sequence[Variable], level: int) -> Group:
    """Locals or operands, with the values that they have when they are asked for."""
    frame = inspect.frame_at(session.store, level)

    def make(index: int, hexadecimal: bool) -> Item:
        variable = variables[index]
        first = (
            frame.code.nlocals if frame.code is not None and variable.where and variable.where[0] == "operand" else 0
        )
        return item_of(session, replace(variable, value=frame.regs[first + index]), level, hexadecimal)

    return Group(len(variables), make)


def _source(view: FrameView) -> Group:
    variables = variables_of_view(view)

    def make(number: int, hexadecimal: bool) -> Item:
        variable = variables[number]
        memory = data = None
        if variable.address is not None:
            memory = show_memory(variable.address, view.instance_index)
            data = f"memory/{view.instance_index}/0/{variable.address}/{variable.size}" if variable.size else None
        value = "<optimized away>" if variable.value is None else variable.value
        return Item(variable.name, value, variable.type, expression=variable.name, data=data, memory=memory)

    return Group(len(variables), make)


def _labels(view: FrameView) -> Group:
    def make(number: int, hexadecimal: bool) -> Item:
        label = view.labels[number]
        name = f"{label.depth}" if label.name is None else f"{label.depth} ${label.name}"
        carries = f", carries {label.arity}" if label.arity else ""
        return Item(name, f"{label.kind}, a branch goes to instruction {label.target}{carries}")

    return Group(len(view.labels), make)


def _globals(session: Session, instance: Instance, number: int) -> Group:
    names = instance.program.module.names.globals

    def make(index: int, hexadecimal: bool) -> Item:
        variable = instance.globals[index]
        name = f"@{names[index]}" if index in names else f"@{index}"
        shown = Variable(name, variable.type.type, variable.value, ("global", number, index))
        return item_of(session, shown, 0, hexadecimal)

    return Group(len(instance.globals), make)


def _memories(instance: Instance, number: int) -> Group:
    def make(index: int, hexadecimal: bool) -> Item:
        memory = instance.mems[index]
        name = instance.program.module.names.mems.get(index)
        return Item(
            f"memory {index}" if name is None else f"memory {index} (${name})",
            f"{len(memory.data):#x} bytes",
            node=_rows(memory, number, index),
            memory=show_memory(0, number, index),
        )

    return Group(len(instance.mems), make)


def _rows(memory: MemInst, instance: int, index: int) -> Group:
    def make(row: int, hexadecimal: bool) -> Item:
        data = bytes(memory.data[row * _ROW : (row + 1) * _ROW])
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in data)
        where = show_memory(row * _ROW, instance, index)
        return Item(f"{row * _ROW:#x}", f"{data.hex(' ', 4)}  {text}", memory=where)

    return Group((len(memory.data) + _ROW - 1) // _ROW, make, indexed=True)


def _tables(session: Session, instance: Instance, number: int) -> Group:
    def make(index: int, hexadecimal: bool) -> Item:
        table = instance.tables[index]
        name = instance.program.module.names.tables.get(index)
        return Item(
            f"table {index}" if name is None else f"table {index} (${name})",
            f"{len(table.elems)} elements",
            str(table.type.elem),
            _elements(session, table, number, index),
        )

    return Group(len(instance.tables), make)


def _elements(session: Session, table: TableInst, instance: int, index: int) -> Group:
    type = table.type.elem

    def make(at: int, hexadecimal: bool) -> Item:
        value = table.elems[at]
        return Item(
            f"[{at}]",
            shown_value(value, type),
            str(type),
            _parts(session, value, type),
            lambda text: session.set_table(at, parse(session, text, type), instance, index),
            data=f"table/{instance}/{index}/{at}",
        )

    return Group(len(table.elems), make, indexed=True)
