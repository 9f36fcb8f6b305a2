"""Resolution of a path beneath a directory, and nowhere else.

The host's kernel is never given more than one component of a guest's path. Each is opened relative to the directory
before it and without following links; links are read and their target put in front of what is left of the path. The
directories on the way stay open on a stack, so that `..` goes back to where the path came from, whatever has been
renamed meanwhile, and ends at the root of the stack. What comes out is an open directory and a last component, on
which the caller performs its one operation, again relative to the directory and without following links. So there
is no moment between a check and its use in which a link could be put in place: a link that appears where there was
none makes the operation fail.

Rejected: comparing the real path with the root and opening it then (the classic escape); the kernel's
openat2(RESOLVE_BENEATH) alone (Linux only, and only for opening).
"""

from __future__ import annotations

import errno
import os
import stat

from refsfi.host.wasi.abi import Errno, WasiError

__all__ = ["Place", "resolve"]

# Symbolic links in one path, as Linux has it.
_MAX_LINKS = 40
# Directories kept open for one path.
_MAX_DEPTH = 256

# A directory on the way needs to be searched, not to be read.
_STEP = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Place:
    """`name`, a single component (or `.`), in the open directory `fd`. `slash`: the path ended in a slash, so that it
    means a directory."""

    __slots__ = ("_opened", "fd", "name", "slash")

    def __init__(self, fd: int, name: bytes, slash: bool, opened: list[int]) -> None:
        self.fd = fd
        self.name = name
        self.slash = slash
        self._opened = opened

    def __enter__(self) -> Place:
        return self

    def __exit__(self, *exception: object) -> None:
        _close(self._opened)

    def lstat(self) -> os.stat_result:
        """Of what is there, a link itself. OSError."""
        return os.stat(self.name, dir_fd=self.fd, follow_symlinks=False)

    def require_directory(self) -> None:
        """NOTDIR if the path ends in a slash and means something else; OSError if it means nothing."""
        if self.slash and not stat.S_ISDIR(self.lstat().st_mode):
            raise WasiError(Errno.NOTDIR)

    def refuse_slash(self) -> None:
        """What becomes no directory cannot be created under a name with a slash: NOENT; EXIST or NOTDIR for what
        exists."""
        if self.slash:
            raise WasiError(Errno.EXIST if stat.S_ISDIR(self.lstat().st_mode) else Errno.NOTDIR)


def _close(fds: list[int]) -> None:
    while fds:
        os.close(fds.pop())


def resolve(root: int, path: bytes, follow: bool, creates: bool = False) -> Place:
    """Where a path leads, from the open directory `root`, which stays open; `with resolve(...) as place`.

    `follow`: a link in the last place is followed, too. It need not exist. `creates`: a file is to be made there, which
    cannot be under a name with a slash, whatever is there: that is not followed.

    PERM for a path that leaves the root, NOENT for an empty one, LOOP, NOTDIR, NAMETOOLONG; OSError.
    """
    if not path:
        raise WasiError(Errno.NOENT)
    opened: list[int] = []
    try:
        return _walk(root, path, follow, creates, opened)
    except BaseException:
        _close(opened)
        raise


def _walk(root: int, path: bytes, follow: bool, creates: bool, opened: list[int]) -> Place:
    slash = False
    links = 0
    todo = _components(path)
    while todo:
        name = todo.pop()
        here = opened[-1] if opened else root
        if not name or (name == b"." and any(todo)):
            continue
        if name == b"..":
            if not opened:
                raise WasiError(Errno.PERM)
            os.close(opened.pop())
            continue
        if not any(todo):
            slash = bool(todo)
            target = _link(name, here) if follow and not (creates and slash) else None
            if target is None:
                return Place(here, name, slash, opened)
        else:
            try:
                if len(opened) >= _MAX_DEPTH:
                    raise WasiError(Errno.NAMETOOLONG)
                opened.append(os.open(name, _STEP, dir_fd=here))
                continue
            except OSError as error:
                if error.errno not in (errno.ENOTDIR, errno.ELOOP):
                    raise
                target = _link(name, here)
                if target is None:
                    raise WasiError(Errno.NOTDIR) from None
        links += 1
        if links > _MAX_LINKS:
            raise WasiError(Errno.LOOP)
        todo += _components(target)
    return Place(opened[-1] if opened else root, b".", slash, opened)


def _components(path: bytes) -> list[bytes]:
    """Last one first, without those that mean nothing. What comes last does mean something: `.`, or else a slash, which
    shows as an empty component. PERM for an absolute path."""
    if path.startswith(b"/"):
        raise WasiError(Errno.PERM)
    parts = [part for part in path.split(b"/") if part]
    found = [part for part in parts if part != b"."]
    if parts[-1] == b".":
        found.append(b".")
    elif path.endswith(b"/"):
        found.append(b"")
    found.reverse()
    return found


def _link(name: bytes, fd: int) -> bytes | None:
    """The target of a symbolic link; None where there is something else or nothing."""
    try:
        return os.readlink(name, dir_fd=fd)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.ENOENT):
            return None
        raise
