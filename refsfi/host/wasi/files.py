"""Functions on descriptors: reading and writing, positions, attributes, the table itself."""

from __future__ import annotations

import errno
import os
from typing import Final

from refsfi.host.wasi.abi import (
    FDSTAT,
    PRESTAT,
    Errno,
    FdFlags,
    FstFlags,
    Rights,
    WasiError,
    Whence,
)
from refsfi.host.wasi.descriptors import Descriptor, Directory, File, Input, Output, file_type
from refsfi.host.wasi.guest import Guest
from refsfi.host.wasi.streams import read_host, write_host

__all__ = ["host_flags", "new_times", "pack_filestat"]

_I64_MAX: Final = (1 << 63) - 1
_U64_MAX: Final = (1 << 64) - 1


def _host_offset(offset: int) -> int:
    """INVAL for an offset that the host's signed type does not hold."""
    if offset > _I64_MAX:
        raise WasiError(Errno.INVAL)
    return offset


# --- reading and writing


def fd_read(guest: Guest, fd: int, iovs: int, count: int, read: int) -> None:
    guest.check(read, 4, 4)
    buffers = guest.buffers(iovs, count)
    found = guest.wasi.fds.get(fd)
    if isinstance(found, File):
        _require_mode(found, Rights.FD_READ)
        number = read_host(guest, found.fd, buffers, found.waits and not found.flags & FdFlags.NONBLOCK)
    elif isinstance(found, Input):
        _require_mode(found, Rights.FD_READ)
        number = found.source.read(guest, buffers)
    else:
        raise WasiError(Errno.BADF)
    guest.write_u32(read, number)


def fd_write(guest: Guest, fd: int, iovs: int, count: int, written: int) -> None:
    guest.check(written, 4, 4)
    buffers = guest.buffers(iovs, count)
    found = guest.wasi.fds.get(fd)
    if isinstance(found, File):
        _require_mode(found, Rights.FD_WRITE)
        number = write_host(guest, found.fd, buffers, found.waits and not found.flags & FdFlags.NONBLOCK)
    elif isinstance(found, Output):
        _require_mode(found, Rights.FD_WRITE)
        number = found.sink.write(guest, buffers)
    else:
        raise WasiError(Errno.BADF)
    guest.write_u32(written, number)


def _require_mode(found: Descriptor, right: int) -> None:
    """Opened without it: BADF, as POSIX has it. Given up: NOTCAPABLE."""
    if not found.base & right:
        raise WasiError(Errno.NOTCAPABLE if isinstance(found, File) and found.mode & right else Errno.BADF)


def fd_pread(guest: Guest, fd: int, iovs: int, count: int, offset: int, read: int) -> None:
    guest.check(read, 4, 4)
    buffers = guest.buffers(iovs, count)
    found = _positioned(guest, fd, Input)
    _host_offset(offset)
    _require_mode(found, Rights.FD_READ)
    found.require(Rights.FD_SEEK)
    number = 0
    if buffers:
        with guest.views(buffers) as views:
            number = os.preadv(found.fd, views, offset)
        guest.filled(buffers, number)
    guest.write_u32(read, number)


def fd_pwrite(guest: Guest, fd: int, iovs: int, count: int, offset: int, written: int) -> None:
    """A file that appends does so here, too, as on Linux."""
    guest.check(written, 4, 4)
    buffers = guest.buffers(iovs, count)
    found = _positioned(guest, fd, Output)
    _host_offset(offset)
    _require_mode(found, Rights.FD_WRITE)
    found.require(Rights.FD_SEEK)
    number = 0
    if buffers:
        with guest.views(buffers) as views:
            number = os.pwritev(found.fd, views, offset)
    guest.write_u32(written, number)


def _positioned(guest: Guest, fd: int, stream: type[Input] | type[Output]) -> File:
    """BADF; SPIPE for the kind of stream that has the direction, but no positions."""
    if isinstance(guest.wasi.fds.get(fd), stream):
        raise WasiError(Errno.SPIPE)
    return guest.wasi.fds.file(fd)


# --- positions


