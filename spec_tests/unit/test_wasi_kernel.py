"""WASI: operations on paths have the outcome that the kernel's own have, as long as they stay beneath the directory.

Two directories begin alike. A random operation is done in one of them by a guest, in the other by the host with the
same path; outcomes are compared, and both trees in the end.
"""

from __future__ import annotations

import errno
import os
import random
import stat
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from refsfi.host.wasi.abi import Errno, errno_of
from spec_tests.unit.wasi_support import OUT, ROOT, WasiGuest, beneath

WALKS, STEPS = 40, 400
CREAT, DIRECTORY, EXCL, TRUNC = 1, 2, 4, 8


def _path(choose: random.Random) -> bytes:
    parts = [choose.choice((b"a", b"b", b"c", b"a", b"b", b"..", b".")) for _ in range(choose.randint(1, 3))]
    return b"/".join(parts) + (b"/" if choose.random() < 0.25 else b"")


def _leads_out(root: int, path: bytes, follow: bool) -> bool:
    parent = path.rstrip(b"/").rpartition(b"/")[0]
    if path.rstrip(b"/").rpartition(b"/")[2] in (b"..", b".") or path.endswith(b"/"):
        parent = path
    return beneath(root, parent or b".", True) is Errno.PERM or (follow and beneath(root, path, True) is Errno.PERM)


class Host:
    """The operations, done by the host without a thought of any boundary."""

    def __init__(self, root: int) -> None:
        self.root = root

    def mkdir(self, path: bytes) -> None:
        os.mkdir(path, dir_fd=self.root)

    def rmdir(self, path: bytes) -> None:
        os.rmdir(path, dir_fd=self.root)

    def unlink(self, path: bytes) -> None:
        os.unlink(path, dir_fd=self.root)

    def rename(self, path: bytes, other: bytes) -> None:
        os.rename(path, other, src_dir_fd=self.root, dst_dir_fd=self.root)

    def link(self, path: bytes, other: bytes) -> None:
        os.link(path, other, src_dir_fd=self.root, dst_dir_fd=self.root, follow_symlinks=False)

    def symlink(self, path: bytes, other: bytes) -> None:
        os.symlink(path, other, dir_fd=self.root)

    def readlink(self, path: bytes) -> bytes:
        return os.readlink(path, dir_fd=self.root)

    def stat(self, path: bytes, follow: bool) -> tuple[int, int]:
        found = os.stat(path, dir_fd=self.root, follow_symlinks=follow)
        return stat.S_IFMT(found.st_mode), found.st_nlink if stat.S_ISREG(found.st_mode) else 0

    def open(self, path: bytes, follow: bool, oflags: int) -> int:
        flags = os.O_RDONLY if oflags & DIRECTORY else os.O_RDWR
        if not follow:
            flags |= os.O_NOFOLLOW
            if oflags & DIRECTORY and stat.S_ISLNK(os.stat(path, dir_fd=self.root, follow_symlinks=False).st_mode):
                # To WASI as to the kernel's other operations; opening a link as a directory it calls ENOTDIR.
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        for ours, its in ((CREAT, os.O_CREAT), (DIRECTORY, os.O_DIRECTORY), (EXCL, os.O_EXCL), (TRUNC, os.O_TRUNC)):
            if oflags & ours:
                flags |= its
        fd = os.open(path, flags, 0o666, dir_fd=self.root)
        try:
            if not oflags & DIRECTORY:
                os.write(fd, b"x")
            return stat.S_IFMT(os.fstat(fd).st_mode)
        finally:
            os.close(fd)


_TYPES = {3: stat.S_IFDIR, 4: stat.S_IFREG, 7: stat.S_IFLNK}


