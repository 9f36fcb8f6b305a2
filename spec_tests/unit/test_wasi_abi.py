"""The binary interface of WASI: the table of functions, the numbers, the layouts of both snapshots."""

from __future__ import annotations

import errno
import os

import pytest

from refsfi.errors import GuestExit, Trap, TrapCode
from refsfi.host.wasi import MODULES, Wasi, WasiOptions
from refsfi.host.wasi.abi import DIRENT, EVENT, FDSTAT, IOVEC, PRESTAT, SNAPSHOTS, Errno, Rights, Whence, errno_of
from refsfi.host.wasi.functions import FUNCTIONS
from refsfi.runtime.store import Store
from refsfi.runtime.values import func_type
from spec_tests.unit.wasi_support import BUFFER, OUT, ROOT, WasiGuest


def test_all_functions_are_there() -> None:
    wasi = Wasi(WasiOptions())
    assert len(wasi.imports(Store(), "wasi_snapshot_preview1")) == 46
    unstable = wasi.imports(Store(), "wasi_unstable")
    assert len(unstable) == 45
    assert "sock_accept" not in unstable
    with pytest.raises(KeyError):
        wasi.imports(Store(), "wasi_snapshot_preview2")


def test_every_function_returns_an_errno_except_exit() -> None:
    types = {function.name: str(function.type) for function in FUNCTIONS}
    assert types["path_open"] == "[i32 i32 i32 i32 i32 i64 i64 i32 i32] -> [i32]"
    assert types["fd_seek"] == "[i32 i64 i32 i32] -> [i32]"
    assert types["proc_exit"] == "[i32] -> []"
    assert [name for name, type in types.items() if not type.endswith("-> [i32]")] == ["proc_exit"]


def test_types_of_the_imports_are_those_of_the_table() -> None:
    imports = Wasi(WasiOptions()).imports(Store())
    for function in FUNCTIONS:
        assert func_type(imports[function.name].type) == function.type


def test_every_function_takes_as_many_arguments_as_its_row_says() -> None:
    guest = WasiGuest(pages=8)
    for function in FUNCTIONS:
        if function.name == "proc_exit":
            continue
        # Descriptor 4095 is not open, address 4096 is aligned and in memory.
        (result,) = guest.functions[function.name].fn(*[4096 if kind == "i" else 0 for kind in function.params])
        assert Errno(result) in Errno


def test_numbers_are_those_of_witx() -> None:
    assert len(Errno) == 77
    assert [Errno.E2BIG, Errno.BADF, Errno.INVAL, Errno.NOENT, Errno.XDEV, Errno.NOTCAPABLE] == [1, 8, 28, 44, 75, 76]
    assert Rights.FD_READ == 2
    assert Rights.FD_WRITE == 64
    assert Rights.PATH_OPEN == 8192
    assert Rights.SOCK_ACCEPT == 1 << 29


def test_the_hosts_errors_have_names_of_witx() -> None:
    assert errno_of(OSError(errno.ENOENT, "")) is Errno.NOENT
    assert errno_of(OSError(errno.EWOULDBLOCK, "")) is Errno.AGAIN
    assert errno_of(OSError(errno.EOPNOTSUPP, "")) is Errno.NOTSUP
    assert errno_of(OSError(errno.E2BIG, "")) is Errno.E2BIG
    assert errno_of(OSError(100_000, "")) is Errno.IO
    assert errno_of(OSError("no number")) is Errno.IO


def test_sizes_of_records() -> None:
    assert [layout.size for layout in (IOVEC, FDSTAT, PRESTAT, DIRENT, EVENT)] == [8, 24, 8, 24, 32]
    preview1, unstable = SNAPSHOTS
    assert (preview1.filestat.size, preview1.subscription, 16 + preview1.clock.size) == (64, 48, 48)
    assert (unstable.filestat.size, unstable.subscription, 16 + unstable.clock.size) == (56, 56, 56)


def test_whence_is_numbered_otherwise_in_the_first_snapshot() -> None:
    preview1, unstable = SNAPSHOTS
    assert [whence.name for whence in preview1.whence] == ["SET", "CUR", "END"]
    assert [whence.name for whence in unstable.whence] == ["CUR", "END", "SET"]
    assert Whence.SET == 0


