"""What the host did to the guest's state, as bytes and back."""

from __future__ import annotations

from collections.abc import Sequence

from refsfi.debug.journal import Effects
from refsfi.debug.recording.format import HostObjects, Reader, put_bytes, put_number, put_value
from refsfi.runtime.values import Value

__all__ = ["put_effects", "put_values", "read_effects"]


def put_values(out: bytearray, values: Sequence[Value], objects: HostObjects, *, opaque: bool = False) -> None:
    """RecordingError, as `put_value`."""
    put_number(out, len(values))
    for value in values:
        put_value(out, value, objects, opaque=opaque)


def put_effects(out: bytearray, effects: Effects, objects: HostObjects) -> None:
    """RecordingError where a reference is among them that cannot be recorded."""
    put_number(out, len(effects.grown))
    for number, size in effects.grown:
        put_number(out, number)
        put_number(out, size)
    put_number(out, len(effects.writes))
    for number, address, data in effects.writes:
        put_number(out, number)
        put_number(out, address)
        put_bytes(out, data)
    put_number(out, len(effects.globals))
    for number, value in effects.globals:
        put_number(out, number)
        put_value(out, value, objects)
    put_number(out, len(effects.tables))
    for number, elems in effects.tables:
        put_number(out, number)
        put_values(out, elems, objects)
    put_number(out, effects.fuel)


def read_effects(r: Reader) -> Effects:
    """RecordingError where the bytes are damaged."""
    effects = Effects()
    effects.grown = [(r.number(), r.number()) for _ in range(r.count())]
    effects.writes = [(r.number(), r.number(), r.bytes()) for _ in range(r.count())]
    effects.globals = [(r.number(), r.value()) for _ in range(r.count())]
    effects.tables = [(r.number(), list(r.values())) for _ in range(r.count())]
    effects.fuel = r.number()
    return effects
