"""Attempts to win a race: while a guest works beneath a directory, another process swaps what its paths lead through
for links to the outside, as fast as it can. Nothing of the outside is ever read, changed or created.

The classic escape is a check of a path and then its use; see `refsfi.host.wasi.paths`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from refsfi.host.wasi import Preopen
from refsfi.host.wasi.abi import Errno, Rights
from spec_tests.unit.wasi_support import BUFFER, OUT, READ_WRITE, ROOT, WasiGuest

CREAT, DIRECTORY, EXCL, TRUNC = 1, 2, 4, 8
INSIDE, SECRET = b"inside", b"not for guests"
# Seconds of racing: at least, and at most until the guest has met both its own and the link.
DURATION, LONGEST = 0.4, 30.0

# Exchanges two names in one step for as long as its standard input is open, then tells how often.
_SWAPPER = """
import ctypes, os, select, sys
libc = ctypes.CDLL(None, use_errno=True)
first, second = (os.fsencode(name) for name in sys.argv[1:])
count = 0
print("ready", flush=True)
while not (count % 64 == 0 and select.select([0], [], [], 0)[0]):
    if libc.renameat2(-100, first, -100, second, 2):
        # What the guest removed or replaced comes back by itself or not at all.
        if ctypes.get_errno() != 2:
            sys.exit(f"renameat2: {os.strerror(ctypes.get_errno())}")
    count += 1
print(count)
"""


@contextmanager
def swapping(first: Path, second: Path) -> Iterator[Callable[[], None]]:
    """Meanwhile, `first` and `second` change places all the time. The yielded function stops that."""
    command = [sys.executable, "-c", _SWAPPER, str(first), str(second)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None

    def stop() -> None:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert int(out) > 500, "too few swaps to speak of a race"

    try:
        assert process.stdout.readline() == "ready\n"
        yield stop
    finally:
        process.kill()
        process.wait()


def snapshot(root: Path) -> list[tuple[object, ...]]:
    """All there is beneath a directory, with what a guest could change of it."""
    found: list[tuple[object, ...]] = []
    for path in sorted([root, *root.rglob("*")]):
        stat = path.lstat()
        content = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        found.append((str(path), stat.st_ino, stat.st_mode, stat.st_nlink, stat.st_mtime_ns, stat.st_ctime_ns, content))
    return found


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """`root`, the guest's, with `dir` that has the same names as `outside`; `links` has what is swapped in."""
    for name, content in (("root/dir", INSIDE), ("outside", SECRET)):
        place = tmp_path / name
        (place / "sub").mkdir(parents=True)
        (place / "file").write_bytes(content)
        (place / "sub" / "file").write_bytes(content)
        (place / "link").symlink_to(content.decode())
    (tmp_path / "root" / "file").write_bytes(INSIDE)
    (tmp_path / "links").mkdir()
    # As deep as what it takes the place of.
    (tmp_path / "links" / "dir").symlink_to("../outside")
    (tmp_path / "links" / "file").symlink_to("../outside/file")
    (tmp_path / "links" / "sub").symlink_to("../../outside/sub")
    return tmp_path


def race(attempt: Callable[[], object], *met: object) -> Counter[object]:
    """What came of attempts, and how often. It was no race unless all that is to be `met` was."""
    outcomes: Counter[object] = Counter()
    start = time.monotonic()
    while (took := time.monotonic() - start) < DURATION or not set(met) <= set(outcomes):
        assert took < LONGEST, f"no race: of {met} there was only {outcomes}"
        outcomes[attempt()] += 1
    return outcomes


def read_all(guest: WasiGuest, path: str, oflags: int = 0) -> object:
    fd = guest.open(path, follow=True, oflags=oflags, rights=Rights.FD_READ)
    if isinstance(fd, Errno):
        return fd
    try:
        return guest.read(fd, 100)
    finally:
        guest.ok("fd_close", fd)