@pytest.mark.parametrize("module", MODULES)
def test_both_snapshots_stat_and_seek(module: str, tmp_path: os.PathLike[str]) -> None:
    (tmp_path / "f").write_bytes(b"0123456789")  # type: ignore[operator]
    guest = WasiGuest(tmp_path, module=module)  # type: ignore[arg-type]
    fd = guest.must_open("f")
    guest.memory.data[OUT : OUT + 128] = b"\xaa" * 128
    found = guest.stat(fd)
    assert (found.size, found.nlink, found.filetype) == (10, 1, 4)
    size = guest.snapshot.filestat.size
    assert guest.bytes(OUT + size, 8) == b"\xaa" * 8
    end = [whence.name for whence in guest.snapshot.whence].index("END")
    guest.ok("fd_seek", fd, (1 << 64) - 3, end, OUT)
    assert guest.u64() == 7
    assert guest.call("fd_seek", fd, 0, 3, OUT) is Errno.INVAL


# --- pointers


def test_a_pointer_outside_of_memory_is_a_trap() -> None:
    guest = WasiGuest()
    with pytest.raises(Trap) as trap:
        guest.call("clock_time_get", 0, 0, 0x10000)
    assert trap.value.code is TrapCode.MEMORY_OUT_OF_BOUNDS
    assert trap.value.fault is not None
    assert (trap.value.fault.address, trap.value.fault.size) == (0x10000, 0x10000)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("random_get", (0xFFFF, 2)),
        ("random_get", (0, 0xFFFF_FFFF)),
        ("clock_time_get", (0, 0, 0xFFFC)),
        ("args_sizes_get", (0, 0xFFFF_FFFC)),
        ("fd_write", (1, 0xFFFF_FFF8, 1, 0)),
        ("fd_write", (1, 8, 0xFFFF_FFFF, 0)),
        ("fd_read", (0, 8, 0x2000, 0)),
        ("path_open", (ROOT, 0, 0xFFFF_0000, 5, 0, 0, 0, 0, OUT)),
        ("path_open", (ROOT, 0, 0, 0xFFFF_FFFF, 0, 0, 0, 0, OUT)),
        ("poll_oneoff", (0, BUFFER, 0xFFFF_FFFF, OUT)),
        ("poll_oneoff", (0, 0xFFF0, 1, OUT)),
        ("fd_readdir", (ROOT, 0xFF00, 0x101, 0, OUT)),
        ("fd_filestat_get", (ROOT, 0xFFF8)),
    ],
)
def test_ranges_end_in_memory(name: str, arguments: tuple[int, ...], tmp_path: os.PathLike[str]) -> None:
    guest = WasiGuest(tmp_path)  # type: ignore[arg-type]
    with pytest.raises(Trap) as trap:
        guest.call(name, *arguments)
    assert trap.value.code is TrapCode.MEMORY_OUT_OF_BOUNDS


def test_a_buffer_of_an_iovec_ends_in_memory() -> None:
    guest = WasiGuest()
    address = guest.put(IOVEC.pack(0xFFFF, 2))
    with pytest.raises(Trap) as trap:
        guest.call("fd_write", 1, address, 1, OUT)
    assert trap.value.code is TrapCode.MEMORY_OUT_OF_BOUNDS


def test_a_misaligned_pointer_is_a_trap() -> None:
    guest = WasiGuest()
    with pytest.raises(Trap) as trap:
        guest.call("clock_time_get", 0, 0, 0x1004)
    assert trap.value.code is TrapCode.HEAP_MISALIGNED
    # Bytes may lie anywhere.
    guest.ok("random_get", 0x1001, 3)


def test_a_call_that_traps_has_had_no_effect(tmp_path: os.PathLike[str]) -> None:
    guest = WasiGuest(tmp_path)  # type: ignore[arg-type]
    with pytest.raises(Trap):
        guest.call("path_open", ROOT, 0, "made", 1, 0, 0, 0, 0x10000)
    assert os.listdir(tmp_path) == []
    assert len(guest.wasi.fds) == 4


def test_an_instance_needs_to_export_its_memory() -> None:
    guest = WasiGuest()
    guest.store.frame.inst.exports.clear()  # type: ignore[union-attr]
    with pytest.raises(Trap, match="missing required memory export"):
        guest.call("random_get", 0, 0)
    # What needs none does not ask for one.
    guest.ok("sched_yield")
    with pytest.raises(GuestExit):
        guest.functions["proc_exit"].fn(0)
