"""From a script's module to the abstract syntax of a module."""

from __future__ import annotations

from pathlib import Path

from refsfi.binary.decode import decode
from refsfi.script.ast import BinaryModule, FileModule, ModuleSource, QuotedModule, TextModule
from refsfi.syntax.features import Features
from refsfi.syntax.module import Module
from refsfi.text.lexer import TokenStream
from refsfi.text.parser import parse_module, parse_module_fields, parse_module_form

__all__ = ["load_module"]


def load_module(source: ModuleSource, features: Features, directory: str) -> Module:
    """Decode or parse a module; relative paths start at `directory`.

    MalformedError; OSError for a file that is missing.
    """
    match source:
        case TextModule():
            return _parse_part(source, features)
        case BinaryModule():
            return decode(source.data, features)
        case QuotedModule():
            return parse_module(source.data, features, "<quote>")
        case FileModule():
            data = Path(directory, source.path).read_bytes()
            return decode(data, features) if source.binary else parse_module(data, features, source.path)


def _parse_part(source: TextModule, features: Features) -> Module:
    """Parse a part of a script; positions in errors are those in the script."""
    tokens = TokenStream(source.source, features=features, start=source.start, end=source.end)
    parse = parse_module_fields if source.inline else parse_module_form
    module = parse(tokens, features)
    if tokens.texts[tokens.pos]:
        raise tokens.unexpected()
    return module
