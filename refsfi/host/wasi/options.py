"""What a host grants a guest."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntFlag
from typing import Any, Final, Protocol, TypeAlias

from refsfi.host.wasi.clocks import Clocks

__all__ = ["INHERIT", "Inherit", "Input", "Observer", "Output", "Perms", "Preopen", "WasiOptions"]


class Inherit:
    """The type of `INHERIT`."""

    def __repr__(self) -> str:
        return "INHERIT"


# The host's own descriptor 0, 1 or 2.
INHERIT: Final = Inherit()

# None: nothing to read; nowhere to write to.
# int: a descriptor of the host, which stays open. str, PathLike: a file.
# bytes (input): what is read. callable (output): called with each piece of bytes.
# Else an object with `read(size)`, for output with `write(data)`, of bytes or of text in UTF-8.
Input: TypeAlias = "Inherit | int | str | os.PathLike[str] | bytes | Any | None"
Output: TypeAlias = "Inherit | int | str | os.PathLike[str] | Callable[[bytes], object] | Any | None"


class Perms(IntFlag):
    """Of a preopened directory: what may be done with directories, or with files, beneath it."""

    READ = 1
    WRITE = 2


@dataclass(frozen=True, slots=True)
class Preopen:
    """The host's directory `host`, which the guest knows as `guest`."""

    host: str | os.PathLike[str]
    guest: str
    dir_perms: Perms = Perms.READ | Perms.WRITE
    file_perms: Perms = Perms.READ | Perms.WRITE


class Observer(Protocol):
    """Sees each call. A guest's only inputs are what `wrote` and `left` report."""

    def entered(self, name: str, arguments: tuple[int, ...]) -> None:
        """A function is called."""

    def wrote(self, address: int, data: memoryview) -> None:
        """The host wrote to the guest's memory at `address` (bytes). The view ends with the call."""

    def left(self, name: str, errno: int) -> None:
        """A function returns. Not called for one that raises."""


def _random(count: int) -> bytes:
    return os.urandom(count)


@dataclass(slots=True)
class WasiOptions:
    """`args` begins with the program's name. `random(n)` returns n bytes. `max_fds` bounds the guest's open
    descriptors."""

    args: Sequence[str | bytes] = ()
    env: Mapping[str, str] | Sequence[tuple[str, str]] = ()
    stdin: Input = None
    stdout: Output = None
    stderr: Output = None
    preopens: Sequence[Preopen] = ()
    clocks: Clocks = field(default_factory=Clocks)
    random: Callable[[int], bytes] = _random
    max_fds: int = 1024
    observer: Observer | None = None
