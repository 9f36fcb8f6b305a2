"""Types of variables in debug information, and values of such types as text: C, C++, Rust and what resembles them.

Entries are read when a value of their type is shown. A type refers to others, in circles if somebody made it so:
everything here is bounded in depth, in members and in text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from refsfi.debug.dwarf.constants import At, Tag
from refsfi.debug.dwarf.units import Entry
from refsfi.numeric.layout import unpack_f32, unpack_f64

__all__ = ["READ", "ReadMemory", "TypeOf", "Types"]

# (address, size) -> so many bytes, fewer where there are no more.
ReadMemory = Callable[[int, int], bytes]

_DEPTH: Final = 6
_MEMBERS: Final = 32
_ELEMENTS: Final = 16
_TEXT: Final = 64
# Of one variable: parts that are shown, and bytes that need be read for them.
_VALUES: Final = 200
READ: Final = 1 << 16

_POINTERS: Final = {Tag.POINTER_TYPE: "*", Tag.REFERENCE_TYPE: "&", Tag.RVALUE_REFERENCE_TYPE: "&&"}
_QUALIFIERS: Final = {
    Tag.CONST_TYPE: "const ",
    Tag.VOLATILE_TYPE: "volatile ",
    Tag.RESTRICT_TYPE: "",
    Tag.ATOMIC_TYPE: "",
}
_ANONYMOUS: Final[dict[int, str]] = {Tag.UNION_TYPE: "union", Tag.SUBROUTINE_TYPE: "function"}
_RECORDS: Final = (Tag.STRUCTURE_TYPE, Tag.CLASS_TYPE, Tag.UNION_TYPE)

# Encodings of base types (DW_ATE_…).
_BOOLEAN: Final = 0x02
_FLOAT: Final = 0x04
_SIGNED: Final = (0x05, 0x06, 0x0D)
_CHARACTERS: Final = (0x06, 0x08, 0x10)


@dataclass(frozen=True, slots=True)
class TypeOf:
    """A type: what it is called, its size in bytes, and the entry that says what it is; None for `void`."""

    name: str
    size: int
    entry: Entry | None


class Types:
    """Of one unit; `address_size` is that of its pointers."""

    def __init__(self, address_size: int, memory: ReadMemory) -> None:
        self._address_size = address_size
        self._memory = memory
        self._left = 0

    # --- types ---

    def of(self, entry: Entry) -> TypeOf:
        """The type of a variable, parameter or member. DwarfError."""
        return self._type(_referred(entry), _DEPTH)

    def _type(self, entry: Entry | None, depth: int) -> TypeOf:
        if entry is None:
            return TypeOf("void", 0, None)
        if depth == 0:
            return TypeOf("…", 0, None)
        name, tag = entry.name(), entry.tag
        size = min(entry.number(At.BYTE_SIZE) or 0, 1 << 32)
        if tag in _POINTERS:
            return TypeOf(name or self._pointer(entry, depth), size or self._address_size, entry)
        if tag in _QUALIFIERS:
            inner = self._type(_referred(entry), depth - 1)
            return TypeOf(_QUALIFIERS[Tag(tag)] + inner.name, inner.size, inner.entry)
        if tag == Tag.TYPEDEF:
            inner = self._type(_referred(entry), depth - 1)
            return TypeOf(name or inner.name, inner.size, inner.entry)
        if tag == Tag.ARRAY_TYPE:
            item = self._type(_referred(entry), depth - 1)
            counts = _counts(entry)
            total = item.size
            for count in counts:
                total *= count or 0
            shape = "".join(f"[{'' if count is None else count}]" for count in counts)
            return TypeOf(f"{item.name}{shape}", min(total, 1 << 32), entry)
        if tag == Tag.ENUMERATION_TYPE:
            return TypeOf(name or "enum", size, entry)
        return TypeOf(name or _ANONYMOUS.get(tag, "struct"), size, entry)

    def _pointer(self, entry: Entry, depth: int) -> str:
        target = _referred(entry)
        if target is not None and target.tag == Tag.SUBROUTINE_TYPE:
            return "function *"
        return f"{self._type(target, depth - 1).name} {_POINTERS[Tag(entry.tag)]}"

    # --- values ---

    def show(self, type: TypeOf, data: bytes, depth: int = _DEPTH) -> str:
        """A value, given its bytes in memory."""
        entry = type.entry
        if depth == _DEPTH:
            self._left = _VALUES
        self._left -= 1
        if entry is None or depth == 0 or self._left < 0:
            return "…"
        if len(data) < min(type.size, READ):
            return "<outside of memory>"
        tag = entry.tag
        if tag in _POINTERS:
            return self._show_pointer(entry, int.from_bytes(data[: type.size], "little"))
        if tag == Tag.ENUMERATION_TYPE:
            return _show_enum(entry, data[: type.size])
        if tag == Tag.ARRAY_TYPE:
            return self._show_array(entry, data, depth)
        if tag in _RECORDS:
            return self._show_record(entry, data, depth)
        return _show_base(entry, data[: type.size])

    def _show_pointer(self, entry: Entry, address: int) -> str:
        text = f"{address:#x}"
        target = self._type(_referred(entry), _DEPTH)
        if address and target.entry is not None and _is_character(target.entry):
            return f"{text} {_quoted(self._memory(address, _TEXT + 1))}"
        return text

    def _show_array(self, entry: Entry, data: bytes, depth: int) -> str:
        item = self._type(_referred(entry), depth - 1)
        counts = _counts(entry)
        number = 1
        for count in counts:
            number *= count or 0
        if item.entry is not None and len(counts) == 1 and _is_character(item.entry):
            return _quoted(data[: min(number, _TEXT + 1)])
        shown = [
            self.show(item, data[at * item.size : (at + 1) * item.size], depth - 1)
            for at in range(min(number, _ELEMENTS))
        ]
        return f"{{{', '.join(shown)}{', …' if number > _ELEMENTS else ''}}}"

    def _show_record(self, entry: Entry, data: bytes, depth: int) -> str:
        shown: list[str] = []
        for member in _children(entry, (Tag.MEMBER, Tag.INHERITANCE)):
            offset = member.number(At.DATA_MEMBER_LOCATION)
            if At.DECLARATION in member.attributes or (offset is None and At.DATA_BIT_OFFSET not in member.attributes):
                offset = 0 if entry.tag == Tag.UNION_TYPE else None
                if offset is None:
                    continue
            if len(shown) == _MEMBERS:
                shown.append("…")
                break
            type = self.of(member)
            name = member.name() or type.name
            shown.append(f"{name} = {self._show_member(member, type, data, offset or 0, depth)}")
        return f"{{{', '.join(shown)}}}"

    def _show_member(self, member: Entry, type: TypeOf, data: bytes, offset: int, depth: int) -> str:
        bits, at = member.number(At.BIT_SIZE), member.number(At.DATA_BIT_OFFSET)
        if bits is None or at is None or type.entry is None or bits <= 0 or at < 0:
            return self.show(type, data[offset : offset + type.size], depth - 1)
        value = int.from_bytes(data, "little") >> min(at, 8 * len(data)) & ((1 << min(bits, 64)) - 1)
        if type.entry.number(At.ENCODING) in _SIGNED and value >> (bits - 1):
            value -= 1 << bits
        return str(value)


def _referred(entry: Entry) -> Entry | None:
    offset = entry.reference(At.TYPE)
    return None if offset is None else entry.unit.entry(offset)


def _children(entry: Entry, tags: tuple[Tag, ...]) -> Iterator[Entry]:
    """The entries directly in one."""
    if not entry.children:
        return
    for depth, child in entry.unit.entries(entry.offset):
        if depth == 1 and child.tag in tags:
            yield child


def _counts(entry: Entry) -> list[int | None]:
    """The number of elements in each dimension; None where it is not known."""
    counts: list[int | None] = []
    for subrange in _children(entry, (Tag.SUBRANGE_TYPE,)):
        count, bound = subrange.number(At.COUNT), subrange.number(At.UPPER_BOUND)
        counts.append(count if count is not None else None if bound is None else (bound + 1) & 0xFFFFFFFF)
        if len(counts) == _DEPTH:
            break
    return counts


def _is_character(entry: Entry) -> bool:
    one = entry.tag == Tag.BASE_TYPE and entry.number(At.BYTE_SIZE) == 1
    return one and entry.number(At.ENCODING) in _CHARACTERS


def _quoted(data: bytes) -> str:
    text, end, _ = data[:_TEXT].partition(b"\0")
    shown = text.decode("utf-8", "replace")
    escaped = "".join(c if c.isprintable() and c not in '"\\' else c.encode("unicode_escape").decode() for c in shown)
    return f'"{escaped}"{"" if end or len(data) <= _TEXT else "…"}'


def _show_enum(entry: Entry, data: bytes) -> str:
    value = int.from_bytes(data, "little")
    signed = int.from_bytes(data, "little", signed=True)
    for item in _children(entry, (Tag.ENUMERATOR,)):
        if item.number(At.CONST_VALUE) in (value, signed):
            return item.name() or str(value)
    return str(value)


def _show_base(entry: Entry, data: bytes) -> str:
    encoding = entry.number(At.ENCODING)
    if encoding == _FLOAT and len(data) == 4:
        return f"{unpack_f32(data)[0]:.9g}"
    if encoding == _FLOAT and len(data) == 8:
        return repr(unpack_f64(data)[0])
    if encoding == _FLOAT or not data:
        return f"0x{data[::-1].hex()}" if data else "{}"
    value = int.from_bytes(data, "little", signed=encoding in _SIGNED)
    if encoding == _BOOLEAN:
        return {0: "false", 1: "true"}.get(value, str(value))
    if encoding in _CHARACTERS and 32 <= value < 127:
        return f"{value} '{chr(value)}'"
    return str(value)
