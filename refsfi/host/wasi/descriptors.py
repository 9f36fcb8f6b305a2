"""What a descriptor number stands for, and the table of them.

Rights: `base` is what may be done through a descriptor, `inheriting` what at most through those opened beneath it;
both only ever shrink. `granted` is what the host allows there, which no descriptor beneath exceeds. A right that the
host never granted is PERM, one that the guest gave up NOTCAPABLE.
"""

from __future__ import annotations

import os
import stat
from heapq import heappop, heappush
from typing import Final

from refsfi.host.wasi.abi import (
    ALL_RIGHTS,
    DIRECTORY_RIGHTS,
    FILE_RIGHTS,
    Errno,
    FileType,
    Rights,
    WasiError,
)
from refsfi.host.wasi.options import Perms
from refsfi.host.wasi.streams import Sink, Source

__all__ = ["Descriptor", "Directory", "FdTable", "File", "Input", "Output", "file_type", "granted_rights"]

_TYPES: Final[dict[int, FileType]] = {
    stat.S_IFREG: FileType.REGULAR_FILE,
    stat.S_IFDIR: FileType.DIRECTORY,
    stat.S_IFLNK: FileType.SYMBOLIC_LINK,
    stat.S_IFCHR: FileType.CHARACTER_DEVICE,
    stat.S_IFBLK: FileType.BLOCK_DEVICE,
}


def file_type(mode: int) -> FileType:
    """Of a host's `st_mode`. WASI has no number for a FIFO; a socket in the file system is not one that can be used."""
    return _TYPES.get(stat.S_IFMT(mode), FileType.UNKNOWN)


_DIRECTORY_WRITES = (
    Rights.PATH_CREATE_DIRECTORY
    | Rights.PATH_CREATE_FILE
    | Rights.PATH_LINK_SOURCE
    | Rights.PATH_LINK_TARGET
    | Rights.PATH_RENAME_SOURCE
    | Rights.PATH_RENAME_TARGET
    | Rights.PATH_SYMLINK
    | Rights.PATH_REMOVE_DIRECTORY
    | Rights.PATH_UNLINK_FILE
    | Rights.PATH_FILESTAT_SET_TIMES
    | Rights.FD_FILESTAT_SET_TIMES
)
_DIRECTORY_READS = Rights.FD_READDIR | Rights.PATH_READLINK | Rights.PATH_FILESTAT_GET | Rights.PATH_OPEN
_FILE_WRITES = (
    Rights.FD_WRITE
    | Rights.FD_ALLOCATE
    | Rights.FD_FILESTAT_SET_SIZE
    | Rights.PATH_FILESTAT_SET_SIZE
    | Rights.PATH_FILESTAT_SET_TIMES
    | Rights.FD_FILESTAT_SET_TIMES
)


def granted_rights(dir_perms: Perms, file_perms: Perms) -> int:
    """The rights that a host's permissions leave."""
    rights = FILE_RIGHTS | DIRECTORY_RIGHTS
    if not dir_perms & Perms.READ:
        rights &= ~_DIRECTORY_READS
    if not dir_perms & Perms.WRITE:
        rights &= ~_DIRECTORY_WRITES
    if not file_perms & Perms.READ:
        rights &= ~Rights.FD_READ
    if not file_perms & Perms.WRITE:
        rights &= ~_FILE_WRITES
    return rights


class Descriptor:
    """`flags` are FdFlags."""

    type = FileType.UNKNOWN

    def __init__(self, base: int, inheriting: int, granted: int = ALL_RIGHTS, flags: int = 0) -> None:
        self.base = base
        self.inheriting = inheriting
        self.granted = granted
        self.flags = flags

    def require(self, rights: int) -> None:
        """PERM or NOTCAPABLE unless all rights are there."""
        missing = rights & ~self.base
        if missing:
            raise WasiError(Errno.NOTCAPABLE if missing & self.granted else Errno.PERM)

    def restrict(self, base: int, inheriting: int) -> None:
        """Give up rights; NOTCAPABLE for one that is not there."""
        if base & ~self.base or inheriting & ~self.inheriting:
            raise WasiError(Errno.NOTCAPABLE)
        self.base = base
        self.inheriting = inheriting

    def close(self) -> None:
        raise NotImplementedError


_STREAM_RIGHTS = Rights.FD_FILESTAT_GET | Rights.POLL_FD_READWRITE


