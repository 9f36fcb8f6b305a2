"""A guest of WASI without a module: its memory, and calls of the host's functions as the machine makes them."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from refsfi.host.wasi import MODULES, Preopen, Wasi, WasiOptions
from refsfi.host.wasi.abi import DIRENT, EVENT, FDSTAT, SNAPSHOTS, Errno, Rights, errno_of
from refsfi.runtime.memory import MemInst
from refsfi.runtime.store import Store
from refsfi.syntax.types import Limits, MemType

# Descriptor of the first preopened directory.
ROOT = 3
# Results are put here.
OUT = 0x8000
# And longer ones here.
BUFFER = 0x9000
# Linux's system call, on all machines.
OPENAT2 = 437
_RESOLVE_NO_MAGICLINKS, _RESOLVE_BENEATH = 0x02, 0x08
READ_WRITE = Rights.FD_READ | Rights.FD_WRITE
SUCCESS = Errno.SUCCESS


def beneath(root: int, path: bytes, follow: bool) -> tuple[int, int] | Errno:
    """What openat2(RESOLVE_BENEATH) finds: device and inode. OSError ENOSYS where there is no such call."""
    flags = os.O_PATH | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    how = struct.pack("<QQQ", flags, 0, _RESOLVE_BENEATH | _RESOLVE_NO_MAGICLINKS)
    libc = ctypes.CDLL(None, use_errno=True)
    while (fd := libc.syscall(OPENAT2, root, path, how, len(how))) < 0:
        number = ctypes.get_errno()
        if number == errno.EAGAIN:
            # Something was renamed meanwhile, anywhere, so that it does not know whether a `..` led out.
            continue
        if number == errno.ENOSYS:
            raise OSError(number, os.strerror(number))
        # Leaving the root is EXDEV to this call.
        return Errno.PERM if number == errno.EXDEV else errno_of(OSError(number, ""))
    try:
        found = os.fstat(fd)
        return found.st_dev, found.st_ino
    finally:
        os.close(fd)


class WasiGuest:
    """Strings among the arguments of `call` are put into memory and become address and length; lists of strings and
    numbers become lists of iovecs, a number standing for so many bytes at `BUFFER`."""

    def __init__(self, root: Path | None = None, *, module: str = MODULES[0], pages: int = 1, **options: Any) -> None:
        if root is not None:
            options.setdefault("preopens", [Preopen(root, "/")])
        self.wasi = Wasi(WasiOptions(**options))
        self.store = Store()
        self.memory = MemInst(MemType(Limits(pages, None)))
        self.store.frame = SimpleNamespace(inst=SimpleNamespace(exports={"memory": self.memory}))  # type: ignore[assignment]
        self.functions = self.wasi.imports(self.store, module)
        self.snapshot = next(snapshot for snapshot in SNAPSHOTS if snapshot.module == module)
        self._at = 64

    def call(self, name: str, *arguments: Any) -> Errno:
        self._at = 64
        flat: list[int] = []
        for argument in arguments:
            if isinstance(argument, str):
                argument = argument.encode()
            if isinstance(argument, bytes):
                flat += [self.put(argument), len(argument)]
            elif isinstance(argument, list):
                flat += self.put_iovecs(argument)
            else:
                flat.append(argument)
        self._at = 64
        (errno,) = self.functions[name].fn(*flat)
        return Errno(errno)

    def put(self, data: bytes) -> int:
        address, self._at = self._at, (self._at + len(data) + 15) & ~7
        self.memory.data[address : address + len(data)] = data
        return address

    def put_iovecs(self, parts: list[bytes | int]) -> tuple[int, int]:
        pairs = []
        at = BUFFER
        for part in parts:
            if isinstance(part, int):
                pairs.append((at, part))
                at += part
            else:
                pairs.append((self.put(part), len(part)))
        return self.put(b"".join(struct.pack("<II", *pair) for pair in pairs)), len(parts)

    def ok(self, name: str, *arguments: Any) -> None:
        errno = self.call(name, *arguments)
        assert errno is SUCCESS, f"{name}{arguments}: {errno.name}"

    # --- results

    def bytes(self, address: int, size: int) -> bytes:
        return bytes(self.memory.data[address : address + size])

    def u32(self, address: int = OUT) -> int:
        return int.from_bytes(self.bytes(address, 4), "little")

    def u64(self, address: int = OUT) -> int:
        return int.from_bytes(self.bytes(address, 8), "little")

    # --- what guests do all the time

    def open(
        self,
        path: str | bytes,
        *,
        fd: int = ROOT,
        follow: bool = False,
        oflags: int = 0,
        rights: int = READ_WRITE,
        inheriting: int = 0,
        flags: int = 0,
    ) -> int | Errno:
        """A descriptor, or why there is none."""
        errno = self.call("path_open", fd, int(follow), path, oflags, rights, inheriting, flags, OUT)
        return self.u32() if errno is SUCCESS else errno

    def must_open(self, path: str | bytes, **options: Any) -> int:
        fd = self.open(path, **options)
        assert not isinstance(fd, Errno), f"{path!r}: {fd.name}"
        return fd

    def read(self, fd: int, size: int) -> bytes:
        self.ok("fd_read", fd, [size], OUT)
        return self.bytes(BUFFER, self.u32())

    def write(self, fd: int, data: bytes) -> int:
        self.ok("fd_write", fd, [data], OUT)
        return self.u32()

    def tell(self, fd: int) -> int:
        self.ok("fd_tell", fd, OUT)
        return self.u64()

    def rights(self, fd: int) -> tuple[int, int]:
        self.ok("fd_fdstat_get", fd, OUT)
        return FDSTAT.unpack(self.bytes(OUT, FDSTAT.size))[2:]

    def stat(self, fd: int, path: str | None = None, *, follow: bool = False) -> SimpleNamespace:
        if path is None:
            self.ok("fd_filestat_get", fd, OUT)
        else:
            self.ok("path_filestat_get", fd, int(follow), path, OUT)
        layout = self.snapshot.filestat
        names = ("dev", "ino", "filetype", "nlink", "size", "atim", "mtim", "ctim")
        return SimpleNamespace(**dict(zip(names, layout.unpack(self.bytes(OUT, layout.size)), strict=True)))

    def listing(self, fd: int, size: int = 4096, cookie: int = 0) -> list[tuple[str, int, int, int]]:
        """Name, inode, type and following cookie of the entries that are complete."""
        self.ok("fd_readdir", fd, BUFFER, size, cookie, OUT)
        data = self.bytes(BUFFER, self.u32())
        found = []
        while len(data) >= DIRENT.size:
            following, inode, length, type = DIRENT.unpack_from(data)
            if len(data) < DIRENT.size + length:
                break
            found.append((data[DIRENT.size : DIRENT.size + length].decode(), inode, type, following))
            data = data[DIRENT.size + length :]
        return found

    # --- waiting

    def clock(self, userdata: int, clock: int, timeout: int, absolute: bool = False) -> bytes:
        """A subscription."""
        return struct.pack("<QB7x", userdata, 0) + self.snapshot.clock.pack(clock, timeout, 0, int(absolute))

    def ready(self, userdata: int, type: int, fd: int) -> bytes:
        """A subscription."""
        return struct.pack("<QB7xI", userdata, type, fd).ljust(self.snapshot.subscription, b"\0")

    def poll(self, *subscriptions: bytes) -> list[tuple[int, ...]] | Errno:
        """Userdata, error, type, nbytes and flags of each event, or why there are none."""
        address = self.put(b"".join(subscriptions))
        errno = self.call("poll_oneoff", address, BUFFER, len(subscriptions), OUT)
        if errno is not SUCCESS:
            return errno
        data = self.bytes(BUFFER, self.u32() * EVENT.size)
        return [EVENT.unpack_from(data, at) for at in range(0, len(data), EVENT.size)]