def fd_seek(guest: Guest, fd: int, delta: int, whence: int, position: int) -> None:
    """Asking where one is needs only the right to tell."""
    guest.check(position, 8, 8)
    found = guest.wasi.fds.seekable(fd)
    if whence >= len(guest.snapshot.whence):
        raise WasiError(Errno.INVAL)
    if delta > _I64_MAX:
        delta -= 1 << 64
    origin = guest.snapshot.whence[whence]
    if origin is Whence.CUR and delta == 0:
        _require_tell(found)
    else:
        found.require(Rights.FD_SEEK)
    try:
        now = os.lseek(found.fd, delta, _ORIGINS[origin])
    except OSError as error:
        # Linux tells a sum beyond 63 bits by EOVERFLOW.
        raise WasiError(Errno.SPIPE if error.errno == errno.ESPIPE else Errno.INVAL) from None
    guest.write_u64(position, now)


_ORIGINS: Final = {Whence.SET: os.SEEK_SET, Whence.CUR: os.SEEK_CUR, Whence.END: os.SEEK_END}


def fd_tell(guest: Guest, fd: int, position: int) -> None:
    guest.check(position, 8, 8)
    found = guest.wasi.fds.seekable(fd)
    _require_tell(found)
    guest.write_u64(position, os.lseek(found.fd, 0, os.SEEK_CUR))


def _require_tell(found: File) -> None:
    """FD_SEEK implies FD_TELL."""
    if not found.base & (Rights.FD_SEEK | Rights.FD_TELL):
        found.require(Rights.FD_TELL)


# --- what is stored


def fd_sync(guest: Guest, fd: int) -> None:
    found = guest.wasi.fds.file(fd)
    found.require(Rights.FD_SYNC)
    os.fsync(found.fd)


def fd_datasync(guest: Guest, fd: int) -> None:
    found = guest.wasi.fds.file(fd)
    found.require(Rights.FD_DATASYNC)
    getattr(os, "fdatasync", os.fsync)(found.fd)


_ADVICE: Final = ("NORMAL", "SEQUENTIAL", "RANDOM", "WILLNEED", "DONTNEED", "NOREUSE")


def fd_advise(guest: Guest, fd: int, offset: int, length: int, advice: int) -> None:
    """Nothing happens where the host takes no advice."""
    if advice >= len(_ADVICE):
        raise WasiError(Errno.INVAL)
    found = guest.wasi.fds.file(fd)
    found.require(Rights.FD_ADVISE)
    _host_offset(offset)
    _host_offset(length)
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(found.fd, offset, length, getattr(os, f"POSIX_FADV_{_ADVICE[advice]}"))


def fd_allocate(guest: Guest, fd: int, offset: int, length: int) -> None:
    """The file grows, with a hole, to hold the range; it never shrinks. INVAL for an empty range, FBIG."""
    found = guest.wasi.fds.file(fd)
    found.require(Rights.FD_ALLOCATE)
    if found.waits:
        raise WasiError(Errno.NOTSUP)
    if not found.base & Rights.FD_WRITE:
        raise WasiError(Errno.BADF)
    if length == 0:
        raise WasiError(Errno.INVAL)
    end = offset + length
    if end > _I64_MAX:
        raise WasiError(Errno.FBIG)
    if end > os.fstat(found.fd).st_size:
        os.ftruncate(found.fd, end)


# --- attributes of the descriptor


def fd_fdstat_get(guest: Guest, fd: int, stat: int) -> None:
    guest.check(stat, FDSTAT.size, 8)
    found = guest.wasi.fds.get(fd)
    guest.pack(FDSTAT, stat, found.type, found.flags, found.base, found.inheriting)


def fd_fdstat_set_flags(guest: Guest, fd: int, flags: int) -> None:
    """INVAL for all but APPEND and NONBLOCK."""
    found = guest.wasi.fds.file(fd)
    if flags & ~(FdFlags.APPEND | FdFlags.NONBLOCK):
        raise WasiError(Errno.INVAL)
    found.require(Rights.FD_FDSTAT_SET_FLAGS)
    import fcntl

    now = fcntl.fcntl(found.fd, fcntl.F_GETFL)
    fcntl.fcntl(found.fd, fcntl.F_SETFL, now & ~os.O_APPEND | host_flags(flags))
    found.flags = flags


def host_flags(flags: int) -> int:
    """What the host's kernel needs to know of FdFlags. Not NONBLOCK: all files are opened so, and reading and writing
    wait where they should."""
    return os.O_APPEND if flags & FdFlags.APPEND else 0


