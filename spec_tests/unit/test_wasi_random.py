"""WASI: whatever a guest passes, it gets an errno, a trap or its exit, and stays beneath its directory."""

from __future__ import annotations

import os
import random
import struct
from pathlib import Path

import pytest

from refsfi.errors import GuestExit, Trap
from refsfi.host.wasi import MODULES, Clocks, Preopen
from refsfi.host.wasi.abi import Errno
from refsfi.host.wasi.functions import FUNCTIONS, Function
from spec_tests.unit.wasi_support import READ_WRITE, WasiGuest

CREAT = 1
CALLS = 4000
SEEDS = range(3)

_PATHS = (
    b"a", b"b", b"dir", b"dir/a", b"dir/b", b"dir/sub", b".", b"..", b"../outside", b"../outside/secret", b"dir/..",
    b"dir/../a", b"dir/../../outside/secret", b"out", b"out/secret", b"out/new", b"up/x", b"a/", b"dir/", b"/", b"/etc",
    b"", b"a\0", b"\xff", b"//", b"loop", b"loop/x", b"a/b", b"x" * 300, b"dir/" * 300,
)  # fmt: skip
_NUMBERS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 16, 24, 64, 0xFF, 0x1000, 0xFFFF, 0x10000, 1 << 31, (1 << 32) - 1)
_LONG = (*_NUMBERS, 1 << 32, 1 << 62, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)
# What would leave a guest with little to go on with.
_RARE = ("fd_close", "fd_renumber", "fd_fdstat_set_rights", "fd_filestat_set_size")
# Where paths lie, one every 16 bytes or more, and lists of buffers behind them.
_TEXTS, _LISTS = 0x1000, 0x8000


class _Impatient(Clocks):
    """Time passes at once, so that no call waits."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0

    def monotonic(self) -> int:
        return self.passed

    def wait(self, duration: int, poller: object) -> list[tuple[int, int]]:
        self.passed += max(duration, 1 << 60)
        return []


def _fill(guest: WasiGuest, choose: random.Random) -> list[tuple[int, int]]:
    """Put paths and lists of buffers into memory; the paths' addresses and sizes."""
    at = _TEXTS
    places = []
    for path in _PATHS:
        guest.memory.data[at : at + len(path)] = path
        places.append((at, len(path)))
        at += (len(path) + 15) & ~15
    assert at < _LISTS
    for index in range(0x800):
        pair = (choose.choice((0x9000, 0xFFF0, 0x10000, 0xFFFF_FFFF)), choose.choice((0, 1, 16, 0xFFFF_FFFF)))
        if choose.random() < 0.9:
            pair = (0xC000 + index % 64, choose.randrange(64))
        guest.memory.data[_LISTS + 8 * index : _LISTS + 8 * index + 8] = struct.pack("<II", *pair)
    return places


def _arguments(function: Function, places: list[tuple[int, int]], choose: random.Random) -> list[int]:
    """What a parameter is for shows in its name, and is what it gets more often than not."""
    code = function.run.__code__  # type: ignore[attr-defined]
    size = 64
    found: list[int] = []
    for name, kind in zip(code.co_varnames[1 : code.co_argcount], function.params, strict=True):
        if kind == "l":
            value = choose.choice(_LONG) if choose.random() < 0.8 else choose.getrandbits(64)
        elif choose.random() < 0.03:
            value = choose.choice(_NUMBERS) if choose.random() < 0.5 else choose.getrandbits(32)
        elif "fd" in name or name == "to":
            value = choose.choice((3, choose.randrange(10)))
        elif name.endswith("path") or name == "target":
            value, size = choose.choice(places)
        elif name.endswith("size"):
            value = size if choose.random() < 0.95 else choose.choice(_NUMBERS)
            size = 64
        elif name in ("iovs", "buffers"):
            value = _LISTS + 8 * choose.randrange(0x700)
        elif name in ("lookup", "flags", "oflags", "fdflags", "whence", "advice", "count", "clock"):
            value = choose.choice((0, 0, 1, 1, 2, 4, 8))
        else:
            value, size = 0xD000 + 64 * choose.randrange(64), 64
        found.append(value)
    return found


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("seed", SEEDS)
def test_any_call_ends_well(module: str, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The pace of the disk is not what is tested.
    monkeypatch.setattr(os, "fsync", lambda fd: None)
    monkeypatch.setattr(os, "fdatasync", lambda fd: None)
    choose = random.Random(seed)
    root, outside = tmp_path / "root", tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    (root / "dir" / "sub").mkdir(parents=True)
    for name in ("a", "dir/a", "dir/b"):
        (root / name).write_bytes(b"0123456789")
    for name, target in (("out", "../outside"), ("up", ".."), ("loop", "loop"), ("dir/up", "../..")):
        (root / name).symlink_to(target)
    opened = len(os.listdir("/proc/self/fd"))
    met: set[object] = set()
    succeeded: set[str] = set()
    for count in range(CALLS):
        if count % 100 == 0:
            # Afresh, as it may have closed its directory or given up its rights.
            guest = WasiGuest(module=module, preopens=[Preopen(root, "/")], max_fds=40, clocks=_Impatient())
            for path in ("a", "dir/a", "b", "dir"):
                guest.open(path, oflags=0 if path == "dir" else CREAT, rights=0 if path == "dir" else READ_WRITE)
            places = _fill(guest, choose)
        function = choose.choice(FUNCTIONS)
        if function.name not in guest.functions or (function.name in _RARE and choose.random() < 0.9):
            continue
        arguments = _arguments(function, places, choose)
        try:
            result = guest.functions[function.name].fn(*arguments)
        except Trap as trap:
            met.add(trap.code)
        except GuestExit:
            met.add("exit")
        else:
            met.add(Errno(result[0]))
            if result[0] == Errno.SUCCESS:
                succeeded.add(function.name)
    # It came far enough: all but a few of the functions that can succeed did.
    never = {"proc_exit", "proc_raise", "sock_accept", "sock_recv", "sock_send", "sock_shutdown"}
    assert len(set(guest.functions) - succeeded - never) <= 8
    assert {Errno.SUCCESS, Errno.BADF, Errno.INVAL, Errno.PERM, Errno.NOENT, "exit"} < met
    assert [path.name for path in tmp_path.iterdir()] in (["root", "outside"], ["outside", "root"])
    assert os.listdir(outside) == ["secret"]
    assert (outside / "secret").read_bytes() == b"secret"
    guest.wasi.close()
    assert len(os.listdir("/proc/self/fd")) == opened
