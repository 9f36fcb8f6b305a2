"""The binary interface of WASI preview 1: numbers, bits and record layouts.

Source: the witx files of snapshot 1 (`wasi_snapshot_preview1`) and of snapshot 0 (`wasi_unstable`). Integers are
little-endian; a record's alignment is that of its largest field.
"""

from __future__ import annotations

import errno
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

__all__ = [
    "ALL_RIGHTS",
    "DIRECTORY_RIGHTS",
    "DIRENT",
    "EVENT",
    "FDSTAT",
    "FILE_RIGHTS",
    "IOVEC",
    "PRESTAT",
    "SNAPSHOTS",
    "Clock",
    "Errno",
    "EventType",
    "FdFlags",
    "FileType",
    "FstFlags",
    "LookupFlags",
    "OpenFlags",
    "Rights",
    "Snapshot",
    "WasiError",
    "Whence",
    "errno_of",
]


class Errno(IntEnum):
    """`errno`, u16. Names are those of witx, in its order; `2big` gets a letter in front."""

    SUCCESS = 0
    E2BIG = 1
    ACCES = 2
    ADDRINUSE = 3
    ADDRNOTAVAIL = 4
    AFNOSUPPORT = 5
    AGAIN = 6
    ALREADY = 7
    BADF = 8
    BADMSG = 9
    BUSY = 10
    CANCELED = 11
    CHILD = 12
    CONNABORTED = 13
    CONNREFUSED = 14
    CONNRESET = 15
    DEADLK = 16
    DESTADDRREQ = 17
    DOM = 18
    DQUOT = 19
    EXIST = 20
    FAULT = 21
    FBIG = 22
    HOSTUNREACH = 23
    IDRM = 24
    ILSEQ = 25
    INPROGRESS = 26
    INTR = 27
    INVAL = 28
    IO = 29
    ISCONN = 30
    ISDIR = 31
    LOOP = 32
    MFILE = 33
    MLINK = 34
    MSGSIZE = 35
    MULTIHOP = 36
    NAMETOOLONG = 37
    NETDOWN = 38
    NETRESET = 39
    NETUNREACH = 40
    NFILE = 41
    NOBUFS = 42
    NODEV = 43
    NOENT = 44
    NOEXEC = 45
    NOLCK = 46
    NOLINK = 47
    NOMEM = 48
    NOMSG = 49
    NOPROTOOPT = 50
    NOSPC = 51
    NOSYS = 52
    NOTCONN = 53
    NOTDIR = 54
    NOTEMPTY = 55
    NOTRECOVERABLE = 56
    NOTSOCK = 57
    NOTSUP = 58
    NOTTY = 59
    NXIO = 60
    OVERFLOW = 61
    OWNERDEAD = 62
    PERM = 63
    PIPE = 64
    PROTO = 65
    PROTONOSUPPORT = 66
    PROTOTYPE = 67
    RANGE = 68
    ROFS = 69
    SPIPE = 70
    SRCH = 71
    STALE = 72
    TIMEDOUT = 73
    TXTBSY = 74
    XDEV = 75
    NOTCAPABLE = 76


class WasiError(Exception):
    """A WASI function fails with this errno. Never leaves the package."""

    def __init__(self, errno: Errno) -> None:
        super().__init__(errno.name)
        self.errno = errno


# The host's numbers. Every name of POSIX that the host has and witx has too.
_FROM_HOST: Final[dict[int, Errno]] = {
    getattr(errno, name): e for e in Errno if hasattr(errno, name := e.name if e is Errno.E2BIG else "E" + e.name)
} | {
    errno.EWOULDBLOCK: Errno.AGAIN,
    errno.EOPNOTSUPP: Errno.NOTSUP,
}


def errno_of(error: OSError) -> Errno:
    """What the guest is told about a failed call of the host; IO where the host's number has no counterpart."""
    return _FROM_HOST.get(error.errno or 0, Errno.IO)


class Clock(IntEnum):
    REALTIME = 0
    MONOTONIC = 1
    PROCESS_CPUTIME = 2
    THREAD_CPUTIME = 3


class Rights:
    """`rights`, u64: what may be done through a descriptor."""

    FD_DATASYNC: Final = 1 << 0
    FD_READ: Final = 1 << 1
    FD_SEEK: Final = 1 << 2
    FD_FDSTAT_SET_FLAGS: Final = 1 << 3
    FD_SYNC: Final = 1 << 4
    FD_TELL: Final = 1 << 5
    FD_WRITE: Final = 1 << 6
    FD_ADVISE: Final = 1 << 7
    FD_ALLOCATE: Final = 1 << 8
    PATH_CREATE_DIRECTORY: Final = 1 << 9
    PATH_CREATE_FILE: Final = 1 << 10
    PATH_LINK_SOURCE: Final = 1 << 11
    PATH_LINK_TARGET: Final = 1 << 12
    PATH_OPEN: Final = 1 << 13
    FD_READDIR: Final = 1 << 14
    PATH_READLINK: Final = 1 << 15
    PATH_RENAME_SOURCE: Final = 1 << 16
    PATH_RENAME_TARGET: Final = 1 << 17
    PATH_FILESTAT_GET: Final = 1 << 18
    PATH_FILESTAT_SET_SIZE: Final = 1 << 19
    PATH_FILESTAT_SET_TIMES: Final = 1 << 20
    FD_FILESTAT_GET: Final = 1 << 21
    FD_FILESTAT_SET_SIZE: Final = 1 << 22
    FD_FILESTAT_SET_TIMES: Final = 1 << 23
    PATH_SYMLINK: Final = 1 << 24
    PATH_REMOVE_DIRECTORY: Final = 1 << 25
    PATH_UNLINK_FILE: Final = 1 << 26
    POLL_FD_READWRITE: Final = 1 << 27
    SOCK_SHUTDOWN: Final = 1 << 28
    SOCK_ACCEPT: Final = 1 << 29