@pytest.mark.parametrize(
    ("swapped", "path"),
    [
        ("file", "file"),
        ("dir", "dir/file"),
        ("dir", "dir/sub/file"),
        ("dir/sub", "dir/sub/file"),
        ("dir", "dir/../dir/file"),
    ],
)
def test_nothing_outside_is_read(world: Path, swapped: str, path: str) -> None:
    guest = WasiGuest(world / "root")
    before = snapshot(world / "outside")
    with swapping(world / "root" / swapped, world / "links" / Path(swapped).name) as stop:
        outcomes = race(lambda: read_all(guest, path), INSIDE, Errno.PERM)
        stop()
    assert SECRET not in outcomes
    # Swaps are atomic, and yet the guest may look at two sides of one: a link, then a directory or file.
    assert set(outcomes) <= {INSIDE, Errno.PERM, Errno.NOTDIR, Errno.LOOP, Errno.NOENT}, outcomes
    assert snapshot(world / "outside") == before


def test_nothing_outside_is_told(world: Path) -> None:
    (world / "outside" / "file").write_bytes(bytes(1000))
    (world / "outside" / "more").write_bytes(b"")
    guest = WasiGuest(world / "root")
    told: set[object] = set()

    def attempt() -> object:
        errno = guest.call("path_filestat_get", ROOT, 1, "dir/file", OUT)
        if errno is Errno.SUCCESS:
            told.add(guest.u64(OUT + 32))
        if guest.call("path_readlink", ROOT, "dir/link", BUFFER, 100, OUT) is Errno.SUCCESS:
            told.add(guest.bytes(BUFFER, guest.u32()))
        fd = guest.open("dir", follow=True, oflags=DIRECTORY, rights=0)
        if not isinstance(fd, Errno):
            told.add(tuple(entry[0] for entry in guest.listing(fd)))
            guest.ok("fd_close", fd)
        return errno

    with swapping(world / "root" / "dir", world / "links" / "dir") as stop:
        race(attempt, Errno.SUCCESS, Errno.PERM)
        stop()
    assert told == {len(INSIDE), INSIDE, (".", "..", "file", "link", "sub")}


def test_nothing_outside_is_changed_or_made(world: Path) -> None:
    guest = WasiGuest(world / "root")
    before = snapshot(world / "outside")

    def opening(path: str, oflags: int) -> Errno:
        fd = guest.open(path, follow=True, oflags=oflags, rights=READ_WRITE)
        if isinstance(fd, Errno):
            return fd
        guest.write(fd, b"touched")
        guest.ok("fd_close", fd)
        return Errno.SUCCESS

    # Each goes through the directory that is swapped.
    attempts: list[Callable[[], Errno]] = [
        lambda: opening("dir/file", 0),
        lambda: opening("dir/file", TRUNC),
        lambda: opening("dir/new", CREAT),
        lambda: opening("dir/newer", CREAT | EXCL),
        lambda: guest.call("path_unlink_file", ROOT, "dir/newer"),
        lambda: guest.call("path_create_directory", ROOT, "dir/made"),
        lambda: guest.call("path_remove_directory", ROOT, "dir/made"),
        lambda: guest.call("path_symlink", "x", ROOT, "dir/pointer"),
        lambda: guest.call("path_unlink_file", ROOT, "dir/pointer"),
        lambda: guest.call("path_link", ROOT, 0, "dir/file", ROOT, "hard"),
        lambda: guest.call("path_link", ROOT, 0, "file", ROOT, "dir/hard"),
        lambda: guest.call("path_unlink_file", ROOT, "dir/hard"),
        lambda: guest.call("path_rename", ROOT, "dir/sub", ROOT, "sub"),
        lambda: guest.call("path_rename", ROOT, "sub", ROOT, "dir/sub"),
        lambda: guest.call("path_rename", ROOT, "dir/file", ROOT, "dir/renamed"),
        lambda: guest.call("path_rename", ROOT, "dir/renamed", ROOT, "dir/file"),
        lambda: guest.call("path_filestat_set_times", ROOT, 1, "dir/file", 5, 5, 5),
    ]
    met: set[tuple[int, Errno]] = set()

    def all_of_them() -> object:
        guest.call("path_unlink_file", ROOT, "hard")
        met.update((number, attempt()) for number, attempt in enumerate(attempts))
        return all((number, errno) in met for number in range(len(attempts)) for errno in (Errno.SUCCESS, Errno.PERM))

    with swapping(world / "root" / "dir", world / "links" / "dir") as stop:
        race(all_of_them, True)
        stop()
    assert snapshot(world / "outside") == before
    # Nor did anything of the outside come in.
    assert all(SECRET not in path.read_bytes() for path in (world / "root").rglob("*") if path.is_file())


