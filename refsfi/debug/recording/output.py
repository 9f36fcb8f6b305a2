"""What a guest wrote to a file descriptor, seen in the recorded calls of WASI."""

from __future__ import annotations

import struct
from typing import Final

from refsfi.debug.journal import Call
from refsfi.debug.model import DebugError
from refsfi.runtime.memory import Buffer, MemInst
from refsfi.runtime.store import Instance

__all__ = ["written"]

_U32: Final = struct.Struct("<I")
_BUFFER: Final = struct.Struct("<II")
_WRITE: Final = ("wasi_snapshot_preview1::fd_write", "wasi_unstable::fd_write")


def written(call: Call, inst: Instance) -> tuple[int, bytes] | None:
    """The descriptor and the bytes, once the effects of the call have come about; None where it is no `fd_write`, or
    one that failed. DebugError where the memory does not have the bytes that the recording names."""
    memory = inst.exports.get("memory")
    if call.name not in _WRITE or call.results != (0,) or not isinstance(memory, MemInst):
        return None
    try:
        fd, buffers, count, size = call.arguments
        return fd, _gathered(memory.data, buffers, count, size)
    except (struct.error, ValueError, TypeError):
        raise DebugError(f"the recording has {call.name}{call.arguments}, and there is no such output") from None


def _gathered(data: Buffer, buffers: int, count: int, size: int) -> bytes:
    """As many bytes of the buffers as were written."""
    (left,) = _U32.unpack_from(data, size)
    pieces = []
    for number in range(count):
        if not left:
            break
        start, length = _BUFFER.unpack_from(data, buffers + _BUFFER.size * number)
        pieces.append(bytes(data[start : start + min(length, left)]))
        left -= len(pieces[-1])
    return b"".join(pieces)
