"""What a guest gets of its host through WASI."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, Literal, TypeAlias

from refsfi.api.errors import WasmtimeError
from refsfi.api.managed import Settings
from refsfi.host.wasi import INHERIT, Perms, Preopen, Wasi, WasiOptions

__all__ = ["CustomOutput", "DirPerms", "FilePerms", "WasiConfig"]

Path: TypeAlias = str | bytes | os.PathLike[str]
# Gets each piece of output; returns how many bytes it took, None for all, or less than zero for `-errno`.
CustomOutput: TypeAlias = Callable[[bytes], int | None]


class DirPerms(Enum):
    """What may be done with the directories beneath a preopened one."""

    READ_ONLY = Perms.READ
    WRITE_ONLY = Perms.WRITE
    READ_WRITE = Perms.READ | Perms.WRITE


class FilePerms(Enum):
    """What may be done with the files beneath a preopened directory."""

    READ_ONLY = Perms.READ
    WRITE_ONLY = Perms.WRITE
    READ_WRITE = Perms.READ | Perms.WRITE


class WasiConfig(Settings):
    """Arguments, environment, standard streams and directories; without any of them a guest has nothing. Its properties
    can only be set. `Store.set_wasi` consumes the object.

    `stdin`, `stdout` and `stderr` take what Python has: an open file or any object with `read` or `write`, of bytes or
    of text; a descriptor (an int, which stays open); a path; None for nothing. `stdin` also takes bytes, the outputs a
    function that is called with bytes. An exception of such an object goes through the guest to whoever called it.
    """

    def __init__(self) -> None:
        self._options = WasiOptions()
        self._preopens: list[Preopen] = []
        # Files that were opened for this configuration, by stream.
        self._files: dict[str, io.FileIO] = {}

    def _open(self) -> WasiOptions:
        self._check_open()
        return self._options

    def close(self) -> None:
        """End the object and close what it has opened."""
        super().close()
        for file in self._files.values():
            file.close()

    def _consume(self) -> Wasi:
        options = self._open()
        options.preopens = self._preopens
        try:
            wasi = _ConfiguredWasi(options, list(self._files.values()))
        except OSError as error:
            raise WasmtimeError(f"failed to open what the guest is given: {error}") from error
        except ValueError as error:
            raise WasmtimeError(str(error)) from error
        self._files = {}
        self.close()
        return wasi

    # --- arguments and environment

    def _set_argv(self, argv: Sequence[str]) -> None:
        options = self._open()
        len(argv)
        options.args = [_text(argument) for argument in argv]

    argv = property(None, _set_argv, None, "The guest's arguments; the first is its own name.")

    def inherit_argv(self) -> None:
        """The arguments of this process."""
        self._open().args = list(sys.orig_argv)

    def _set_env(self, pairs: Mapping[str, str] | Iterable[Iterable[str]]) -> None:
        options = self._open()
        given = pairs.items() if isinstance(pairs, Mapping) else pairs
        options.env = [(_text(name), _text(value)) for name, value in given]

    env = property(None, _set_env, None, "The guest's environment: a mapping, or pairs of name and value.")

    def inherit_env(self) -> None:
        """The environment of this process."""
        self._open().env = dict(os.environ)

    # --- standard streams

    def _set_stream(self, name: Literal["stdin", "stdout", "stderr"], stream: Any) -> None:
        options = self._open()
        if stream is not None and not isinstance(stream, int | str | os.PathLike):
            _check_stream(name, stream)
        file = self._files.pop(name, None)
        if file is not None:
            file.close()
        setattr(options, name, stream)

    def _set_file(self, name: Literal["stdin", "stdout", "stderr"], path: Path) -> None:
        self._open()
        if not isinstance(path, str | bytes | os.PathLike):
            raise AttributeError(f"a path must be a str, bytes or os.PathLike, not {path!r}")
        try:
            # Unbuffered: no more than the owner of a descriptor.
            file = io.FileIO(os.fspath(path), "r" if name == "stdin" else "w")
        except (OSError, ValueError) as error:
            raise WasmtimeError(f"failed to set {name} file") from error
        self._set_stream(name, file.fileno())
        self._files[name] = file

    stdin = property(None, lambda self, stream: self._set_stream("stdin", stream), None, "What the guest reads.")
    stdout = property(None, lambda self, stream: self._set_stream("stdout", stream), None, "Where output goes to.")
    stderr = property(None, lambda self, stream: self._set_stream("stderr", stream), None, "Where errors go to.")

    def _set_stdin_bytes(self, data: bytes) -> None:
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError("expected bytes")
        self._set_stream("stdin", bytes(data))

    stdin_bytes = property(None, _set_stdin_bytes, None, "The bytes that the guest reads.")

    stdin_file = property(
        None,
        lambda self, path: self._set_file("stdin", path),
        None,
        "The file that the guest reads. WasmtimeError if it cannot be opened.",
    )
    stdout_file = property(
        None,
        lambda self, path: self._set_file("stdout", path),
        None,
        "The file that output goes to, created or emptied. WasmtimeError if it cannot be opened.",
    )
    stderr_file = property(None, lambda self, path: self._set_file("stderr", path), None, "Likewise, for errors.")

    stdout_custom = property(
        None,
        lambda self, callback: self._set_stream("stdout", _counting(callback)),
        None,
        "A function that gets output as bytes; it returns how many it took, None for all, or less than zero for "
        "`-errno`.",
    )
    stderr_custom = property(
        None,
        lambda self, callback: self._set_stream("stderr", _counting(callback)),
        None,
        "Likewise, for errors.",
    )

    def inherit_stdin(self) -> None:
        """The standard input of this process: descriptor 0."""
        self._set_stream("stdin", INHERIT)

    def inherit_stdout(self) -> None:
        """The standard output of this process: descriptor 1."""
        self._set_stream("stdout", INHERIT)

    def inherit_stderr(self) -> None:
        """The standard error of this process: descriptor 2."""
        self._set_stream("stderr", INHERIT)

    # --- directories

    def preopen_dir(
        self,
        path: str | os.PathLike[str],
        guest_path: str,
        dir_perms: DirPerms | bool = DirPerms.READ_WRITE,
        file_perms: FilePerms = FilePerms.READ_WRITE,
        *,
        fs_mutable: bool = True,
    ) -> None:
        """Let the guest use the host's directory `path`, and what lies beneath it, under the name `guest_path`.

        Where `fs_mutable` is False, it can only read; a bool in the place of `dir_perms` means the same. WasmtimeError
        if the directory cannot be opened.
        """
        self._open()
        if isinstance(dir_perms, bool):
            fs_mutable, dir_perms = dir_perms, DirPerms.READ_WRITE
        if not isinstance(dir_perms, DirPerms):
            raise TypeError("expected a DirPerms")
        if not isinstance(file_perms, FilePerms):
            raise TypeError("expected a FilePerms")
        host = os.fspath(path) if isinstance(path, os.PathLike) else _text(path)
        try:
            os.close(os.open(host, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        except (OSError, ValueError) as error:
            raise WasmtimeError("failed to add preopen dir") from error
        most = Perms.READ | Perms.WRITE if fs_mutable else Perms.READ
        self._preopens.append(Preopen(host, _text(guest_path), dir_perms.value & most, file_perms.value & most))


class _ConfiguredWasi(Wasi):
    """A guest's WASI that owns the files which its configuration has opened."""

    def __init__(self, options: WasiOptions, files: list[io.FileIO]) -> None:
        self._files = files
        super().__init__(options)

    def close(self) -> None:
        super().close()
        for file in self._files:
            file.close()


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise AttributeError(f"expected a str, not {value!r}")
    if "\0" in value:
        raise WasmtimeError(f"a string for the guest must not contain NUL: {value!r}")
    return value


def _check_stream(name: str, stream: object) -> None:
    """TypeError for what cannot be a stream of that name."""
    if stream is INHERIT:
        return
    if name == "stdin":
        if not isinstance(stream, bytes) and not hasattr(stream, "read"):
            raise TypeError(f"stdin must be bytes, a path, a descriptor or have a method `read`: {stream!r}")
    elif not callable(stream) and not hasattr(stream, "write"):
        raise TypeError(f"{name} must be callable, a path, a descriptor or have a method `write`: {stream!r}")


def _counting(callback: CustomOutput) -> Callable[[bytes], None]:
    """A function that has `callback` take all of the data it is called with. OSError where that refuses."""

    def write(data: bytes) -> None:
        while data:
            count = callback(data)
            if count is None:
                return
            if count < 0:
                raise OSError(-count, os.strerror(-count))
            data = data[count:]

    return write
