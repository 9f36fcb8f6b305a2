"""The bytes of memories that have no reservation: where none is to be had, for 64-bit addresses, for tiny pages.

They are an anonymous private mapping, so that a memory costs what its guest touches and not what it declares, and
growing moves page tables instead of bytes. But it moves: what was learned of their address holds until they grow, and
views have to be provided for.
"""

from __future__ import annotations

import ctypes
import mmap
import os

__all__ = ["MovableBytes"]

_PIECE = 1 << 16

_MAP_NORESERVE = 0x4000  # mmap.MAP_NORESERVE exists from Python 3.13 on
_FLAGS = getattr(mmap, "MAP_PRIVATE", 0) | getattr(mmap, "MAP_ANONYMOUS", 0) | _MAP_NORESERVE


class MovableBytes:
    """Zeroed bytes that can grow. `buffer` is replaced or resized by `resize`.

    All of it raises OSError, ValueError or OverflowError where there is no room, and has changed nothing then.
    """

    __slots__ = ("_file", "buffer")

    def __init__(self, size: int) -> None:
        self.buffer = _allocate(size)
        self._file: _File | None = None

    @property
    def base(self) -> int:
        """The address of the bytes until they grow; 0 where there are none."""
        if not len(self.buffer):
            return 0
        return ctypes.addressof(ctypes.c_ubyte.from_buffer(self.buffer))

    def resize(self, size: int) -> None:
        """Add zeros, up to `size` bytes."""
        data = self.buffer
        if self._file is not None:
            self._file.resize(size)
            self.buffer = self._file.map(size)
            return
        if isinstance(data, mmap.mmap):
            try:
                data.resize(size)
                return
            except (BufferError, SystemError):
                # Somebody holds a view of the old bytes, or the system cannot move mappings.
                pass
        fresh = _allocate(size)
        fresh[: len(data)] = data[:]
        self.buffer = fresh

    def shrink(self, size: int) -> None:
        """Go back to the first `size` bytes. OSError, ValueError or OverflowError without room for a copy of them."""
        fresh = _allocate(size)
        fresh[:] = self.buffer[:size]
        self.replace(fresh)

    def pin(self) -> bool:
        """Make views lasting: a view taken from now on goes on showing these bytes after `resize`, the first as many
        as there were when it was taken. Whether that replaced the buffer.

        The bytes move into a file without a name, of which old and new mapping show the same pages. It costs a
        descriptor for as long as they live, hence only for memories that somebody looks into.
        """
        data = self.buffer
        if self._file is not None or not len(data):
            return False
        file = _File(len(data))
        fresh = file.map(len(data))
        zeros = bytes(_PIECE)
        for start in range(0, len(data), _PIECE):
            piece = data[start : start + _PIECE]
            # What the guest has not touched need not be had.
            if piece != zeros[: len(piece)]:
                fresh[start : start + len(piece)] = piece
        self.buffer = fresh
        self._file = file
        return True

    def copy(self) -> mmap.mmap | bytearray:
        """The same bytes in pages of their own."""
        fresh = _allocate(len(self.buffer))
        fresh[:] = self.buffer[:]
        return fresh

    def replace(self, copy: mmap.mmap | bytearray) -> None:
        """Go on with the bytes of a copy. Views of before are views of something else from now on."""
        self.buffer = copy
        self._file = None


def _allocate(size: int) -> mmap.mmap | bytearray:
    """Zeroed bytes. A mapping cannot be empty, hence the bytearray."""
    if size == 0:
        return bytearray()
    return mmap.mmap(-1, size, flags=_FLAGS)


class _File:
    """Pages without a name that can be mapped more than once."""

    __slots__ = ("_fd",)

    def __init__(self, size: int) -> None:
        self._fd = os.memfd_create("wasm-memory", os.MFD_CLOEXEC)
        try:
            self.resize(size)
        except OSError:
            os.close(self._fd)
            self._fd = -1
            raise

    def resize(self, size: int) -> None:
        os.ftruncate(self._fd, size)

    def map(self, size: int) -> mmap.mmap:
        return mmap.mmap(self._fd, size)

    def __del__(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
