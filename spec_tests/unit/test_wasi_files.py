"""WASI: functions on descriptors."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from refsfi.host.wasi import Clocks, Perms, Preopen
from refsfi.host.wasi.abi import DIRECTORY_RIGHTS, FDSTAT, FILE_RIGHTS, Errno, Rights
from spec_tests.unit.wasi_support import BUFFER, OUT, READ_WRITE, ROOT, SUCCESS, WasiGuest

I64_MAX = (1 << 63) - 1
CREAT, DIRECTORY, EXCL, TRUNC = 1, 2, 4, 8
APPEND, NONBLOCK = 1, 4


@pytest.fixture
def guest(tmp_path: Path) -> WasiGuest:
    (tmp_path / "f").write_bytes(b"hello world")
    (tmp_path / "dir").mkdir()
    return WasiGuest(tmp_path)


# --- reading and writing


def test_read_fills_buffers_in_order(guest: WasiGuest) -> None:
    fd = guest.must_open("f")
    guest.ok("fd_read", fd, [2, 0, 3], OUT)
    assert (guest.u32(), guest.bytes(BUFFER, 5)) == (5, b"hello")
    assert guest.read(fd, 100) == b" world"
    assert guest.read(fd, 100) == b""


def test_write_takes_buffers_in_order(guest: WasiGuest, tmp_path: Path) -> None:
    fd = guest.must_open("f")
    guest.ok("fd_write", fd, [b"ab", b"", b"cde"], OUT)
    assert guest.u32() == 5
    assert (tmp_path / "f").read_bytes() == b"abcde world"
    assert guest.tell(fd) == 5


def test_without_buffers_nothing_happens(guest: WasiGuest) -> None:
    fd = guest.must_open("f")
    for name, rest in (("fd_read", ()), ("fd_write", ()), ("fd_pread", (0,)), ("fd_pwrite", (0,))):
        guest.ok(name, fd, [], *rest, OUT)
        assert guest.u32() == 0
        guest.ok(name, fd, [0, 0], *rest, OUT)
        assert guest.u32() == 0


def test_positioned_access_leaves_the_offset(guest: WasiGuest, tmp_path: Path) -> None:
    fd = guest.must_open("f")
    guest.read(fd, 2)
    guest.ok("fd_pread", fd, [5], 6, OUT)
    assert guest.bytes(BUFFER, guest.u32()) == b"world"
    guest.ok("fd_pwrite", fd, [b"W"], 6, OUT)
    assert guest.tell(fd) == 2
    assert (tmp_path / "f").read_bytes() == b"hello World"
    guest.ok("fd_pread", fd, [5], 1000, OUT)
    assert guest.u32() == 0
    assert guest.call("fd_pread", fd, [5], 1 << 63, OUT) is Errno.INVAL
    assert guest.call("fd_pwrite", fd, [b"x"], 1 << 63, OUT) is Errno.INVAL


def test_what_a_file_was_not_opened_for_is_a_bad_descriptor(guest: WasiGuest) -> None:
    reader = guest.must_open("f", rights=Rights.FD_READ)
    writer = guest.must_open("f", rights=Rights.FD_WRITE)
    assert guest.call("fd_write", reader, [b"x"], OUT) is Errno.BADF
    assert guest.call("fd_pwrite", reader, [b"x"], 0, OUT) is Errno.BADF
    assert guest.call("fd_read", writer, [1], OUT) is Errno.BADF
    assert guest.call("fd_pread", writer, [1], 0, OUT) is Errno.BADF
    assert guest.rights(reader)[0] & READ_WRITE == Rights.FD_READ
    assert guest.rights(writer)[0] & READ_WRITE == Rights.FD_WRITE


def test_a_flood_of_buffers_costs_the_host_little(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(bytes(100_000))
    guest = WasiGuest(tmp_path, pages=32)
    fd = guest.must_open("f")
    # 200,000 buffers of one byte: those that the host's kernel takes at once are filled.
    for index in range(200_000):
        guest.memory.data[0x10000 + 8 * index : 0x10008 + 8 * index] = b"\0\0\0\0\1\0\0\0"
    guest.ok("fd_read", fd, 0x10000, 200_000, OUT)
    assert 0 < guest.u32() <= 1024
    # As many empty ones are not gone through for ever.
    guest.memory.data[0x10000:] = bytes(len(guest.memory.data) - 0x10000)
    guest.ok("fd_read", fd, 0x10000, 200_000, OUT)
    assert guest.u32() == 0


def test_the_memory_can_grow_after_a_read(guest: WasiGuest) -> None:
    fd = guest.must_open("f")
    guest.read(fd, 5)
    guest.write(fd, b"x")
    # Not so if a view were left over, where the memory has to move.
    assert guest.memory.grow(1) == 1
    assert guest.read(fd, 3) == b"wor"


# --- positions


def test_seek(guest: WasiGuest) -> None:
    fd = guest.must_open("f")
    for delta, whence, expected in ((3, 0, 3), (2, 1, 5), (-1, 1, 4), (-2, 2, 9), (100, 2, 111), (0, 1, 111)):
        guest.ok("fd_seek", fd, delta & (1 << 64) - 1, whence, OUT)
        assert guest.u64() == expected
    assert guest.tell(fd) == 111
    guest.ok("fd_seek", fd, 0, 0, OUT)
    for delta, whence in ((-1, 0), (-1, 1), (-12, 2), (I64_MAX, 2), (0, 3), (0, 0xFFFF_FFFF)):
        assert guest.call("fd_seek", fd, delta & (1 << 64) - 1, whence, OUT) is Errno.INVAL
    assert guest.tell(fd) == 0


def test_a_stream_has_no_position(guest: WasiGuest) -> None:
    for fd in range(3):
        assert guest.call("fd_seek", fd, 0, 0, OUT) is Errno.SPIPE
        assert guest.call("fd_tell", fd, OUT) is Errno.SPIPE
    assert guest.call("fd_pread", 0, [1], 0, OUT) is Errno.SPIPE
    assert guest.call("fd_pwrite", 1, [b"x"], 0, OUT) is Errno.SPIPE


@pytest.mark.parametrize(
    ("name", "rest"),
    [
        ("fd_read", ([1], OUT)),
        ("fd_write", ([b"x"], OUT)),
        ("fd_pread", ([1], 0, OUT)),
        ("fd_pwrite", ([b"x"], 0, OUT)),
        ("fd_seek", (0, 1, OUT)),
        ("fd_tell", (OUT,)),
        ("fd_sync", ()),
        ("fd_datasync", ()),
        ("fd_advise", (0, 0, 0)),
        ("fd_allocate", (0, 1)),
        ("fd_fdstat_set_flags", (NONBLOCK,)),
        ("fd_filestat_set_size", (0,)),
    ],
)
def test_a_directory_is_no_file(guest: WasiGuest, name: str, rest: tuple[object, ...]) -> None:
    assert guest.call(name, ROOT, *rest) is Errno.BADF
    assert guest.call(name, 99, *rest) is Errno.BADF


# --- contents


def test_sync(guest: WasiGuest) -> None:
    fd = guest.must_open("f")
    guest.ok("fd_sync", fd)
    guest.ok("fd_datasync", fd)


def test_advice(guest: WasiGuest) -> None:
    fd = guest.must_open("f")
    for advice in range(6):
        guest.ok("fd_advise", fd, 0, 100, advice)
    assert guest.call("fd_advise", fd, 0, 100, 6) is Errno.INVAL
    assert guest.call("fd_advise", fd, 0, 1 << 63, 0) is Errno.INVAL


def test_allocate_only_grows(guest: WasiGuest) -> None:
    fd = guest.must_open("f")
    guest.ok("fd_allocate", fd, 0, 5)
    assert guest.stat(fd).size == 11
    guest.ok("fd_allocate", fd, 10, 90)
    assert guest.stat(fd).size == 100
    assert guest.read(fd, 12) == b"hello world\0"
    assert guest.call("fd_allocate", fd, 0, 0) is Errno.INVAL
    assert guest.call("fd_allocate", fd, I64_MAX, 1) is Errno.FBIG
    reader = guest.must_open("f", rights=Rights.FD_READ)
    assert guest.call("fd_allocate", reader, 0, 1000) is Errno.BADF


def test_set_size(guest: WasiGuest) -> None:
    fd = guest.must_open("f")
    guest.ok("fd_filestat_set_size", fd, 5)
    assert guest.read(fd, 100) == b"hello"
    guest.ok("fd_filestat_set_size", fd, 20)
    assert guest.stat(fd).size == 20
    assert guest.call("fd_filestat_set_size", fd, 1 << 63) is Errno.INVAL


# --- attributes of the descriptor


def test_append(guest: WasiGuest, tmp_path: Path) -> None:
    fd = guest.must_open("f", flags=APPEND)
    guest.write(fd, b"!")
    assert guest.tell(fd) == 12
    # As on Linux, also for a positioned write.
    guest.ok("fd_pwrite", fd, [b"?"], 0, OUT)
    assert (tmp_path / "f").read_bytes() == b"hello world!?"
    guest.ok("fd_fdstat_set_flags", fd, 0)
    guest.ok("fd_seek", fd, 0, 0, OUT)
    guest.write(fd, b"H")
    guest.ok("fd_fdstat_set_flags", fd, APPEND)
    guest.ok("fd_seek", fd, 0, 0, OUT)
    guest.write(fd, b"!")
    assert (tmp_path / "f").read_bytes() == b"Hello world!?!"


def test_flags(guest: WasiGuest) -> None:
    fd = guest.must_open("f", flags=NONBLOCK)
    guest.ok("fd_fdstat_get", fd, OUT)
    assert FDSTAT.unpack(guest.bytes(OUT, 24))[:2] == (4, NONBLOCK)
    guest.ok("fd_fdstat_set_flags", fd, APPEND | NONBLOCK)
    guest.ok("fd_fdstat_get", fd, OUT)
    assert FDSTAT.unpack(guest.bytes(OUT, 24))[1] == APPEND | NONBLOCK
    for flag in (2, 8, 16, 32):
        assert guest.call("fd_fdstat_set_flags", fd, flag) is Errno.INVAL
    # Nothing is inherited by streams of the host.
    assert guest.call("fd_fdstat_set_flags", 0, NONBLOCK) is Errno.BADF


def test_a_directorys_rights(guest: WasiGuest) -> None:
    base, inheriting = guest.rights(ROOT)
    assert base & (Rights.FD_SEEK | Rights.FD_FILESTAT_SET_SIZE) == 0
    assert base == DIRECTORY_RIGHTS
    assert inheriting == DIRECTORY_RIGHTS | FILE_RIGHTS
    below = guest.must_open("dir", rights=0)
    assert guest.rights(below) == (base, inheriting)


def test_rights_can_only_be_dropped(guest: WasiGuest) -> None:
    fd = guest.must_open("f")
    base, inheriting = guest.rights(fd)
    assert guest.call("fd_fdstat_set_rights", fd, base | Rights.PATH_OPEN, inheriting) is Errno.NOTCAPABLE
    guest.ok("fd_fdstat_set_rights", fd, base & ~Rights.FD_WRITE, inheriting)
    assert guest.call("fd_write", fd, [b"x"], OUT) is Errno.NOTCAPABLE
    assert guest.call("fd_fdstat_set_rights", fd, base, inheriting) is Errno.NOTCAPABLE
    guest.ok("fd_fdstat_set_rights", fd, 0, 0)
    assert guest.rights(fd) == (0, 0)
    assert guest.call("fd_fdstat_set_rights", 99, 0, 0) is Errno.BADF


@pytest.mark.parametrize(
    ("right", "name", "rest"),
    [
        (Rights.FD_READ, "fd_read", ([1], OUT)),
        (Rights.FD_READ, "fd_pread", ([1], 0, OUT)),
        (Rights.FD_WRITE, "fd_write", ([b"x"], OUT)),
        (Rights.FD_WRITE, "fd_pwrite", ([b"x"], 0, OUT)),
        (Rights.FD_SEEK, "fd_pread", ([1], 0, OUT)),
        (Rights.FD_SEEK, "fd_pwrite", ([b"x"], 0, OUT)),
        (Rights.FD_SEEK, "fd_seek", (1, 0, OUT)),
        (Rights.FD_SEEK | Rights.FD_TELL, "fd_tell", (OUT,)),
        (Rights.FD_SEEK | Rights.FD_TELL, "fd_seek", (0, 1, OUT)),
        (Rights.FD_SYNC, "fd_sync", ()),
        (Rights.FD_DATASYNC, "fd_datasync", ()),
        (Rights.FD_ADVISE, "fd_advise", (0, 0, 0)),
        (Rights.FD_ALLOCATE, "fd_allocate", (0, 1)),
        (Rights.FD_FDSTAT_SET_FLAGS, "fd_fdstat_set_flags", (0,)),
        (Rights.FD_FILESTAT_GET, "fd_filestat_get", (OUT,)),
        (Rights.FD_FILESTAT_SET_SIZE, "fd_filestat_set_size", (1,)),
        (Rights.FD_FILESTAT_SET_TIMES, "fd_filestat_set_times", (0, 0, 5)),
    ],
)
def test_each_right_is_enforced(guest: WasiGuest, right: int, name: str, rest: tuple[object, ...]) -> None:
    fd = guest.must_open("f")
    guest.ok(name, fd, *rest)
    base, inheriting = guest.rights(fd)
    guest.ok("fd_fdstat_set_rights", fd, base & ~right, inheriting)
    assert guest.call(name, fd, *rest) is Errno.NOTCAPABLE


def test_the_right_to_tell_is_enough_to_ask(guest: WasiGuest) -> None:
    fd = guest.must_open("f")
    base, inheriting = guest.rights(fd)
    guest.ok("fd_fdstat_set_rights", fd, base & ~Rights.FD_SEEK, inheriting)
    guest.ok("fd_tell", fd, OUT)
    guest.ok("fd_seek", fd, 0, 1, OUT)
    assert guest.call("fd_seek", fd, 1, 1, OUT) is Errno.NOTCAPABLE


# --- attributes of the file


def test_filestat_identifies_a_file(guest: WasiGuest, tmp_path: Path) -> None:
    os.link(tmp_path / "f", tmp_path / "same")
    found = guest.stat(guest.must_open("f"))
    same = guest.stat(guest.must_open("same"))
    assert (found.dev, found.ino, found.nlink) == (same.dev, same.ino, 2)
    other = guest.stat(guest.must_open("other", oflags=CREAT))
    assert (found.dev, found.ino) != (other.dev, other.ino)
    host = os.stat(tmp_path / "f")
    assert (found.atim, found.mtim, found.ctim) == (host.st_atime_ns, host.st_mtime_ns, host.st_ctime_ns)
    assert guest.stat(ROOT).filetype == 3
    for fd in range(3):
        assert vars(guest.stat(fd)) == dict.fromkeys(vars(found), 0)


def test_times_before_1970_read_as_zero(guest: WasiGuest, tmp_path: Path) -> None:
    os.utime(tmp_path / "f", (-5, -5))
    assert guest.stat(ROOT, "f").mtim == 0


class Noon(Clocks):
    def realtime(self) -> int:
        return 43_200_000_000_000


@pytest.mark.parametrize("way", ["descriptor", "path", "directory"])
def test_set_times(way: str, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"")
    (tmp_path / "dir").mkdir()
    guest = WasiGuest(tmp_path, clocks=Noon())
    name = "dir" if way == "directory" else "f"
    fd = guest.must_open(name, rights=0)

    def set_times(atim: int, mtim: int, flags: int) -> Errno:
        if way == "path":
            return guest.call("path_filestat_set_times", ROOT, 0, name, atim, mtim, flags)
        return guest.call("fd_filestat_set_times", fd, atim, mtim, flags)

    assert set_times(5, 7, 1 | 4) is SUCCESS
    assert (guest.stat(fd).atim, guest.stat(fd).mtim) == (5, 7)
    assert set_times(9, 9, 4) is SUCCESS
    assert (guest.stat(fd).atim, guest.stat(fd).mtim) == (5, 9)
    assert set_times(1, 1, 2) is SUCCESS
    assert (guest.stat(fd).atim, guest.stat(fd).mtim) == (43_200_000_000_000, 9)
    assert set_times(1, 1, 1 | 8) is SUCCESS
    assert (guest.stat(fd).atim, guest.stat(fd).mtim) == (1, 43_200_000_000_000)
    assert set_times(1, 1, 0) is SUCCESS
    for flags in (3, 12, 15, 16):
        assert set_times(0, 0, flags) is Errno.INVAL
    set_times((1 << 64) - 1, (1 << 64) - 1, 5)
    assert guest.call("fd_filestat_set_times", 0, 0, 0, 5) is Errno.BADF


# --- the table


def test_close(guest: WasiGuest) -> None:
    fd = guest.must_open("f")
    guest.ok("fd_close", fd)
    assert guest.call("fd_close", fd) is Errno.BADF
    assert guest.call("fd_read", fd, [1], OUT) is Errno.BADF
    guest.ok("fd_close", 0)
    assert guest.call("fd_read", 0, [1], OUT) is Errno.BADF


def test_renumber(guest: WasiGuest) -> None:
    first, second = guest.must_open("f"), guest.must_open("new", oflags=CREAT)
    guest.ok("fd_renumber", first, second)
    assert guest.call("fd_close", first) is Errno.BADF
    assert guest.read(second, 5) == b"hello"
    guest.ok("fd_renumber", second, second)
    assert guest.read(second, 1) == b" "
    for source, target in ((second, 99), (99, second), (second, 0xFFFF_FFFF)):
        assert guest.call("fd_renumber", source, target) is Errno.BADF
    # A preopened directory can be replaced, and is none any more.
    guest.ok("fd_renumber", second, ROOT)
    assert guest.call("fd_prestat_get", ROOT, OUT) is Errno.BADF
    assert guest.read(ROOT, 5) == b"world"


def test_renumbering_standard_output(guest: WasiGuest, tmp_path: Path) -> None:
    fd = guest.must_open("f")
    guest.ok("fd_renumber", fd, 1)
    guest.write(1, b"J")
    assert (tmp_path / "f").read_bytes() == b"Jello world"


def test_numbers_are_used_again(guest: WasiGuest) -> None:
    fds = [guest.must_open("f") for _ in range(3)]
    assert fds == [4, 5, 6]
    guest.ok("fd_close", 4)
    guest.ok("fd_close", 5)
    assert [guest.must_open("f") for _ in range(3)] == [5, 4, 7]


def test_a_guest_has_a_bounded_number_of_descriptors(tmp_path: Path) -> None:
    guest = WasiGuest(tmp_path, max_fds=6)
    fds = [guest.open("f", oflags=CREAT) for _ in range(3)]
    assert fds == [4, 5, Errno.MFILE]
    # No file is made where there is no room for its descriptor.
    assert guest.open("new", oflags=CREAT) is Errno.MFILE
    assert not (tmp_path / "new").exists()
    guest.ok("fd_close", 4)
    assert guest.open("f") == 4


def test_preopens(tmp_path: Path) -> None:
    guest = WasiGuest(preopens=[Preopen(tmp_path, "/é"), Preopen(tmp_path, ".")])
    guest.ok("fd_prestat_get", 3, OUT)
    assert (guest.u32(OUT), guest.u32(OUT + 4)) == (0, 3)
    guest.ok("fd_prestat_dir_name", 3, OUT, 3)
    assert guest.bytes(OUT, 4) == b"/\xc3\xa9\0"
    guest.ok("fd_prestat_dir_name", 4, OUT, 100)
    assert guest.bytes(OUT, 1) == b"."
    assert guest.call("fd_prestat_dir_name", 3, OUT, 2) is Errno.NAMETOOLONG
    # Guests ask until they are told that there are no more.
    assert guest.call("fd_prestat_get", 5, OUT) is Errno.BADF
    assert guest.call("fd_prestat_get", 0, OUT) is Errno.BADF
    assert guest.call("fd_prestat_dir_name", 0, OUT, 9) is Errno.NOTDIR
    fd = guest.must_open(".", rights=0)
    assert guest.call("fd_prestat_get", fd, OUT) is Errno.BADF
    assert guest.call("fd_prestat_dir_name", fd, OUT, 9) is Errno.NOTDIR


# --- permissions of the host


def test_a_read_only_directory(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    (tmp_path / "dir").mkdir()
    guest = WasiGuest(preopens=[Preopen(tmp_path, "/", Perms.READ, Perms.READ)])
    assert guest.read(guest.must_open("f", rights=Rights.FD_READ), 9) == b"x"
    assert [entry[0] for entry in guest.listing(ROOT)] == [".", "..", "dir", "f"]
    below = guest.must_open("dir", rights=0)
    for fd, path in ((ROOT, "f"), (ROOT, "new"), (below, "new")):
        assert guest.open(path, fd=fd) in (Errno.PERM, Errno.NOENT)
        assert guest.open(path, fd=fd, rights=Rights.FD_READ, oflags=CREAT) is Errno.PERM
        assert guest.open(path, fd=fd, rights=Rights.FD_READ, oflags=TRUNC) is Errno.PERM
        assert guest.call("path_create_directory", fd, path) is Errno.PERM
        assert guest.call("path_unlink_file", fd, path) is Errno.PERM
        assert guest.call("path_remove_directory", fd, path) is Errno.PERM
        assert guest.call("path_symlink", "x", fd, path) is Errno.PERM
        assert guest.call("path_rename", fd, path, fd, "other") is Errno.PERM
        assert guest.call("path_link", fd, 0, path, fd, "other") is Errno.PERM
        assert guest.call("path_filestat_set_times", fd, 0, path, 0, 0, 5) is Errno.PERM
    # Rights that the host withholds are not to be had by asking.
    base, inheriting = guest.rights(ROOT)
    assert guest.call("fd_fdstat_set_rights", ROOT, base | Rights.PATH_CREATE_FILE, inheriting) is Errno.NOTCAPABLE
    assert guest.rights(guest.must_open("f", rights=Rights.FD_READ))[0] & Rights.FD_FILESTAT_SET_SIZE == 0
    assert os.listdir(tmp_path / "dir") == []


def test_files_of_a_writable_directory_may_be_read_only(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    guest = WasiGuest(preopens=[Preopen(tmp_path, "/", file_perms=Perms.READ)])
    guest.ok("path_rename", ROOT, "f", ROOT, "g")
    assert guest.open("g") is Errno.PERM
    assert guest.open("g", rights=Rights.FD_READ) == 4


def test_neither_links_nor_renames_carry_files_to_other_permissions(tmp_path: Path) -> None:
    (tmp_path / "ro").mkdir()
    (tmp_path / "rw").mkdir()
    (tmp_path / "ro" / "f").write_bytes(b"precious")
    (tmp_path / "rw" / "g").write_bytes(b"")
    guest = WasiGuest(
        preopens=[Preopen(tmp_path / "ro", "/ro", file_perms=Perms.READ), Preopen(tmp_path / "rw", "/rw")]
    )
    assert guest.call("path_link", 3, 0, "f", 4, "f") is Errno.PERM
    assert guest.call("path_rename", 3, "f", 4, "f") is Errno.PERM
    assert guest.call("path_rename", 4, "g", 3, "g") is Errno.PERM
    # Nor to rights that the guest has given up.
    below = guest.must_open(".", fd=4, rights=0)
    base, inheriting = guest.rights(below)
    guest.ok("fd_fdstat_set_rights", below, base, inheriting & ~Rights.FD_WRITE)
    assert guest.call("path_rename", below, "g", 4, "h") is Errno.NOTCAPABLE
    assert guest.call("path_link", below, 0, "g", 4, "h") is Errno.NOTCAPABLE
    assert sorted(os.listdir(tmp_path / "rw")) == ["g"]