ALL_RIGHTS: Final = (1 << 30) - 1

# What applies to each type of file at all.
FILE_RIGHTS: Final = (
    Rights.FD_DATASYNC
    | Rights.FD_READ
    | Rights.FD_SEEK
    | Rights.FD_FDSTAT_SET_FLAGS
    | Rights.FD_SYNC
    | Rights.FD_TELL
    | Rights.FD_WRITE
    | Rights.FD_ADVISE
    | Rights.FD_ALLOCATE
    | Rights.FD_FILESTAT_GET
    | Rights.FD_FILESTAT_SET_SIZE
    | Rights.FD_FILESTAT_SET_TIMES
    | Rights.POLL_FD_READWRITE
)
DIRECTORY_RIGHTS: Final = (
    Rights.PATH_CREATE_DIRECTORY
    | Rights.PATH_CREATE_FILE
    | Rights.PATH_LINK_SOURCE
    | Rights.PATH_LINK_TARGET
    | Rights.PATH_OPEN
    | Rights.FD_READDIR
    | Rights.PATH_READLINK
    | Rights.PATH_RENAME_SOURCE
    | Rights.PATH_RENAME_TARGET
    | Rights.PATH_FILESTAT_GET
    | Rights.PATH_FILESTAT_SET_SIZE
    | Rights.PATH_FILESTAT_SET_TIMES
    | Rights.FD_FILESTAT_GET
    | Rights.FD_FILESTAT_SET_TIMES
    | Rights.PATH_SYMLINK
    | Rights.PATH_REMOVE_DIRECTORY
    | Rights.PATH_UNLINK_FILE
)


class Whence(IntEnum):
    """`whence` of snapshot 1."""

    SET = 0
    CUR = 1
    END = 2


class FileType(IntEnum):
    UNKNOWN = 0
    BLOCK_DEVICE = 1
    CHARACTER_DEVICE = 2
    DIRECTORY = 3
    REGULAR_FILE = 4
    SOCKET_DGRAM = 5
    SOCKET_STREAM = 6
    SYMBOLIC_LINK = 7


class EventType(IntEnum):
    CLOCK = 0
    FD_READ = 1
    FD_WRITE = 2


class FdFlags:
    APPEND: Final = 1
    DSYNC: Final = 2
    NONBLOCK: Final = 4
    RSYNC: Final = 8
    SYNC: Final = 16
    ALL: Final = 31


class FstFlags:
    ATIM: Final = 1
    ATIM_NOW: Final = 2
    MTIM: Final = 4
    MTIM_NOW: Final = 8
    ALL: Final = 15


class LookupFlags:
    SYMLINK_FOLLOW: Final = 1
    ALL: Final = 1


class OpenFlags:
    """`oflags`, u16."""

    CREAT: Final = 1
    DIRECTORY: Final = 2
    EXCL: Final = 4
    TRUNC: Final = 8
    ALL: Final = 15


IOVEC: Final = struct.Struct("<II")  # buf, buf_len
FDSTAT: Final = struct.Struct("<BxH4xQQ")  # filetype, flags, rights base, rights inheriting
PRESTAT: Final = struct.Struct("<B3xI")  # tag (0: directory), name length
DIRENT: Final = struct.Struct("<QQIB3x")  # next, ino, namlen, type
EVENT: Final = struct.Struct("<QHB5xQH6x")  # userdata, error, type, nbytes, flags


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Where the two snapshots differ.

    `filestat`: dev, ino, filetype, nlink, size, atim, mtim, ctim. `subscription` is the record's size in bytes;
    `clock`, at offset 16 of it, unpacks to id, timeout, precision, flags.
    """

    module: str
    filestat: struct.Struct
    subscription: int
    clock: struct.Struct
    whence: tuple[Whence, Whence, Whence]


SNAPSHOTS: Final = (
    Snapshot(
        "wasi_snapshot_preview1",
        struct.Struct("<QQB7xQQQQQ"),
        48,
        struct.Struct("<I4xQQH6x"),
        (Whence.SET, Whence.CUR, Whence.END),
    ),
    Snapshot(
        "wasi_unstable",
        struct.Struct("<QQB3xIQQQQ"),
        56,
        struct.Struct("<8xI4xQQH6x"),  # after a user-defined identifier of the clock
        (Whence.CUR, Whence.END, Whence.SET),
    ),
)
