"""Templates of encodings on disk: one text file in the user's cache directory.

Its bytes become machine code, so it is believed only if it belongs to this user, nobody else can write it, its checksum
is right, and it was made by the same PeachPy and the same table of instructions. Anything else is as good as no file.

    refsfi encodings <digest of what made them> <digest of the lines below>
    <name> <form> <operands>\\t<template in hex>
    ...
"""

from __future__ import annotations

import hashlib
import os
import stat
from bisect import bisect_left
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from jit.x64.encode import version
from refsfi.exec.load import user_cache

__all__ = ["TemplateFile", "find"]

_MAGIC: Final = "refsfi encodings"

# What the file holds at most; reading that many takes some 2 ms. Programs use a few thousand, fuzzing finds all.
_MOST_TEMPLATES: Final = 30_000


@cache
def _makers() -> str | None:
    """A digest of PeachPy and of our files that decide about templates; None where they cannot be read."""
    here = Path(__file__).parent
    digest = hashlib.sha256()
    try:
        digest.update(version())
        for name in ("encode.py", "encodings.py", "instructions.py", "registers.py"):
            digest.update((here / name).read_bytes())
    except OSError:
        return None
    return digest.hexdigest()


class TemplateFile:
    """Nothing depends on the file: one that cannot be read holds nothing, one that cannot be written stays as it is."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of_user(cls) -> TemplateFile:
        """Beside the verdicts on modules."""
        return cls(user_cache() / "encodings")

    def load(self) -> dict[str, str]:
        """The templates in hex, by key."""
        return dict(line.split("\t") for line in self.lines())

    def lines(self) -> list[str]:
        """The file's lines, sorted, for `find`: most processes need few of them."""
        makers = _makers()
        if makers is None:
            return []
        try:
            with open(self.path, "rb") as file:
                status = os.fstat(file.fileno())
                if status.st_uid != os.geteuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                    return []
                first, _, body = file.read().partition(b"\n")
        except OSError:
            return []
        if first.decode("latin-1") != f"{_MAGIC} {makers} {hashlib.sha256(body).hexdigest()}":
            return []
        return body.decode("ascii").splitlines()

    def add(self, templates: Mapping[str, str]) -> None:
        """Add to what the file holds, whichever process put it there, unless it is full."""
        makers = _makers()
        if makers is None:
            return
        merged = {**self.load(), **templates}
        if len(merged) > _MOST_TEMPLATES:
            return
        body = "".join(f"{key}\t{template}\n" for key, template in sorted(merged.items())).encode("ascii")
        first = f"{_MAGIC} {makers} {hashlib.sha256(body).hexdigest()}\n".encode("ascii")
        # It brings much along, and most processes have nothing to write.
        import tempfile

        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # A file of its own, which nobody else can open, takes the place of the old one in one step.
            handle, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=self.path.name)
        except OSError:
            return
        try:
            with open(handle, "wb") as file:
                file.write(first + body)
            os.replace(temporary, self.path)
        except OSError:
            os.unlink(temporary)


def find(lines: list[str], key: str) -> str | None:
    """The template of a key among a file's lines; None where there is none."""
    start = f"{key}\t"
    place = bisect_left(lines, start)
    if place < len(lines) and lines[place].startswith(start):
        return lines[place][len(start) :]
    return None
