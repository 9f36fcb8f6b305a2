"""Tokens of the text format, chapter 6.2 and the annotations of 6.2.5.

One regular expression finds all tokens; a token is its text plus its character offset, in two parallel lists, and what
kind it is shows in its first character. White space, comments and annotations are no tokens. Annotations of a known
kind are kept beside the tokens (`TokenStream.notes`), the others are only checked for well-formed tokens.

An illegal character becomes a token like any other and is reported when a parser arrives there, so that of several
errors the first one in the text is told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from refsfi.errors import ParseError
from refsfi.syntax.features import DEFAULT, Features, off
from refsfi.syntax.module import Source
from refsfi.text.keywords import features_of, known_keyword
from refsfi.text.numbers import is_number
from refsfi.text.strings import CHAR, ESCAPE, IDCHAR, STRING, unescape

__all__ = ["KNOWN_ANNOTATIONS", "Annotation", "TokenStream"]

# Annotations that mean something: names, custom sections, branch hints.
KNOWN_ANNOTATIONS: Final = frozenset({"name", "custom", "metadata.code.branch_hint"})

# Block comments without another one inside; nested ones are left to _BLOCK.
_TRIVIA = r"(?:[ \t\n\r]++|;;[^\n\r]*+|\(;(?:[^;(]++|;(?!\))|\((?!;))*+;\))*+"
# `(;` and `(@` end the run of ordinary tokens; the empty token is the end of the text; any other character is illegal.
_TOKEN = re.compile(rf"{_TRIVIA}(\((?![;@])|\)|(?:{IDCHAR}++|{STRING})++|[,;\[\]{{}}]|\([;@]|(?s:.)|\Z)")
_BLOCK = re.compile(r"\(;|;\)")
_ID = re.compile(rf"{IDCHAR}++")
_STRING_TOKEN = re.compile(STRING)
_STRING_START = re.compile(rf'"{CHAR}*+(?:{ESCAPE}{CHAR}*+)*+')
_OPENING: Final = frozenset({"(;", "(@"})
# A quotation mark alone begins no string. What follows it is not worth a look, and looking could take long.
_STOPS: Final = _OPENING | {'"'}


@dataclass(frozen=True, slots=True)
class Annotation:
    """`(@name item*)` at characters `start` to `end`; `items` are its tokens, parentheses too, with their offsets."""

    name: str
    start: int
    end: int
    items: tuple[tuple[str, int], ...]


class TokenStream:
    """The tokens of a text, and a cursor.

    `texts[i]` is token `i`, `offsets[i]` the offset of its first character; the last token is empty and stands for the
    end. `pos` is the index of the next token. `notes` has the annotations of known kinds in front of a token, by the
    token's index. `features` only decides which words are keywords, for the message about a word that stands in the
    wrong place.
    """

    __slots__ = ("_failure", "features", "notes", "offsets", "pos", "source", "texts")

    def __init__(
        self,
        source: str | bytes | Source,
        name: str = "<text>",
        features: Features = DEFAULT,
        start: int = 0,
        end: int | None = None,
    ) -> None:
        """Tokens of characters `start` to `end` of a source. ParseError where bytes are no UTF-8."""
        if isinstance(source, bytes):
            source = _decode(source)
        if isinstance(source, str):
            source = Source(source, name)
            # Text may hold surrogates, which no file can.
            if not source.text.isascii():
                try:
                    source.text.encode()
                except UnicodeEncodeError as error:
                    raise ParseError("malformed UTF-8 encoding", *source.position(error.start)) from None
        self.source = source
        self.features = features
        self.pos = 0
        self.texts: list[str] = []
        self.offsets: list[int] = []
        self.notes: dict[int, list[Annotation]] = {}
        self._failure: ParseError | None = None
        self._scan(start, len(source.text) if end is None else end)

    def _scan(self, at: int, end: int) -> None:
        text = self.source.text
        texts, offsets = self.texts, self.offsets
        add_text, add_offset = texts.append, offsets.append
        find = _TOKEN.finditer
        while True:
            for match in find(text, at, end):
                token = match[1]
                if token in _STOPS:
                    break
                add_text(token)
                add_offset(match.start(1))
            if not token:
                return
            start = match.start(1)
            try:
                if token == '"':
                    raise self._illegal(start, end)
                at = self._comment(start, end) if token == "(;" else self._annotation(start, end)
            except ParseError as error:
                # A token that no grammar accepts carries the error to where a parser meets it.
                self._failure = error
                texts += ["\0", ""]
                offsets += [start, end]
                return

    def _comment(self, start: int, end: int) -> int:
        depth = 0
        for match in _BLOCK.finditer(self.source.text, start, end):
            depth += 1 if match[0] == "(;" else -1
            if depth == 0:
                return match.end()
        raise self.error("unclosed comment", start)

    def _annotation(self, start: int, end: int) -> int:
        """Skips an annotation, nested ones included, and keeps it where its kind is known. The offset behind it."""
        text = self.source.text
        name, at = self._annotation_name(start + 2, end)
        keep = name in KNOWN_ANNOTATIONS
        items: list[tuple[str, int]] = []
        depth = 1
        while True:
            for match in _TOKEN.finditer(text, at, end):
                token = match[1]
                offset = match.start(1)
                if token in _OPENING:
                    break
                if token == "(":
                    depth += 1
                elif token == ")":
                    depth -= 1
                    if depth == 0:
                        if keep:
                            note = Annotation(name, start, offset + 1, tuple(items))
                            self.notes.setdefault(len(self.texts), []).append(note)
                        return offset + 1
                elif not token:
                    raise self.error("unclosed annotation", start)
                elif token == "$":
                    raise self.error("empty identifier", offset)
                elif token == '"' or (len(token) == 1 and not _ID.match(token) and token not in ",;[]{}"):
                    raise self._illegal(offset, end)
                if keep:
                    items.append((token, offset))
            if token == "(;":
                at = self._comment(offset, end)
            else:
                # Inside of an annotation, an id may be missing.
                named = text[offset + 2 : offset + 3] == '"' or _ID.match(text, offset + 2, end)
                at = self._annotation_name(offset + 2, end)[1] if named else offset + 2
                depth += 1
                if keep:
                    items.append((token, offset))

    def _annotation_name(self, at: int, end: int) -> tuple[str, int]:
        text = self.source.text
        if match := _ID.match(text, at, end):
            return match[0], match.end()
        if match := _STRING_TOKEN.match(text, at, end):
            if not (name := unescape(match[0])):
                raise self.error("empty annotation id", at)
            try:
                return name.decode(), match.end()
            except UnicodeDecodeError:
                raise self.error("malformed UTF-8 encoding", at) from None
        raise self.error("empty annotation id", at)

    # --- errors ------------------------------------------------------------------------------------------------------

    def error(self, message: str, at: int) -> ParseError:
        """The error at character `at`, to be raised."""
        return ParseError(message, *self.source.position(at))

    def error_here(self, message: str, pos: int | None = None) -> ParseError:
        """The error at token `pos`, or at the next token."""
        return self.error(message, self.offsets[self.pos if pos is None else pos])

    def unexpected(self, pos: int | None = None) -> ParseError:
        """The error that says why token `pos`, or the next one, cannot stand where it stands."""
        if pos is None:
            pos = self.pos
        token = self.texts[pos]
        at = self.offsets[pos]
        if not token:
            return self.error("unexpected token: end of text", at)
        if token == "\0" and self._failure is not None:
            return self._failure
        first = token[0]
        if first in "()":
            return self.error(f"unexpected token {token}", at)
        if first == '"':
            known = _STRING_TOKEN.fullmatch(token) is not None
        elif first == "$":
            if token == "$" or token == '$""':
                return self.error("empty identifier", at)
            known = '"' not in token or _STRING_TOKEN.fullmatch(token, 1) is not None
        elif _ID.match(token):
            known = is_number(token) or known_keyword(token, self.features)
        elif first in ",;[]{}":
            known = False
        else:
            return self._illegal(at, len(self.source.text))
        if known:
            return self.error(f"unexpected token {_shown(token)}", at)
        return self.error(f"unknown operator {_shown(token)}{off(*features_of(token))}", at)

    def _illegal(self, at: int, end: int) -> ParseError:
        text = self.source.text
        if text[at] != '"':
            return self.error("illegal character", at)
        match = _STRING_START.match(text, at, end)
        stop = match.end() if match else at
        if stop >= end or text[stop] in "\r\n":
            return self.error("unclosed string literal", at)
        if text[stop] == "\\":
            return self.error("illegal escape", stop)
        return self.error("illegal control character in string literal", stop)

    # --- reading -----------------------------------------------------------------------------------------------------

    def expect(self, token: str) -> None:
        """Steps over a token that must be there."""
        if self.texts[self.pos] != token:
            raise self.unexpected()
        self.pos += 1

    def opens(self, keyword: str) -> bool:
        """Whether `(keyword` comes next."""
        pos = self.pos
        return self.texts[pos] == "(" and self.texts[pos + 1] == keyword

    def accept(self, keyword: str) -> bool:
        """Steps over `(keyword`, if that comes next."""
        pos = self.pos
        if self.texts[pos] == "(" and self.texts[pos + 1] == keyword:
            self.pos = pos + 2
            return True
        return False

    def at_string(self) -> bool:
        token = self.texts[self.pos]
        return len(token) > 1 and token[0] == '"' and _STRING_TOKEN.fullmatch(token) is not None

    def string(self) -> bytes:
        """Steps over a string literal: its bytes."""
        if not self.at_string():
            raise self.unexpected()
        token = self.texts[self.pos]
        try:
            value = unescape(token)
        except ValueError:
            raise self.error_here("illegal escape") from None
        self.pos += 1
        return value

    def strings(self) -> bytes:
        """Steps over any number of string literals: their bytes, joined."""
        parts = []
        while self.texts[self.pos][:1] == '"':
            parts.append(self.string())
        return b"".join(parts)

    def name(self) -> str:
        """Steps over a string literal that must be UTF-8."""
        pos = self.pos
        value = self.string()
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise self.error_here("malformed UTF-8 encoding", pos) from None

    def id(self) -> str | None:
        """Steps over an identifier, if one comes next: its name without the `$`, quoted or not."""
        token = self.texts[self.pos]
        if token[:1] != "$":
            return None
        name = self.id_name(self.pos)
        self.pos += 1
        return name

    def id_name(self, pos: int) -> str:
        """The name that the identifier at token `pos` stands for."""
        token = self.texts[pos]
        if '"' not in token:
            if len(token) == 1:
                raise self.unexpected(pos)
            return token[1:]
        if not _STRING_TOKEN.fullmatch(token, 1):
            raise self.unexpected(pos)
        try:
            name = unescape(token[1:]).decode()
        except UnicodeDecodeError:
            raise self.error_here("malformed UTF-8 encoding", pos) from None
        except ValueError:
            raise self.error_here("illegal escape", pos) from None
        if not name:
            raise self.error_here("empty identifier", pos)
        return name

    def skip(self) -> None:
        """Steps over the rest of a form whose `(` has been read, its `)` included, or to the end of the text."""
        texts = self.texts
        pos = self.pos
        depth = 1
        while depth:
            token = texts[pos]
            pos += 1
            if token == "(":
                depth += 1
            elif token == ")":
                depth -= 1
            elif not token:
                pos -= 1
                break
        self.pos = pos


def _decode(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start].decode()
        raise ParseError("malformed UTF-8 encoding", *Source(before).position(len(before))) from None


def _shown(token: str) -> str:
    return token if len(token) <= 80 else f"{token[:80]}…"
