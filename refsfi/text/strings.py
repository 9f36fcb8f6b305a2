"""String literals and identifiers, chapters 6.3.3 to 6.3.5: between their text and what they stand for."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["CHAR", "ESCAPE", "IDCHAR", "STRING", "encode_id", "is_id_text", "quote_bytes", "quote_name", "unescape"]

# Regular expressions, as text.
IDCHAR: Final = r"[0-9A-Za-z!#$%&'*+\-./:<=>?@\\^_`|~]"
CHAR: Final = r'[^"\\\x00-\x1f\x7f]'
ESCAPE: Final = r"""\\(?:[nrt\\'"]|[0-9A-Fa-f]{2}|u\{[0-9A-Fa-f](?:_?[0-9A-Fa-f])*+\})"""
STRING: Final = rf'"{CHAR}*+(?:{ESCAPE}{CHAR}*+)*+"'

_ID = re.compile(rf"{IDCHAR}++")
_ESCAPES = re.compile(rb"(?:\\[0-9A-Fa-f]{2})+|\\u\{([0-9A-Fa-f_]+)\}|\\([nrt\\'\"])")
_SIMPLE: Final = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"\\": b"\\", b"'": b"'", b'"': b'"'}


def unescape(token: str) -> bytes:
    """The bytes of a string literal given with its quotes. ValueError for an escape that names no Unicode scalar
    value.
    """
    raw = token[1:-1].encode()
    return _ESCAPES.sub(_replace, raw) if b"\\" in raw else raw


def _replace(match: re.Match[bytes]) -> bytes:
    if match[2] is not None:
        return _SIMPLE[match[2]]
    if match[1] is None:
        return bytes.fromhex(match[0].replace(b"\\", b"").decode())
    digits = match[1].replace(b"_", b"").lstrip(b"0")
    code = int(digits or b"0", 16) if len(digits) <= 6 else 0x110000
    if code >= 0x110000 or 0xD800 <= code < 0xE000:
        raise ValueError("no Unicode scalar value")
    return chr(code).encode()


def is_id_text(name: str) -> bool:
    """Whether `$name` is an identifier that needs no quotes."""
    return _ID.fullmatch(name) is not None


# --- writing ---------------------------------------------------------------------------------------------------------

_BYTES: Final = {
    byte: chr(byte) if 0x20 <= byte < 0x7F and byte not in b'"\\' else f"\\{byte:02x}" for byte in range(256)
} | {0x09: "\\t", 0x0A: "\\n", 0x22: '\\"', 0x5C: "\\\\"}
# For names: only what a string literal cannot hold as it is, and what would not show.
_CHARS: Final = (
    {code: _BYTES[code] for code in (*range(0x20), 0x22, 0x5C, 0x7F)}
    | {code: f"\\u{{{code:x}}}" for code in (*range(0x80, 0xA0), 0xAD, 0xFEFF)}
    # Marks that change the direction of text could make a listing lie.
    | {code: f"\\u{{{code:x}}}" for code in (*range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2060, 0x2070))}
)


def quote_bytes(data: bytes) -> str:
    """A string literal for any bytes, of printable ASCII characters only."""
    return f'"{data.decode("latin-1").translate(_BYTES)}"'


def quote_name(name: str) -> str:
    """A string literal for a name; characters beyond ASCII stand for themselves where they show."""
    return f'"{name.translate(_CHARS)}"'


def encode_id(name: str) -> str:
    """The identifier for a name that is not empty, quoted where it must be."""
    return f"${name}" if is_id_text(name) else f"${quote_name(name)}"
