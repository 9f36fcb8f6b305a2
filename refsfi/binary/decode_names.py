"""The name section, appendix A.4, with the subsections of the extended-name-section proposal.

Names are for display, so nothing in this section makes a module malformed: what cannot be read is left out.
"""

from __future__ import annotations

from refsfi.binary.reader import u32
from refsfi.errors import DecodeError
from refsfi.syntax.module import Names

__all__ = ["NAME_MAPS", "NAME_SECTION", "decode_names"]

NAME_SECTION = "name"

# Subsection id -> the field of `Names`, and whether it is a map of maps. Subsection 0 holds the module's own name.
NAME_MAPS: dict[int, tuple[str, bool]] = {
    1: ("funcs", False),
    2: ("locals", True),
    3: ("labels", True),
    4: ("types", False),
    5: ("tables", False),
    6: ("mems", False),
    7: ("globals", False),
    8: ("elems", False),
    9: ("datas", False),
    10: ("fields", True),
    11: ("tags", False),
}


def decode_names(data: bytes) -> Names:
    """What can be read of a name section's contents (behind the section's own name).

    A subsection that goes wrong counts up to there, one of an unknown id not at all; where a name is not UTF-8 the
    wrong bytes become U+FFFD. Of two names for the same thing the later one counts.
    """
    names = Names()
    pos = 0
    try:
        while pos < len(data):
            id = data[pos]
            size, pos = u32(data, pos + 1)
            _subsection(names, id, data[pos : pos + size])
            pos += size
    except (IndexError, DecodeError):
        pass
    return names


def _subsection(names: Names, id: int, data: bytes) -> None:
    try:
        if id == 0:
            names.module, _ = _name(data, 0)
        elif id in NAME_MAPS:
            field, nested = NAME_MAPS[id]
            if nested:
                _nested_map(data, getattr(names, field))
            else:
                _map(data, 0, getattr(names, field))
    except (IndexError, DecodeError):
        pass


def _map(data: bytes, pos: int, into: dict[int, str]) -> int:
    number, pos = u32(data, pos)
    for _ in range(number):
        index, pos = u32(data, pos)
        into[index], pos = _name(data, pos)
    return pos


def _nested_map(data: bytes, into: dict[int, dict[int, str]]) -> None:
    number, pos = u32(data, 0)
    for _ in range(number):
        index, pos = u32(data, pos)
        pos = _map(data, pos, into.setdefault(index, {}))


def _name(data: bytes, pos: int) -> tuple[str, int]:
    size, pos = u32(data, pos)
    if pos + size > len(data):
        raise DecodeError("length out of bounds", pos)
    return str(data[pos : pos + size], "utf-8", "replace"), pos + size
