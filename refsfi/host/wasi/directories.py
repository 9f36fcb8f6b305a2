"""Functions on paths, and the listing of directories.

Each function resolves its path and performs one operation on the place that it leads to; see `paths` for why.
"""

from __future__ import annotations

import errno
import os
import stat

from refsfi.host.wasi.abi import (
    DIRENT,
    Errno,
    FdFlags,
    FileType,
    LookupFlags,
    OpenFlags,
    Rights,
    WasiError,
)
from refsfi.host.wasi.descriptors import Descriptor, Directory, File, file_type
from refsfi.host.wasi.files import host_flags, new_times, pack_filestat
from refsfi.host.wasi.guest import Guest
from refsfi.host.wasi.paths import Place, resolve

_NOCTTY = getattr(os, "O_NOCTTY", 0)


def _directory(guest: Guest, fd: int, right: int) -> Directory:
    found = guest.wasi.fds.directory(fd)
    found.require(right)
    return found


def _lookup(directory: Directory, path: bytes, flags: int, creates: bool = False) -> Place:
    """The place that a path leads to. `link/` is what the link leads to, whatever the flags say."""
    if flags & ~LookupFlags.ALL:
        raise WasiError(Errno.INVAL)
    follow = bool(flags & LookupFlags.SYMLINK_FOLLOW) or path.endswith(b"/")
    return resolve(directory.fd, path, follow, creates)


def path_open(
    guest: Guest,
    fd: int,
    lookup: int,
    path: int,
    size: int,
    oflags: int,
    base: int,
    inheriting: int,
    fdflags: int,
    opened: int,
) -> None:
    """Whether to read or write comes from `base`: with neither, the file can be read. Other rights are those that the
    directory passes on, asked for or not, as guests count on it."""
    guest.check(opened, 4, 4)
    name = guest.path(path, size)
    if oflags & ~OpenFlags.ALL or fdflags & ~FdFlags.ALL:
        raise WasiError(Errno.INVAL)
    table = guest.wasi.fds
    directory = table.get(fd)
    if not isinstance(directory, Directory):
        raise WasiError(Errno.NOTDIR if isinstance(directory, File) else Errno.BADF)
    writes = bool(base & Rights.FD_WRITE)
    reads = bool(base & Rights.FD_READ) or not writes
    _require_to_open(directory, oflags, writes, bool(base & Rights.FD_READ))
    if fdflags & (FdFlags.DSYNC | FdFlags.RSYNC | FdFlags.SYNC):
        raise WasiError(Errno.NOTSUP)
    if oflags & OpenFlags.DIRECTORY and oflags & (OpenFlags.CREAT | OpenFlags.EXCL | OpenFlags.TRUNC):
        raise WasiError(Errno.INVAL)
    table.require_room()

    host = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | _NOCTTY | host_flags(fdflags)
    if writes or oflags & OpenFlags.TRUNC:
        host |= os.O_RDWR if reads else os.O_WRONLY
    if oflags & OpenFlags.CREAT:
        host |= os.O_CREAT
        if oflags & OpenFlags.EXCL:
            host |= os.O_EXCL
            lookup &= ~LookupFlags.SYMLINK_FOLLOW  # a link exists, wherever it leads
    if oflags & OpenFlags.DIRECTORY:
        host |= os.O_DIRECTORY
    if oflags & OpenFlags.TRUNC:
        host |= os.O_TRUNC
    with _lookup(directory, name, lookup, bool(oflags & OpenFlags.CREAT)) as place:
        new = _open(place, host)
    try:
        mode = os.fstat(new).st_mode
        rights = directory.inheriting
        descriptor: Descriptor
        if stat.S_ISDIR(mode):
            if not reads:
                rights &= ~Rights.FD_READDIR
            descriptor = Directory(new, rights, directory.inheriting, directory.granted)
        else:
            if not reads:
                rights &= ~Rights.FD_READ
            if not writes:
                rights &= ~Rights.FD_WRITE
            descriptor = File(new, mode, rights, directory.inheriting, directory.granted, fdflags)
    except BaseException:
        os.close(new)
        raise
    guest.write_u32(opened, table.add(descriptor))


