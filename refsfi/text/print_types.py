"""Types as text, chapter 6.4."""

from __future__ import annotations

from collections.abc import Sequence

from refsfi.errors import Crash
from refsfi.syntax.types import (
    I64,
    AbsHeap,
    ArrayType,
    CompType,
    ExternType,
    FieldType,
    FuncExtern,
    FuncType,
    GlobalType,
    HeapType,
    Limits,
    MemType,
    RefType,
    StructType,
    SubType,
    TableType,
    TypeRef,
    ValType,
)
from refsfi.text.naming import Naming, Scope

__all__ = ["TypePrinter"]

_NO_NAMES = Scope({}, 0)
# Types of more parameters and results are not repeated where they are used.
_LONG = 64


class TypePrinter:
    """Prints types with the identifiers of a module."""

    def __init__(self, names: Naming) -> None:
        self._names = names

    def ref(self, type: TypeRef) -> str:
        """A type index in use."""
        if not isinstance(type, int):
            raise Crash(f"not a module's own type: {type}")
        return self._names.types.ref(type)

    def heap(self, type: HeapType) -> str:
        if isinstance(type, AbsHeap):
            return type.value
        return f"(exact {self.ref(type.type)})" if type.exact else self.ref(type.type)

    def val(self, type: ValType) -> str:
        if not isinstance(type, RefType) or (type.null and isinstance(type.heap, AbsHeap)):
            return str(type)
        return f"(ref {'null ' if type.null else ''}{self.heap(type.heap)})"

    def group(self, keyword: str, types: Sequence[ValType], scope: Scope = _NO_NAMES, first: int = 0) -> str:
        """` (keyword t*)`, several where some have names, nothing for no types."""
        parts: list[str] = []
        plain: list[str] = []
        for index, type in enumerate(types, first):
            if scope.named(index):
                if plain:
                    parts.append(f" ({keyword} {' '.join(plain)})")
                    plain = []
                parts.append(f" ({keyword}{scope.header(index)} {self.val(type)})")
            else:
                plain.append(self.val(type))
        if plain:
            parts.append(f" ({keyword} {' '.join(plain)})")
        return "".join(parts)

    def func(self, type: FuncType, scope: Scope = _NO_NAMES) -> str:
        """Parameters and results, each behind a space."""
        return self.group("param", type.params, scope) + self.group("result", type.results)

    def signature(self, type: FuncType | None, scope: Scope = _NO_NAMES) -> str:
        """What is repeated of a type behind its use. Nothing where it is unknown; nor where it is long and gives no
        names, for two bytes can use a type of two thousand.
        """
        if type is None:
            return ""
        if len(type.params) + len(type.results) > _LONG and not scope.names_below(len(type.params)):
            return ""
        return self.func(type, scope)

    def use(self, type: TypeRef) -> str:
        """` (type x)`."""
        return f" (type {self.ref(type)})"

    def sub(self, type: SubType, index: int) -> str:
        """The definition of type `index`, without `(type`."""
        body = self._comp(type.comp, index)
        if type.descriptor is not None:
            body = f"(descriptor {self.ref(type.descriptor)}) {body}"
        if type.describes is not None:
            body = f"(describes {self.ref(type.describes)}) {body}"
        if type.final and not type.supers:
            return body
        supers = "".join(f" {self.ref(t)}" for t in type.supers)
        return f"(sub{' final' if type.final else ''}{supers} {body})"

    def _comp(self, type: CompType, index: int) -> str:
        if isinstance(type, FuncType):
            return f"(func{self.func(type)})"
        if isinstance(type, ArrayType):
            return f"(array {self._field(type.field)})"
        return f"(struct{self._fields(type, index)})"

    def _fields(self, type: StructType, index: int) -> str:
        scope = self._names.fields(index)
        return "".join(f" (field{scope.header(i)} {self._field(field)})" for i, field in enumerate(type.fields))

    def _field(self, type: FieldType) -> str:
        storage = type.storage
        text = self.val(storage) if isinstance(storage, RefType) else str(storage)
        return f"(mut {text})" if type.mut else text

    # --- external types ----------------------------------------------------------------------------------------------

    def _limits(self, limits: Limits) -> str:
        return f"{limits.min}" if limits.max is None else f"{limits.min} {limits.max}"

    def table(self, type: TableType) -> str:
        return f"{'i64 ' if type.addr is I64 else ''}{self._limits(type.limits)} {self.val(type.elem)}"

    def mem(self, type: MemType) -> str:
        text = f"{'i64 ' if type.addr is I64 else ''}{self._limits(type.limits)}{' shared' if type.shared else ''}"
        return text if type.page_size_log2 == 16 else f"{text} (pagesize {1 << type.page_size_log2})"

    def global_(self, type: GlobalType) -> str:
        return f"(mut {self.val(type.type)})" if type.mut else self.val(type.type)

    def extern(self, type: ExternType) -> str:
        """What stands behind keyword and identifier in an import."""
        if isinstance(type, FuncExtern):
            use = self.use(type.type)
            return f" (exact{use})" if type.exact else use
        if isinstance(type, TableType):
            return f" {self.table(type)}"
        if isinstance(type, MemType):
            return f" {self.mem(type)}"
        if isinstance(type, GlobalType):
            return f" {self.global_(type)}"
        return self.use(type.type)