def fd_fdstat_set_rights(guest: Guest, fd: int, base: int, inheriting: int) -> None:
    guest.wasi.fds.get(fd).restrict(base, inheriting)


# --- attributes of the file


def fd_filestat_get(guest: Guest, fd: int, stat: int) -> None:
    """A stream has none but its type."""
    guest.check(stat, guest.snapshot.filestat.size, 8)
    found = guest.wasi.fds.get(fd)
    found.require(Rights.FD_FILESTAT_GET)
    if isinstance(found, (File, Directory)):
        pack_filestat(guest, stat, os.fstat(found.fd))
    else:
        guest.pack(guest.snapshot.filestat, stat, 0, 0, found.type, 0, 0, 0, 0, 0)


def pack_filestat(guest: Guest, address: int, stat: os.stat_result) -> None:
    """A time before 1970 is given as zero, as there is no other."""
    times = [max(0, time) for time in (stat.st_atime_ns, stat.st_mtime_ns, stat.st_ctime_ns)]
    if max(times) > _U64_MAX:
        raise WasiError(Errno.OVERFLOW)
    guest.pack(
        guest.snapshot.filestat,
        address,
        stat.st_dev & _U64_MAX,
        stat.st_ino & _U64_MAX,
        file_type(stat.st_mode),
        stat.st_nlink & 0xFFFF_FFFF,
        stat.st_size,
        *times,
    )


def fd_filestat_set_size(guest: Guest, fd: int, size: int) -> None:
    found = guest.wasi.fds.file(fd)
    found.require(Rights.FD_FILESTAT_SET_SIZE)
    os.ftruncate(found.fd, _host_offset(size))


def fd_filestat_set_times(guest: Guest, fd: int, atime: int, mtime: int, flags: int) -> None:
    new = new_times(guest, atime, mtime, flags)
    found = guest.wasi.fds.get(fd)
    if not isinstance(found, (File, Directory)):
        raise WasiError(Errno.BADF)
    found.require(Rights.FD_FILESTAT_SET_TIMES)
    now = os.fstat(found.fd)
    os.utime(found.fd, ns=(_or(new[0], now.st_atime_ns), _or(new[1], now.st_mtime_ns)))


def _or(time: int | None, now: int) -> int:
    return now if time is None else time


def new_times(guest: Guest, atime: int, mtime: int, flags: int) -> tuple[int | None, int | None]:
    """What FstFlags ask for, nanoseconds; None: as it is. INVAL for both of a pair."""
    if flags & ~FstFlags.ALL:
        raise WasiError(Errno.INVAL)
    if (flags & FstFlags.ATIM and flags & FstFlags.ATIM_NOW) or (flags & FstFlags.MTIM and flags & FstFlags.MTIM_NOW):
        raise WasiError(Errno.INVAL)
    now = guest.wasi.clocks.realtime() if flags & (FstFlags.ATIM_NOW | FstFlags.MTIM_NOW) else None
    return (
        atime if flags & FstFlags.ATIM else now if flags & FstFlags.ATIM_NOW else None,
        mtime if flags & FstFlags.MTIM else now if flags & FstFlags.MTIM_NOW else None,
    )


# --- the table


def fd_close(guest: Guest, fd: int) -> None:
    guest.wasi.fds.close(fd)


def fd_renumber(guest: Guest, fd: int, to: int) -> None:
    guest.wasi.fds.renumber(fd, to)


def fd_prestat_get(guest: Guest, fd: int, stat: int) -> None:
    """BADF for what is not preopened: so guests learn how many preopens there are."""
    guest.check(stat, PRESTAT.size, 4)
    found = guest.wasi.fds.get(fd)
    if not isinstance(found, Directory) or found.name is None:
        raise WasiError(Errno.BADF)
    guest.pack(PRESTAT, stat, 0, len(found.name))


def fd_prestat_dir_name(guest: Guest, fd: int, path: int, size: int) -> None:
    found = guest.wasi.fds.get(fd)
    if not isinstance(found, Directory) or found.name is None:
        raise WasiError(Errno.NOTDIR)
    if len(found.name) > size:
        raise WasiError(Errno.NAMETOOLONG)
    guest.check(path, len(found.name))
    guest.write(path, found.name)
