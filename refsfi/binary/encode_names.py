"""The name section, appendix A.4, in its shortest form: subsections and indices ascending, no empty subsection."""

from __future__ import annotations

from collections.abc import Iterable

from refsfi.binary.codes import ORDER, SectionId
from refsfi.binary.decode_names import NAME_MAPS, NAME_SECTION, decode_names
from refsfi.binary.writer import name, sized, unsigned
from refsfi.syntax.module import Custom, Module, Names

__all__ = ["encode_names", "in_file_order", "writes_names"]

_RANK: dict[int, int] = {int(id): rank for rank, id in enumerate((SectionId.CUSTOM, *ORDER))}


def encode_names(names: Names) -> bytes:
    """The contents of a name section behind the section's own name."""
    out = bytearray()
    if names.module is not None:
        sub = bytearray()
        name(sub, names.module)
        out.append(0)
        sized(out, sub)
    for id, (field, nested) in NAME_MAPS.items():
        map = getattr(names, field)
        if not map:
            continue
        sub = bytearray()
        if nested:
            unsigned(sub, len(map))
            for index in sorted(map):
                unsigned(sub, index)
                _map(sub, map[index])
        else:
            _map(sub, map)
        out.append(id)
        sized(out, sub)
    return bytes(out)


def _map(out: bytearray, map: dict[int, str]) -> None:
    unsigned(out, len(map))
    for index in sorted(map):
        unsigned(out, index)
        name(out, map[index])


def in_file_order(customs: Iterable[Custom]) -> list[Custom]:
    """Custom sections as they follow each other in a file. ValueError where `after` is no section's id."""
    customs = list(customs)
    for custom in customs:
        if custom.after not in _RANK:
            raise ValueError(f"custom section {custom.name!r} follows a section of unknown id {custom.after}")
    return sorted(customs, key=lambda custom: _RANK[custom.after])


def writes_names(module: Module) -> bool:
    """Whether the encoder writes a name section for `Module.names`.

    It does not where there are no names, nor where a custom section (the last one called `name`, which is the one that
    the decoder goes by) yields the same.
    """
    if module.names.empty():
        return False
    present = [custom for custom in in_file_order(module.customs) if custom.name == NAME_SECTION]
    return not present or decode_names(present[-1].data) != module.names
