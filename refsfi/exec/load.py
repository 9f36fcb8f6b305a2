"""From the bytes of a file to a program: format, decoding, validation, and what is known of the module from before.

Decoding and validating a large module takes longer than what most runs of it need. So a module can be loaded lazily:
every body is decoded, validated and lowered when it is first called. And the verdict on a module that was validated
whole is remembered by its hash, so that the next time its bodies need no validation ahead of their calls.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from refsfi.binary.deferred import DeferredModule
from refsfi.errors import ParseError
from refsfi.exec.code import Program
from refsfi.runtime.tier import Tier
from refsfi.syntax.features import DEFAULT, Features
from refsfi.syntax.module import Module
from refsfi.valid.module import Progress, validate

__all__ = ["LAZY_FROM", "Verdicts", "load_module", "load_program", "user_cache"]

MAGIC = b"\0asm"

# Modules of this size (bytes) and more are loaded lazily by those who have no other wish.
LAZY_FROM = 1 << 20

# Changes whenever the validator or the decoder refuses something that it accepted before.
_REVISION = 1

# Bytes of a module whose verdict is worth a file; below, validation takes a few milliseconds.
_WORTH_A_FILE = 1 << 15
# Verdicts that are kept, the latest.
_MOST_FILES = 2000


def user_cache() -> Path:
    """The user's cache directory: $REFSFI_CACHE_DIR, else `refsfi` in $XDG_CACHE_HOME or ~/.cache. It may not exist."""
    named = os.environ.get("REFSFI_CACHE_DIR")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache"), "refsfi")


class Verdicts:
    """The modules known to be valid, as empty files in a directory, named by hash.

    Nothing depends on the directory: one that cannot be read or written knows nothing and remembers nothing. And a body
    is validated in any case before it runs, so a file that somebody else put there makes nothing unsafe.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @classmethod
    def of_user(cls) -> Verdicts:
        """In the user's cache directory."""
        return cls(user_cache() / "verdicts")

    def _path(self, data: bytes, features: Features) -> Path:
        digest = hashlib.sha256(f"{_REVISION} {' '.join(sorted(features))}\n".encode())
        digest.update(data)
        return self.directory / digest.hexdigest()

    def known(self, data: bytes, features: Features) -> bool:
        """Whether this module was found valid under these features."""
        try:
            return self._path(data, features).exists()
        except OSError:
            return False

    def remember(self, data: bytes, features: Features) -> None:
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            self._path(data, features).touch()
            self._prune()
        except OSError:
            return

    def _prune(self) -> None:
        files = list(self.directory.iterdir())
        if len(files) <= _MOST_FILES:
            return
        for file in sorted(files, key=lambda file: file.stat().st_mtime)[: -_MOST_FILES // 2]:
            file.unlink(missing_ok=True)


def load_module(data: bytes, features: Features = DEFAULT, name: str = "<module>", *, lazy: bool = False) -> Module:
    """Decode a binary module, or parse a text one. DecodeError or ParseError where it is neither."""
    if data[:4] == MAGIC:
        from refsfi.binary.decode import decode

        return decode(data, features, lazy=lazy)
    from refsfi.text.parser import parse_module

    if not data:
        raise ParseError("the file is empty: neither a binary module nor a text one", 1, 1)
    return parse_module(data, features, name)


def load_program(
    data: bytes,
    features: Features = DEFAULT,
    name: str = "<module>",
    *,
    metered: bool = False,
    lazy: bool = False,
    verdicts: Verdicts | None = None,
    progress: Progress | None = None,
    tier: Tier | None = None,
) -> Program:
    """The program of a binary or text module.

    Lazily, errors in function bodies show when they are first called: DecodeError, ValidationError or LimitError out of
    `invoke`, which no guest can catch. Not lazily, the whole module is checked now, unless `verdicts` knows it.
    """
    if data[:4] != MAGIC or len(data) < _WORTH_A_FILE:
        verdicts = None
    late = lazy or (verdicts is not None and verdicts.known(data, features))
    # The bodies of a large module are decoded one at a time even where all are checked now.
    module = load_module(data, features, name, lazy=late or len(data) >= LAZY_FROM)
    if not late and isinstance(module, DeferredModule):
        module.check_customs()
    info = validate(module, features, lazy=late, progress=progress)
    if verdicts is not None and not late:
        verdicts.remember(data, features)
    return Program(module, info, metered=metered, tier=tier)
