"""Modules, chapter 6.6: the entry of the text parser.

The first pass goes over the fields and binds identifiers; the second reads the types; the third reads all other fields
in order, so that function types that are written out come behind the defined ones in the order of their first use.
"""

from __future__ import annotations

from refsfi.syntax.features import DEFAULT, Feature, Features
from refsfi.syntax.module import Module
from refsfi.text.annotations import Placed, leftover, place_customs, take_custom, take_name
from refsfi.text.fields import EXTERN_TYPES, READERS, Field
from refsfi.text.hints import hint_section
from refsfi.text.lexer import TokenStream
from refsfi.text.scopes import Context
from refsfi.text.types import rec_type

__all__ = ["parse_module", "parse_module_fields", "parse_module_form"]


def parse_module(text: str | bytes, features: Features = DEFAULT, name: str = "<text>") -> Module:
    """The module that a text is: one `(module …)`, or only its fields. ParseError where it is none.

    Bytes must be UTF-8. `name` is the source's name in reports. Validity is not checked.
    """
    stream = TokenStream(text, name, features)
    module = parse_module_form(stream, features)
    if stream.texts[stream.pos]:
        raise stream.unexpected()
    return module


def parse_module_form(stream: TokenStream, features: Features = DEFAULT) -> Module:
    """Steps over a `(module id? field*)`, or over fields alone."""
    if not stream.accept("module"):
        return parse_module_fields(stream, features)
    module = parse_module_fields(stream, features, header=True)
    stream.expect(")")
    return module


def parse_module_fields(stream: TokenStream, features: Features = DEFAULT, header: bool = False) -> Module:
    """Steps over module fields, up to the `)` or the end of text behind them; with `header`, over an identifier before
    them.
    """
    start = stream.pos
    c = Context(stream, features)
    module = c.module
    if header:
        module.names.module = stream.id()
    if stream.notes and (name := take_name(stream, "module")) is not None:
        module.names.module = name
    fields = _bind(c)
    end = stream.pos
    for each in fields:
        if each.keyword in ("type", "rec"):
            stream.pos = each.pos
            rec_type(c)
    for each in fields:
        if (read := READERS.get(each.keyword)) is not None:
            stream.pos = each.pos + 1
            read(c, each)
    stream.pos = end
    if stream.notes and (error := leftover(stream, start, end)) is not None:
        raise error
    hints = {func: [(hint.instr, hint.value) for hint in found] for func, found in c.hints.items()}
    if hints:
        c.customs.append(Placed(hint_section(module, hints), before=True))
    place_customs(c)
    return module


# --- first pass ------------------------------------------------------------------------------------------------------


def _bind(c: Context) -> list[Field]:
    """Steps over all fields and gives their identifiers indices."""
    s = c.stream
    texts = s.texts
    fields: list[Field] = []
    while True:
        if s.notes:
            take_custom(c)
        if texts[s.pos] != "(":
            return fields
        s.pos = pos = s.pos + 1
        keyword = texts[pos]
        if keyword == "tag":
            c.need(Feature.EXCEPTIONS, Feature.LEGACY_EXCEPTIONS)
        elif keyword == "rec":
            c.need(Feature.GC)
        elif keyword not in READERS and keyword != "type":
            raise s.unexpected()
        s.pos += 1
        index = -1
        if keyword in c.spaces:
            index = c.spaces[keyword].bind(s)
        elif keyword == "import":
            index = _bind_import(c)
        fields.append(Field(keyword, pos, index))
        start = s.pos
        s.skip()
        if keyword == "rec":
            end = s.pos
            for s.pos in _inner(texts, "type", start, end):
                c.types.bind(s)
            s.pos = end
        elif keyword == "table":
            c.elems.skip(len(_inner(texts, "elem", start, s.pos)))
        elif keyword == "memory":
            c.datas.skip(len(_inner(texts, "data", start, s.pos)))


def _bind_import(c: Context) -> int:
    """Binds the identifier of an import behind its keyword, if it has the right shape so far."""
    s = c.stream
    pos = s.pos
    index = -1
    if all(texts := s.texts[pos : pos + 4]) and texts[2] == "(" and texts[3] in EXTERN_TYPES:
        s.pos = pos + 4
        index = c.spaces[texts[3]].bind(s)
    s.pos = pos
    return index


def _inner(texts: list[str], keyword: str, start: int, end: int) -> list[int]:
    """The tokens behind each `(keyword` between two tokens."""
    return [i + 2 for i in range(start, end - 1) if texts[i] == "(" and texts[i + 1] == keyword]
