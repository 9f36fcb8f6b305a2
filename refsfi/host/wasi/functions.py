"""The table of functions: name, parameters, implementation. One row a function.

A parameter is `i` (i32) or `l` (i64). Every function but `proc_exit` returns an errno. The implementation gets the
calling guest and the arguments, unsigned; it raises WasiError or OSError to fail.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from refsfi.host.wasi import directories, files, poll, process
from refsfi.syntax.types import I32, I64, FuncType

__all__ = ["FUNCTIONS", "Function"]


@dataclass(frozen=True, slots=True)
class Function:
    """`since` is the index of the first snapshot that has the function: 0 for both, 1 for `wasi_snapshot_preview1`
    only."""

    name: str
    params: str
    run: Callable[..., None]
    returns: bool = True
    since: int = 0

    @property
    def type(self) -> FuncType:
        kinds = {"i": I32, "l": I64}
        return FuncType(tuple(kinds[kind] for kind in self.params), (I32,) if self.returns else ())


def _row(name: str, params: str, run: Callable[..., Any], **more: Any) -> Function:
    return Function(name, params, run, **more)


FUNCTIONS: Final[tuple[Function, ...]] = (
    _row("args_get", "ii", process.args_get),
    _row("args_sizes_get", "ii", process.args_sizes_get),
    _row("environ_get", "ii", process.environ_get),
    _row("environ_sizes_get", "ii", process.environ_sizes_get),
    _row("clock_res_get", "ii", process.clock_res_get),
    _row("clock_time_get", "ili", process.clock_time_get),
    _row("fd_advise", "illi", files.fd_advise),
    _row("fd_allocate", "ill", files.fd_allocate),
    _row("fd_close", "i", files.fd_close),
    _row("fd_datasync", "i", files.fd_datasync),
    _row("fd_fdstat_get", "ii", files.fd_fdstat_get),
    _row("fd_fdstat_set_flags", "ii", files.fd_fdstat_set_flags),
    _row("fd_fdstat_set_rights", "ill", files.fd_fdstat_set_rights),
    _row("fd_filestat_get", "ii", files.fd_filestat_get),
    _row("fd_filestat_set_size", "il", files.fd_filestat_set_size),
    _row("fd_filestat_set_times", "illi", files.fd_filestat_set_times),
    _row("fd_pread", "iiili", files.fd_pread),
    _row("fd_prestat_get", "ii", files.fd_prestat_get),
    _row("fd_prestat_dir_name", "iii", files.fd_prestat_dir_name),
    _row("fd_pwrite", "iiili", files.fd_pwrite),
    _row("fd_read", "iiii", files.fd_read),
    _row("fd_readdir", "iiili", directories.fd_readdir),
    _row("fd_renumber", "ii", files.fd_renumber),
    _row("fd_seek", "ilii", files.fd_seek),
    _row("fd_sync", "i", files.fd_sync),
    _row("fd_tell", "ii", files.fd_tell),
    _row("fd_write", "iiii", files.fd_write),
    _row("path_create_directory", "iii", directories.path_create_directory),
    _row("path_filestat_get", "iiiii", directories.path_filestat_get),
    _row("path_filestat_set_times", "iiiilli", directories.path_filestat_set_times),
    _row("path_link", "iiiiiii", directories.path_link),
    _row("path_open", "iiiiillii", directories.path_open),
    _row("path_readlink", "iiiiii", directories.path_readlink),
    _row("path_remove_directory", "iii", directories.path_remove_directory),
    _row("path_rename", "iiiiii", directories.path_rename),
    _row("path_symlink", "iiiii", directories.path_symlink),
    _row("path_unlink_file", "iii", directories.path_unlink_file),
    _row("poll_oneoff", "iiii", poll.poll_oneoff),
    _row("proc_exit", "i", process.proc_exit, returns=False),
    _row("proc_raise", "i", process.proc_raise),
    _row("sched_yield", "", process.sched_yield),
    _row("random_get", "ii", process.random_get),
    _row("sock_accept", "iii", process.sock_accept, since=1),
    _row("sock_recv", "iiiiii", process.sock_recv),
    _row("sock_send", "iiiii", process.sock_send),
    _row("sock_shutdown", "ii", process.sock_shutdown),
)