class Input(Descriptor):
    """Standard input. A terminal is a character device, by which guests know it."""

    def __init__(self, source: Source) -> None:
        rights = Rights.FD_READ | _STREAM_RIGHTS
        super().__init__(rights, rights)
        self.source = source
        self.type = FileType.CHARACTER_DEVICE if source.tty else FileType.UNKNOWN

    def close(self) -> None:
        self.source.close()


class Output(Descriptor):
    """Standard output or error output."""

    def __init__(self, sink: Sink) -> None:
        rights = Rights.FD_WRITE | _STREAM_RIGHTS
        super().__init__(rights, rights)
        self.sink = sink
        self.type = FileType.CHARACTER_DEVICE if sink.tty else FileType.UNKNOWN

    def close(self) -> None:
        self.sink.close()


class File(Descriptor):
    """An open file. The position is that of the host's descriptor `fd`. `mode` has those of FD_READ and FD_WRITE that
    it was opened with. `waits`: it may not be ready, as a FIFO."""

    def __init__(self, fd: int, mode: int, base: int, inheriting: int, granted: int, flags: int) -> None:
        super().__init__(base & FILE_RIGHTS, inheriting, granted, flags)
        self.fd = fd
        self.mode = self.base & (Rights.FD_READ | Rights.FD_WRITE)
        self.type = file_type(mode)
        self.waits = not stat.S_ISREG(mode)

    def close(self) -> None:
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)


class Directory(Descriptor):
    """An open directory, the root of all paths that are resolved through it.

    `name` is what the guest knows a preopened one by. `entries` is its listing since it was last read from its
    beginning: name, inode, type.
    """

    type = FileType.DIRECTORY

    def __init__(self, fd: int, base: int, inheriting: int, granted: int, name: bytes | None = None) -> None:
        super().__init__(base & DIRECTORY_RIGHTS, inheriting, granted)
        self.fd = fd
        self.name = name
        self.entries: list[tuple[bytes, int, FileType]] | None = None

    def close(self) -> None:
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)


class FdTable:
    """Descriptors by number. New ones get the highest number that was freed, else the one after the highest in use."""

    def __init__(self, most: int) -> None:
        self._used: dict[int, Descriptor] = {}
        self._free: list[int] = []  # negated: a heap's first is its least
        self._next = 0
        self._most = most

    def __len__(self) -> int:
        return len(self._used)

    def get(self, number: int) -> Descriptor:
        """BADF."""
        found = self._used.get(number)
        if found is None:
            raise WasiError(Errno.BADF)
        return found

    def file(self, number: int) -> File:
        """BADF for what is no file, as for what is not open."""
        found = self._used.get(number)
        if not isinstance(found, File):
            raise WasiError(Errno.BADF)
        return found

    def seekable(self, number: int) -> File:
        """BADF; SPIPE for a stream."""
        found = self._used.get(number)
        if isinstance(found, (Input, Output)):
            raise WasiError(Errno.SPIPE)
        return self.file(number)

    def directory(self, number: int) -> Directory:
        """BADF for what is no directory, as for what is not open."""
        found = self._used.get(number)
        if not isinstance(found, Directory):
            raise WasiError(Errno.BADF)
        return found

    def require_room(self) -> None:
        """MFILE where the guest has as many descriptors as it may."""
        if len(self._used) >= self._most:
            raise WasiError(Errno.MFILE)

    def add(self, descriptor: Descriptor) -> int:
        if self._free:
            number = -heappop(self._free)
        else:
            number = self._next
            self._next += 1
        self._used[number] = descriptor
        return number

    def close(self, number: int) -> None:
        """BADF. The number is free even where the host reports an error."""
        descriptor = self.get(number)
        del self._used[number]
        heappush(self._free, -number)
        descriptor.close()

    def renumber(self, source: int, target: int) -> None:
        """The target, which must be open, is closed and becomes the source. BADF."""
        moved, replaced = self.get(source), self.get(target)
        if source == target:
            return
        del self._used[source]
        heappush(self._free, -source)
        self._used[target] = moved
        replaced.close()

    def close_all(self) -> None:
        """Also where one of them fails to close."""
        while self._used:
            _, descriptor = self._used.popitem()
            try:
                descriptor.close()
            except OSError:
                pass
