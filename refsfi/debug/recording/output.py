"""What a guest wrote to a file descriptor, seen in the recorded calls of WASI."""

from __future__ import annotations

import struct
from typing import Final

from refsfi.debug.journal import Call
from refsfi.runtime.memory import MemInst
from refsfi.runtime.store import Instance

__all__ = ["written"]

_U32: Final = struct.Struct("<I")
_BUFFER: Final = struct.Struct("<II")
_WRITE: Final = ("wasi_snapshot_preview1::fd_write", "wasi_unstable::fd_write")


def written(call: Call, inst: Instance) -> tuple[int, bytes] | None:
    """The descriptor and the bytes, once the effects of the call have come about; None where it is no `fd_write`, or
    one that failed. `struct.error` where a forged recording names bytes that the memory does not have."""
    memory = inst.exports.get("memory")
    if call.name not in _WRITE or call.results != (0,) or not isinstance(memory, MemInst):
        return None
    fd, buffers, count, size = call.arguments
    data = memory.data
    (left,) = _U32.unpack_from(data, size)
    pieces = []
    for number in range(count):
        start, length = _BUFFER.unpack_from(data, buffers + _BUFFER.size * number)
        pieces.append(bytes(data[start : start + min(length, left)]))
        left -= len(pieces[-1])
        if not left:
            break
    return fd, b"".join(pieces)