def _require_to_open(directory: Directory, oflags: int, writes: bool, reads: bool) -> None:
    needed = Rights.PATH_OPEN
    if oflags & OpenFlags.CREAT:
        needed |= Rights.PATH_CREATE_FILE
    if oflags & OpenFlags.TRUNC:
        needed |= Rights.PATH_FILESTAT_SET_SIZE
    directory.require(needed)
    needed = (Rights.FD_WRITE if writes else 0) | (Rights.FD_READ if reads and not _lists(oflags) else 0)
    missing = needed & ~directory.inheriting
    if missing:
        raise WasiError(Errno.NOTCAPABLE if missing & directory.granted else Errno.PERM)


def _lists(oflags: int) -> bool:
    """Reading a directory is another right than reading a file."""
    return bool(oflags & OpenFlags.DIRECTORY)


def _open(place: Place, flags: int) -> int:
    if place.slash:
        if flags & os.O_CREAT:
            raise WasiError(Errno.ISDIR)
        flags |= os.O_DIRECTORY
    try:
        return os.open(place.name, flags, 0o666, dir_fd=place.fd)
    except OSError as error:
        # Opened as a directory, a link that is not followed is "no directory" to Linux.
        if error.errno == errno.ENOTDIR and stat.S_ISLNK(place.lstat().st_mode):
            raise WasiError(Errno.LOOP) from None
        raise


def path_create_directory(guest: Guest, fd: int, path: int, size: int) -> None:
    name = guest.path(path, size)
    directory = _directory(guest, fd, Rights.PATH_CREATE_DIRECTORY)
    with resolve(directory.fd, name, False) as place:
        os.mkdir(place.name, 0o777, dir_fd=place.fd)


def path_remove_directory(guest: Guest, fd: int, path: int, size: int) -> None:
    name = guest.path(path, size)
    directory = _directory(guest, fd, Rights.PATH_REMOVE_DIRECTORY)
    with resolve(directory.fd, name, False) as place:
        os.rmdir(place.name, dir_fd=place.fd)


def path_unlink_file(guest: Guest, fd: int, path: int, size: int) -> None:
    name = guest.path(path, size)
    directory = _directory(guest, fd, Rights.PATH_UNLINK_FILE)
    with _lookup(directory, name, 0) as place:
        place.require_directory()
        os.unlink(place.name, dir_fd=place.fd)


def path_filestat_get(guest: Guest, fd: int, lookup: int, path: int, size: int, result: int) -> None:
    guest.check(result, guest.snapshot.filestat.size, 8)
    name = guest.path(path, size)
    directory = _directory(guest, fd, Rights.PATH_FILESTAT_GET)
    with _lookup(directory, name, lookup) as place:
        found = place.lstat()
    if place.slash and not stat.S_ISDIR(found.st_mode):
        raise WasiError(Errno.NOTDIR)
    pack_filestat(guest, result, found)


def path_filestat_set_times(
    guest: Guest, fd: int, lookup: int, path: int, size: int, atime: int, mtime: int, flags: int
) -> None:
    name = guest.path(path, size)
    new_atime, new_mtime = new_times(guest, atime, mtime, flags)
    directory = _directory(guest, fd, Rights.PATH_FILESTAT_SET_TIMES)
    with _lookup(directory, name, lookup) as place:
        now = place.lstat()
        if place.slash and not stat.S_ISDIR(now.st_mode):
            raise WasiError(Errno.NOTDIR)
        times = (
            now.st_atime_ns if new_atime is None else new_atime,
            now.st_mtime_ns if new_mtime is None else new_mtime,
        )
        os.utime(place.name, ns=times, dir_fd=place.fd, follow_symlinks=False)


def path_link(
    guest: Guest, old_fd: int, lookup: int, old_path: int, old_size: int, new_fd: int, new_path: int, new_size: int
) -> None:
    """INVAL for following a link. PERM between directories with other permissions: a link would carry a file from one
    to the other."""
    old_name = guest.path(old_path, old_size)
    new_name = guest.path(new_path, new_size)
    old = _directory(guest, old_fd, Rights.PATH_LINK_SOURCE)
    new = _directory(guest, new_fd, Rights.PATH_LINK_TARGET)
    _require_same(old, new)
    if lookup:
        raise WasiError(Errno.INVAL)
    with _lookup(old, old_name, 0) as source, _lookup(new, new_name, 0) as target:
        source.require_directory()
        target.refuse_slash()
        os.link(source.name, target.name, src_dir_fd=source.fd, dst_dir_fd=target.fd, follow_symlinks=False)


