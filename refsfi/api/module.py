"""Modules: validated code, shared by any number of stores and threads."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from typing import TypeVar

from refsfi.api.engine import Engine, EngineState
from refsfi.api.errors import WasmtimeError, refused
from refsfi.api.managed import Managed
from refsfi.api.types import ExportType, ImportType, from_extern_type
from refsfi.binary.decode import decode
from refsfi.binary.encode import encode
from refsfi.errors import WasmError
from refsfi.exec.code import Program
from refsfi.exec.load import load_program
from refsfi.syntax.module import Export
from refsfi.syntax.types import ExternKind, ExternType, FuncExtern, TagType
from refsfi.text.parser import parse_module
from refsfi.valid.module import validate

__all__ = ["Module", "wat2wasm"]

# A serialised module: this, the SHA-256 of what follows, the binary module.
_MAGIC = b"\x7frefsfi-module 1\n"

_T = TypeVar("_T")


def wat2wasm(wat: str | bytes) -> bytearray:
    """A text module in the binary format. WasmtimeError with line and column where it is none."""
    if isinstance(wat, str):
        text = wat
    elif isinstance(wat, bytes | bytearray):
        try:
            text = bytes(wat).decode("utf-8")
        except UnicodeDecodeError:
            raise WasmtimeError("input was not valid utf-8") from None
    else:
        raise TypeError("expected str or bytes")
    return bytearray(_reported(lambda: encode(parse_module(text))))


def _reported(phase: Callable[[], _T]) -> _T:
    """What `phase` returns, its errors as the interface reports them."""
    try:
        return phase()
    except WasmError as error:
        raise refused(error) from error


class Module(Managed):
    """A valid module, from the bytes of the binary format or from the text format.

    WasmtimeError where it is malformed, invalid, uses a proposal that the engine's configuration leaves out, or exceeds
    a limit of the implementation; its `__cause__` has the position.
    """

    _engine: EngineState
    _program: Program

    def __init__(self, engine: Engine, wasm: str | bytes | bytearray) -> None:
        if not isinstance(engine, Engine):
            raise TypeError("expected an Engine")
        self._load(engine._engine, _binary(wasm))

    @classmethod
    def _loaded(cls, engine: Engine, wasm: str | bytes | bytearray, lazy: bool | None) -> Module:
        """A module for which `Config.lazy_validation` counts only where `lazy` is None."""
        made = cls.__new__(cls)
        made._load(engine._engine, _binary(wasm), lazy)
        return made

    def _load(self, engine: EngineState, data: bytes, lazy: bool | None = None) -> None:
        settings = engine.settings
        self._engine = engine
        self._program = _reported(
            lambda: load_program(
                data,
                engine.features,
                metered=settings.consume_fuel,
                lazy=settings.lazy_validation if lazy is None else lazy,
                verdicts=settings.verdicts,
                tier=engine.tier,
            )
        )
        self._data = data
        module = self._program.module
        # What an instance adds to what its store holds.
        self._tables = len(module.tables)
        self._memories = len(module.mems)
        self._shared = any(memory.type.shared for memory in module.mems)

    @property
    def _compiled(self) -> Program:
        if self._closed:
            raise ValueError("already closed")
        return self._program

    @classmethod
    def from_file(cls, engine: Engine, path: str | bytes | os.PathLike[str]) -> Module:
        """From a file of either format."""
        with open(path, "rb") as file:
            return cls(engine, file.read())

    @classmethod
    def validate(cls, engine: Engine, wasm: bytes | bytearray) -> None:
        """WasmtimeError where a binary module is malformed or not valid under the engine's configuration."""
        if not isinstance(wasm, bytes | bytearray):
            raise TypeError("expected wasm bytes")
        state = engine._engine
        data = bytes(wasm)
        _reported(lambda: validate(decode(data, state.features), state.features))

    # --- serialisation

    def serialize(self) -> bytearray:
        """Bytes that `deserialize` takes: version, checksum, binary module. No machine code is among them, so they need
        not be trusted."""
        self._check_open()
        return bytearray(_MAGIC + hashlib.sha256(self._data).digest() + self._data)

    @classmethod
    def deserialize(cls, engine: Engine, encoded: bytes | bytearray) -> Module:
        """WasmtimeError for what `serialize` did not make, or not this version's, or what was changed since."""
        if not isinstance(encoded, bytes | bytearray):
            raise TypeError("expected bytes")
        return cls._deserialize(engine._engine, bytes(encoded))

    @classmethod
    def deserialize_file(cls, engine: Engine, path: str | os.PathLike[str]) -> Module:
        """Likewise, from a file."""
        state = engine._engine
        if not isinstance(path, str | os.PathLike):
            raise AttributeError(f"a path must be a str, not {path!r}")
        try:
            with open(path, "rb") as file:
                encoded = file.read()
        except OSError as error:
            raise WasmtimeError(f"failed to open file\n\nCaused by:\n    {error.strerror}\n") from error
        return cls._deserialize(state, encoded)

    @classmethod
    def _deserialize(cls, engine: EngineState, encoded: bytes) -> Module:
        start = len(_MAGIC) + 32
        if not encoded.startswith(_MAGIC) or len(encoded) < start:
            raise WasmtimeError("not a module serialized by this version of refsfi")
        data = encoded[start:]
        if hashlib.sha256(data).digest() != encoded[len(_MAGIC) : start]:
            raise WasmtimeError("the serialized module is corrupt: its checksum does not match")
        module = cls.__new__(cls)
        module._load(engine, data)
        return module

    # --- what it asks for and offers

    @property
    def imports(self) -> list[ImportType]:
        """In the order of the module."""
        program = self._compiled
        return [
            ImportType(declared.module, declared.name, from_extern_type(type))
            for declared, type in zip(program.module.imports, program.import_types)
        ]

    @property
    def exports(self) -> list[ExportType]:
        """In the order of the module."""
        program = self._compiled
        return [ExportType(e.name, from_extern_type(_export_type(program, e))) for e in program.module.exports]


def _binary(wasm: object) -> bytes:
    if isinstance(wasm, str):
        return bytes(wat2wasm(wasm))
    if not isinstance(wasm, bytes | bytearray):
        raise TypeError("expected wasm bytes")
    data = bytes(wasm)
    if data[:1] and data[:1] != b"\0" and _looks_like_text(data):
        return bytes(wat2wasm(data))
    return data


def _looks_like_text(data: bytes) -> bool:
    return data.lstrip(b" \t\r\n\xef\xbb\xbf")[:1] in (b"(", b";")


def _export_type(program: Program, export: Export) -> ExternType:
    info, index = program.info, export.index
    match export.kind:
        case ExternKind.FUNC:
            return FuncExtern(info.funcs[index])
        case ExternKind.TABLE:
            return info.tables[index]
        case ExternKind.MEMORY:
            return info.mems[index]
        case ExternKind.GLOBAL:
            return info.globals[index]
        case ExternKind.TAG:
            return TagType(info.tags[index])
