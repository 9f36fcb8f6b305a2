"""WASI: the resolution of paths, held against the kernel's own resolution beneath a directory."""

from __future__ import annotations

import os
import random
import resource
import stat
from collections import Counter
from pathlib import Path

import pytest

from refsfi.host.wasi import Preopen
from refsfi.host.wasi.abi import Errno, Rights, WasiError, errno_of
from refsfi.host.wasi.paths import resolve
from spec_tests.unit.wasi_support import OUT, ROOT, WasiGuest, beneath

TREES, PATHS = 10, 1000


def _ours(root: int, path: bytes, follow: bool) -> tuple[int, int] | Errno:
    try:
        with resolve(root, path, follow or path.endswith(b"/")) as place:
            assert b"/" not in place.name
            assert place.name not in (b"", b"..")
            found = place.lstat()
            if place.slash and not stat.S_ISDIR(found.st_mode):
                return Errno.NOTDIR
            return found.st_dev, found.st_ino
    except WasiError as error:
        return error.errno
    except OSError as error:
        return errno_of(error)


def _tree(root: Path, choose: random.Random) -> None:
    """Directories, files and links to anywhere, with a handful of names."""
    directories = [root]
    names = ("a", "b", "c", "d")
    for _ in range(10):
        made = choose.choice(directories) / choose.choice(names)
        if not made.exists():
            made.mkdir()
            directories.append(made)
    for directory in directories:
        for name in names:
            path = directory / name
            if not os.path.lexists(path) and choose.random() < 0.8:
                if choose.random() < 0.2:
                    path.write_bytes(b"x")
                else:
                    path.symlink_to(os.fsdecode(_path(choose, 4)))


def _path(choose: random.Random, most: int) -> bytes:
    parts = [choose.choice((b"a", b"b", b"c", b"d", b"..", b".", b"")) for _ in range(choose.randint(1, most))]
    return b"/".join(parts) or b"a"


def test_paths_lead_where_the_kernel_says(tmp_path: Path) -> None:
    choose = random.Random(0)
    met: Counter[object] = Counter()
    for number in range(TREES):
        top = tmp_path / str(number)
        top.mkdir()
        _tree(top, choose)
        root = os.open(top, os.O_RDONLY)
        for _ in range(PATHS):
            path, follow = _path(choose, 7), choose.random() < 0.5
            ours, kernel = _ours(root, path, follow), beneath(root, path, follow)
            assert ours == kernel, (path, follow)
            met[kernel if isinstance(kernel, Errno) else "found"] += 1
        os.close(root)
    assert min(met[key] for key in ("found", Errno.PERM, Errno.NOENT, Errno.NOTDIR, Errno.LOOP)) > 100, met


def open_fds() -> list[str]:
    return os.listdir("/proc/self/fd")


def test_nothing_stays_open(tmp_path: Path) -> None:
    guest = WasiGuest(tmp_path)
    guest.ok("path_create_directory", ROOT, "a")
    guest.ok("path_symlink", "a/../loop", ROOT, "loop")
    before = len(open_fds())
    for path in (
        "a/../..",
        "a/x",
        "a/x/y",
        "loop",
        "loop/x",
        "a/" + "x" * 256 + "/y",
        "a/\udcff".encode("utf-8", "replace"),
    ):
        assert isinstance(guest.open(path, follow=True), Errno)
        assert guest.call("path_filestat_get", ROOT, 1, path, OUT) is not Errno.SUCCESS
    assert len(open_fds()) == before


def test_depth_is_bounded(tmp_path: Path) -> None:
    """Each directory on the way is a descriptor of the host, so a path has at most so many."""
    guest = WasiGuest(tmp_path, pages=2)
    path = "d"
    guest.ok("path_create_directory", ROOT, path)
    while len(path) < 600:
        path += "/d"
        errno_ = guest.call("path_create_directory", ROOT, path)
        if errno_ is not Errno.SUCCESS:
            break
    assert (errno_, path.count("/")) == (Errno.NAMETOOLONG, 257)
    before = len(open_fds())
    assert guest.open(path) is Errno.NAMETOOLONG
    assert len(open_fds()) == before
    # Further down one gets by a descriptor in between.
    below = guest.must_open(path[:201], rights=0)
    assert guest.call("path_create_directory", below, path[202:]) is Errno.SUCCESS


def take_all() -> list[int]:
    """Descriptors until there are no more."""
    taken: list[int] = []
    try:
        while True:
            taken.append(os.open("/", os.O_RDONLY))
    except OSError:
        return taken


def test_a_host_without_descriptors(tmp_path: Path) -> None:
    """The host has none left: the guest is told, nothing is lost, and it goes on once there are some again."""
    guest = WasiGuest(tmp_path)
    guest.ok("path_create_directory", ROOT, "a")
    guest.ok("path_create_directory", ROOT, "a/b")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = len(open_fds())
    highest = max(map(int, open_fds()))
    try:
        # Descriptor numbers below the limit that are free yet are taken.
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 2, hard))
        taken = take_all()
        os.close(taken.pop())
        assert guest.open("a/b/c", oflags=1) is Errno.MFILE
        assert guest.call("path_create_directory", ROOT, "a/b/c") is Errno.MFILE
        assert guest.open("new", oflags=1) == 4
        guest.ok("fd_close", 4)
        for fd in taken:
            os.close(fd)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(open_fds()) == before
    assert guest.open("a/b/c", oflags=1) == 4
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "b", "c", "new"]


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="there is no /proc")
def test_links_of_proc_are_not_followed(tmp_path: Path) -> None:
    """They have no path: the kernel would jump to where they point."""
    (tmp_path / "secret").write_bytes(b"not for guests")
    fd = os.open(tmp_path / "secret", os.O_RDONLY)
    directory = os.open(tmp_path, os.O_RDONLY)
    reader, writer = os.pipe()
    guest = WasiGuest(preopens=[Preopen("/proc/self", "/")])
    for path in (
        f"fd/{fd}",
        f"fd/{directory}/secret",
        f"fd/{reader}",
        f"fd/{directory}/..",
        "root/etc/passwd",
        "cwd/.",
    ):
        for follow in (False, True):
            for rights in (Rights.FD_READ, Rights.FD_WRITE):
                found = guest.open(path, follow=follow, rights=rights)
                assert found in (Errno.PERM, Errno.LOOP, Errno.NOENT, Errno.NOTDIR), path
        assert guest.call("path_filestat_get", ROOT, 1, path, OUT) in (Errno.PERM, Errno.NOENT), path
    for open_fd in (fd, directory, reader, writer):
        os.close(open_fd)