def path_rename(
    guest: Guest, old_fd: int, old_path: int, old_size: int, new_fd: int, new_path: int, new_size: int
) -> None:
    """PERM between directories with other permissions, as for a link."""
    old_name = guest.path(old_path, old_size)
    new_name = guest.path(new_path, new_size)
    old = _directory(guest, old_fd, Rights.PATH_RENAME_SOURCE)
    new = _directory(guest, new_fd, Rights.PATH_RENAME_TARGET)
    _require_same(old, new)
    with resolve(old.fd, old_name, False) as source, resolve(new.fd, new_name, False) as target:
        # That the root has no other name comes first.
        if b"." not in (source.name, target.name):
            source.slash = source.slash or target.slash
            source.require_directory()
        os.rename(source.name, target.name, src_dir_fd=source.fd, dst_dir_fd=target.fd)


def _require_same(old: Directory, new: Directory) -> None:
    """Neither the host's permissions nor the rights that a guest passes on are to be had by moving a file."""
    if old.granted != new.granted:
        raise WasiError(Errno.PERM)
    if new.inheriting & ~old.inheriting:
        raise WasiError(Errno.NOTCAPABLE)


def path_symlink(guest: Guest, target: int, target_size: int, fd: int, path: int, size: int) -> None:
    """The target may be anything relative: what it means is decided when it is followed. PERM for an absolute one."""
    content = guest.path(target, target_size)
    name = guest.path(path, size)
    directory = _directory(guest, fd, Rights.PATH_SYMLINK)
    if content.startswith(b"/"):
        raise WasiError(Errno.PERM)
    with _lookup(directory, name, 0) as place:
        place.refuse_slash()
        os.symlink(content, place.name, dir_fd=place.fd)


def path_readlink(guest: Guest, fd: int, path: int, size: int, buffer: int, buffer_size: int, used: int) -> None:
    """Truncates. ILSEQ for a target that is not UTF-8; PERM for an absolute one, which means nothing to the guest and
    tells about its host."""
    guest.check(used, 4, 4)
    guest.check(buffer, buffer_size)
    name = guest.path(path, size)
    directory = _directory(guest, fd, Rights.PATH_READLINK)
    with _lookup(directory, name, 0) as place:
        place.require_directory()
        target = os.readlink(place.name, dir_fd=place.fd)
    if target.startswith(b"/"):
        raise WasiError(Errno.PERM)
    _require_utf8(target)
    target = target[:buffer_size]
    guest.write(buffer, target)
    guest.write_u32(used, len(target))


def fd_readdir(guest: Guest, fd: int, buffer: int, size: int, cookie: int, used: int) -> None:
    """Entries from number `cookie` on, as many as fit, the last one cut off. ILSEQ for a name that is not UTF-8.

    The directory is read when the listing starts, and remembered until it is read from its beginning again, so that
    no entry is lost or seen twice because others come and go.
    """
    guest.check(used, 4, 4)
    guest.check(buffer, size)
    directory = guest.wasi.fds.directory(fd)
    directory.require(Rights.FD_READDIR)
    if directory.entries is None or cookie == 0:
        directory.entries = _list(guest, directory.fd)
    entries = directory.entries
    data = bytearray()
    while cookie < len(entries) and len(data) < size:
        name, inode, type = entries[cookie]
        cookie += 1
        data += DIRENT.pack(cookie, inode, len(name), type)
        data += name
    del data[size:]
    guest.write(buffer, data)
    guest.write_u32(used, len(data))


def _list(guest: Guest, fd: int) -> list[tuple[bytes, int, FileType]]:
    """In the order of names: the host's own order says something about the host, and differs from run to run."""
    here = os.fstat(fd).st_ino
    found = []
    with os.scandir(fd) as entries:
        for entry in entries:
            guest.poll_stop()
            name = os.fsencode(entry.name)
            _require_utf8(name)
            found.append((name, entry.inode(), _entry_type(entry)))
    found.sort()
    # What lies above the directory is not told.
    return [(b".", here, FileType.DIRECTORY), (b"..", here, FileType.DIRECTORY), *found]


def _entry_type(entry: os.DirEntry[str]) -> FileType:
    if entry.is_symlink():
        return FileType.SYMBOLIC_LINK
    if entry.is_file(follow_symlinks=False):
        return FileType.REGULAR_FILE
    if entry.is_dir(follow_symlinks=False):
        return FileType.DIRECTORY
    try:
        return file_type(entry.stat(follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return FileType.UNKNOWN


def _require_utf8(name: bytes) -> None:
    try:
        name.decode("utf-8")
    except UnicodeDecodeError:
        raise WasiError(Errno.ILSEQ) from None