class Guest:
    """The same operations, done by a guest: an errno, or what it got."""

    def __init__(self, guest: WasiGuest) -> None:
        self.guest = guest

    def mkdir(self, path: bytes) -> object:
        return self.guest.call("path_create_directory", ROOT, path)

    def rmdir(self, path: bytes) -> object:
        return self.guest.call("path_remove_directory", ROOT, path)

    def unlink(self, path: bytes) -> object:
        return self.guest.call("path_unlink_file", ROOT, path)

    def rename(self, path: bytes, other: bytes) -> object:
        return self.guest.call("path_rename", ROOT, path, ROOT, other)

    def link(self, path: bytes, other: bytes) -> object:
        return self.guest.call("path_link", ROOT, 0, path, ROOT, other)

    def symlink(self, path: bytes, other: bytes) -> object:
        return self.guest.call("path_symlink", path, ROOT, other)

    def readlink(self, path: bytes) -> object:
        code = self.guest.call("path_readlink", ROOT, path, 0x9000, 100, OUT)
        return self.guest.bytes(0x9000, self.guest.u32()) if code is Errno.SUCCESS else code

    def stat(self, path: bytes, follow: bool) -> object:
        code = self.guest.call("path_filestat_get", ROOT, int(follow), path, OUT)
        if code is not Errno.SUCCESS:
            return code
        type = _TYPES[self.guest.memory.data[OUT + 16]]
        return type, self.guest.u64(OUT + 24) if type == stat.S_IFREG else 0

    def open(self, path: bytes, follow: bool, oflags: int) -> object:
        fd = self.guest.open(path, follow=follow, oflags=oflags, **({"rights": 0} if oflags & DIRECTORY else {}))
        if isinstance(fd, Errno):
            return fd
        if not oflags & DIRECTORY:
            self.guest.write(fd, b"x")
        type = _TYPES[self.guest.stat(fd).filetype]
        self.guest.ok("fd_close", fd)
        return type


def _by_host(operation: Callable[..., object], *arguments: object) -> object:
    try:
        result = operation(*arguments)
    except OSError as error:
        return errno_of(error)
    return Errno.SUCCESS if result is None else result


def _tree(root: Path) -> list[tuple[object, ...]]:
    return [
        (
            str(path.relative_to(root)),
            os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None,
        )
        for path in sorted(root.rglob("*"))
    ]


def test_operations_do_what_the_kernel_does(tmp_path: Path) -> None:
    choose = random.Random(0)
    met: Counter[tuple[str, object]] = Counter()
    for number in range(WALKS):
        ours, hosts = tmp_path / f"{number}" / "ours", tmp_path / f"{number}" / "hosts"
        ours.mkdir(parents=True)
        hosts.mkdir()
        root = os.open(hosts, os.O_RDONLY)
        host, guest = Host(root), Guest(WasiGuest(ours))
        for _ in range(STEPS):
            name = choose.choice(
                (
                    "mkdir",
                    "mkdir",
                    "rmdir",
                    "unlink",
                    "rename",
                    "rename",
                    "link",
                    "symlink",
                    "symlink",
                    "readlink",
                    "stat",
                    "open",
                    "open",
                )
            )
            path, other, follow = _path(choose), _path(choose), choose.random() < 0.5
            if name in ("link", "symlink", "unlink"):
                # Links under a name with a slash are refused in wasmtime's words, not in the kernel's.
                other = other.rstrip(b"/")
                path = path if name == "symlink" else path.rstrip(b"/")
            oflags = choose.choice((0, CREAT, CREAT, CREAT | EXCL, CREAT | TRUNC, TRUNC, DIRECTORY))
            arguments: tuple[object, ...] = (path,)
            leads_out = name != "symlink" and _leads_out(root, path, follow and name in ("stat", "open"))
            if name in ("rename", "link", "symlink"):
                arguments = path, other
                leads_out = leads_out or _leads_out(root, other, False)
            elif name == "stat":
                arguments = path, follow
            elif name == "open":
                arguments = path, follow, oflags
            outcome = getattr(guest, name)(*arguments)
            failed = isinstance(outcome, Errno) and outcome is not Errno.SUCCESS
            if leads_out or (name == "rmdir" and path.rstrip(b"/").endswith(b"..")):
                # `dir/..` is no name of the parent, but of the directory that the guest is in.
                assert failed, (name, arguments)
            else:
                expected = _by_host(getattr(host, name), *arguments)
                # Which of two things that are wrong with two paths is told, is open.
                vague = name == "link" and failed and expected not in (Errno.SUCCESS, Errno.EXIST)
                assert outcome == expected or vague, (name, arguments)
            met[name, outcome if isinstance(outcome, Errno) else "result"] += 1
        assert _tree(ours) == _tree(hosts)
        os.close(root)
    assert len(met) > 50, met
