"""Modules that are read as they are used, for files of many megabytes.

`DeferredFunc` decodes its body when somebody looks at it, `DeferredModule` its custom sections and names. Both fill
the fields of the class they stand for: a field that was never set makes Python ask `__getattr__`.

A malformed body is a DecodeError at that moment; a malformed name section is ignored, as always.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from refsfi.syntax.module import Custom, Expr, Func, Module, Names
from refsfi.syntax.types import ValType

__all__ = ["DeferredFunc", "DeferredModule"]

ReadBody: TypeAlias = Callable[[int, int], tuple[list[tuple[int, ValType]], Expr]]


class DeferredFunc(Func):
    """`read(at, end)` gives locals and body. They may be forgotten again once nobody needs them."""

    __slots__ = ("read",)

    def __init__(self, type: int, at: int, end: int, read: ReadBody) -> None:
        self.type = type
        self.at = at
        self.end = end
        self.read = read

    def __getattr__(self, name: str) -> Any:
        if name not in ("locals", "body"):
            raise AttributeError(name)
        self.locals, self.body = self.read(self.at, self.end)
        return getattr(self, name)

    def forget(self) -> None:
        """Drop the body; the next look decodes it again."""
        try:
            del self.locals, self.body
        except AttributeError:
            pass

    __eq__ = Func.__eq__
    __hash__ = None  # type: ignore[assignment]


class DeferredModule(Module):
    """`read_customs(strict)` gives the custom sections, and the names that the last name section holds; DecodeError if
    `strict` and one is malformed."""

    __slots__ = ("read_customs",)

    read_customs: Callable[[bool], tuple[list[Custom], Names]]

    def defer(self, read_customs: Callable[[bool], tuple[list[Custom], Names]]) -> None:
        self.read_customs = read_customs
        del self.customs, self.names

    def check_customs(self) -> None:
        """DecodeError where a custom section is malformed, as when a module is decoded whole."""
        self.read_customs(True)

    def __getattr__(self, name: str) -> Any:
        if name not in ("customs", "names"):
            raise AttributeError(name)
        self.customs, self.names = self.read_customs(False)
        return getattr(self, name)
