"""The mappings of this process, as the kernel tells them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Mapping:
    """[start, end) with permissions such as `rw-p`; `name` is empty for anonymous memory."""

    start: int
    end: int
    permissions: str
    name: str


def mappings() -> list[Mapping]:
    """In the order of addresses."""
    found = []
    for line in Path("/proc/self/maps").read_text().splitlines():
        fields = line.split(maxsplit=5)
        start, end = (int(part, 16) for part in fields[0].split("-"))
        found.append(Mapping(start, end, fields[1], fields[5] if len(fields) > 5 else ""))
    return found


def permissions(start: int, end: int) -> list[tuple[int, str]]:
    """What [start, end) allows: the runs of bytes with the same permissions, as (length, `rwx` or `-` each), in order.
    Bytes that are not mapped count as `unmapped`."""
    runs: list[tuple[int, str]] = []

    def add(size: int, what: str) -> None:
        if runs and runs[-1][1] == what:
            size += runs.pop()[0]
        if size:
            runs.append((size, what))

    at = start
    for mapping in mappings():
        if mapping.end <= at or mapping.start >= end:
            continue
        add(max(mapping.start - at, 0), "unmapped")
        at = max(at, mapping.start)
        add(min(mapping.end, end) - at, mapping.permissions[:3])
        at = min(mapping.end, end)
    add(end - at, "unmapped")
    return runs