def test_a_file_swapped_for_a_link_is_neither_emptied_nor_written(world: Path) -> None:
    guest = WasiGuest(world / "root")
    before = snapshot(world / "outside")

    def attempt() -> object:
        fd = guest.open("file", follow=True, oflags=CREAT | TRUNC, rights=READ_WRITE)
        if isinstance(fd, Errno):
            return fd
        guest.write(fd, b"touched")
        guest.ok("fd_close", fd)
        return Errno.SUCCESS

    with swapping(world / "root" / "file", world / "links" / "file") as stop:
        race(attempt, Errno.SUCCESS, Errno.PERM)
        stop()
    assert snapshot(world / "outside") == before


def test_a_directory_that_is_moved_out_takes_no_guest_along(world: Path) -> None:
    """`dir/sub` changes places with a directory of the outside, while the guest goes down into it and up again."""
    (world / "outside" / "top").write_bytes(SECRET)
    (world / "top").write_bytes(SECRET)
    (world / "root" / "dir" / "top").write_bytes(INSIDE)
    guest = WasiGuest(world / "root")
    with swapping(world / "root" / "dir" / "sub", world / "outside" / "sub") as stop:
        outcomes = race(lambda: read_all(guest, "dir/sub/../top"))
        outcomes += race(lambda: read_all(guest, "dir/sub/../../../top"))
        outcomes += race(lambda: read_all(guest, "dir/sub/../../../outside/top"))
        stop()
    assert set(outcomes) == {INSIDE, Errno.PERM}, outcomes


def test_two_guests_of_one_directory(world: Path) -> None:
    """What one makes does not let the other out: the maker is a guest itself, in a thread of this process."""
    import threading

    maker, reader = WasiGuest(world / "root"), WasiGuest(world / "root")
    before = snapshot(world / "outside")
    done = threading.Event()
    made = 0

    def make() -> None:
        nonlocal made
        while not done.is_set():
            maker.ok("path_rename", ROOT, "dir", ROOT, "away")
            maker.ok("path_symlink", "../outside", ROOT, "dir")
            made += 1
            maker.ok("path_unlink_file", ROOT, "dir")
            maker.ok("path_rename", ROOT, "away", ROOT, "dir")

    thread = threading.Thread(target=make)
    thread.start()
    try:
        outcomes = race(lambda: read_all(reader, "dir/file"), INSIDE, Errno.PERM)
    finally:
        done.set()
        thread.join()
    assert made > 50
    assert SECRET not in outcomes
    assert snapshot(world / "outside") == before


def test_renames_between_preopened_directories(world: Path) -> None:
    """A link that is harmless in one directory is swapped with a directory of another."""
    (world / "other").mkdir()
    (world / "other" / "dir").symlink_to("../outside")
    guest = WasiGuest(preopens=[Preopen(world / "root", "/"), Preopen(world / "other", "/other")])
    before = snapshot(world / "outside")

    def attempt() -> object:
        # 4 is the other one.
        guest.call("path_rename", ROOT, "file", 4, "dir/taken")
        guest.call("path_rename", 4, "dir/taken", ROOT, "file")
        guest.call("path_link", ROOT, 0, "dir/file", 4, "dir/hard")
        guest.call("path_unlink_file", 4, "dir/hard")
        return read_all(guest, "dir/file")

    with swapping(world / "root" / "dir", world / "other" / "dir") as stop:
        outcomes = race(attempt, INSIDE, Errno.PERM)
        stop()
    assert SECRET not in outcomes
    assert snapshot(world / "outside") == before
