"""One guest's WASI: its arguments, environment, descriptors, clocks and source of randomness."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Mapping
from typing import Final

from refsfi.host.wasi.abi import SNAPSHOTS, Errno, Snapshot, WasiError, errno_of
from refsfi.host.wasi.descriptors import Directory, FdTable, Input, Output, granted_rights
from refsfi.host.wasi.functions import FUNCTIONS, Function
from refsfi.host.wasi.guest import Guest
from refsfi.host.wasi.options import Preopen, WasiOptions
from refsfi.host.wasi.streams import open_sink, open_source
from refsfi.runtime.store import HostFunc, Store
from refsfi.syntax.deftypes import func_deftype

__all__ = ["MODULES", "Wasi"]

# The module names that guests import from.
MODULES: Final = tuple(snapshot.module for snapshot in SNAPSHOTS)


class Wasi:
    """The state of one guest. `close`, or the end of the object, closes the host's descriptors that were opened for it.

    Like a store, it belongs to one thread at a time: its functions take no locks. Threads of a guest that share it must
    take turns in calling it.

    What a guest gets to see of its host passes through few places: the errno that a function returns, the bytes that
    `Guest` writes (both reported to `WasiOptions.observer`), and the exception of `proc_exit`.
    """

    def __init__(self, options: WasiOptions) -> None:
        """OSError where a directory or file of the options cannot be opened; ValueError for a string with a NUL."""
        self.options = options
        self.clocks = options.clocks
        self.random = options.random
        self.args = [_string(argument) for argument in options.args]
        env = options.env.items() if isinstance(options.env, Mapping) else options.env
        self.env = [_string(f"{name}={value}") for name, value in env]
        self.fds = FdTable(options.max_fds)
        self._finalizer = weakref.finalize(self, self.fds.close_all)
        try:
            self.fds.add(Input(open_source(options.stdin)))
            self.fds.add(Output(open_sink(options.stdout, 1)))
            self.fds.add(Output(open_sink(options.stderr, 2)))
            for preopen in options.preopens:
                self.fds.add(_open_preopen(preopen))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close all descriptors. The functions report BADF afterwards."""
        self._finalizer()

    def __enter__(self) -> Wasi:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def imports(self, store: Store, module: str = MODULES[0]) -> dict[str, HostFunc]:
        """The functions of one of `MODULES` by name, for instances in `store`. KeyError for another module."""
        since = {"wasi_snapshot_preview1": 1, "wasi_unstable": 0}[module]
        snapshot = next(found for found in SNAPSHOTS if found.module == module)
        return {
            function.name: HostFunc(
                func_deftype(function.type), self._bind(store, snapshot, function), f"{module}.{function.name}"
            )
            for function in FUNCTIONS
            if function.since <= since
        }

    def _bind(self, store: Store, snapshot: Snapshot, function: Function) -> Callable[..., tuple[int, ...]]:
        run = function.run
        name = function.name

        def call(*arguments: int) -> tuple[int, ...]:
            observer = self.options.observer
            if observer is not None:
                observer.entered(name, arguments)
            try:
                run(Guest(self, store, snapshot, observer), *arguments)
                errno = Errno.SUCCESS
            except WasiError as error:
                errno = error.errno
            except OSError as error:
                errno = errno_of(error)
            except MemoryError:
                errno = Errno.NOMEM
            if observer is not None:
                observer.left(name, errno)
            return (int(errno),)

        return call


def _string(text: str | bytes) -> bytes:
    """As the guest gets it, with its NUL."""
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    if b"\0" in data:
        raise ValueError(f"NUL in an argument or environment variable: {text!r}")
    return data + b"\0"


def _open_preopen(preopen: Preopen) -> Directory:
    rights = granted_rights(preopen.dir_perms, preopen.file_perms)
    name = _string(preopen.guest)[:-1]
    fd = os.open(preopen.host, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    return Directory(fd, rights, rights, rights, name)
