"""Reading a core dump, of whatever program wrote it.

A damaged file is read as far as it goes: what cannot be read is left out, and `Core.problems` says so.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, TypeVar

from refsfi.binary.codes import SectionId
from refsfi.binary.decode import decode
from refsfi.binary.reader import at_end, count, name, raw, s32, s64, u32
from refsfi.binary.sections import Section, sections
from refsfi.debug.coredump.core import Core, CoreError, CoreFrame, CoreInstance, CoreMemory, CoreThread, CoreValue
from refsfi.errors import DecodeError
from refsfi.syntax.features import ALL
from refsfi.syntax.module import Active, Expr, Module
from refsfi.syntax.types import F32, F64, I32, I64, RefType

__all__ = ["read_core"]

_Item = TypeVar("_Item")

# A name and what follows it are read, each with the position behind it.
_Read = Callable[[bytes, int], tuple[_Item, int]]


def read_core(data: bytes) -> Core:
    """The core dump in a file. CoreError where it is none at all."""
    core = Core()
    found: list[Section] = []
    try:
        for section in sections(data):
            found.append(section)
    except DecodeError as error:
        if not found:
            raise CoreError(f"no core dump: {error}") from None
        core.problems.append(f"the file breaks off or is damaged: {error}")
    titles = []
    for section in found:
        if section.id is not SectionId.CUSTOM or section.end > len(data):
            continue
        try:
            with at_end(data):
                title, start = name(data, section.start)
                titles.append(title)
                reader = _SECTIONS.get(title)
                if reader is not None:
                    reader(core, data[: section.end], start)
        except (DecodeError, ValueError) as error:
            core.problems.append(f"section at {section.at:#x}: {error}")
    if "corestack" not in titles and "core" not in titles:
        raise CoreError("no core dump: it has neither a section `core` nor `corestack`; a module, perhaps?")
    _state(core, data, found)
    return core


def _state(core: Core, data: bytes, found: list[Section]) -> None:
    """Memories and globals, which are those of a module."""
    end = max((section.end for section in found if section.end <= len(data)), default=8)
    try:
        # Lazily: a damaged custom section is no concern here.
        module = decode(data[:end], ALL, lazy=True)
    except DecodeError as error:
        core.problems.append(f"memories and globals: {error}")
        return
    core.memories = [
        CoreMemory(memory.type, memory.type.limits.min << memory.type.page_size_log2) for memory in module.mems
    ]
    for index, glob in enumerate(module.globals):
        value = _constant(glob.init)
        if value is None and not isinstance(glob.type.type, RefType):
            core.problems.append(f"global {index}: its value is no constant")
        core.globals.append((glob.type, value))
    _segments(core, module)


def _segments(core: Core, module: Module) -> None:
    for index, segment in enumerate(module.datas):
        mode = segment.mode
        address = _constant(mode.offset) if isinstance(mode, Active) else None
        if not isinstance(mode, Active) or not isinstance(address, int) or mode.index >= len(core.memories):
            core.problems.append(f"data segment {index} is of no memory")
            continue
        memory = core.memories[mode.index]
        if address + len(segment.init) > memory.size:
            core.problems.append(f"data segment {index} does not fit into memory {mode.index}")
            continue
        memory.segments.append((address, segment.init))
    for memory in core.memories:
        memory.segments.sort(key=lambda part: part[0])


_CONSTANTS: Final = ("i32.const", "i64.const", "f32.const", "f64.const", "v128.const")


def _constant(body: Expr) -> Any:
    if len(body) == 2 and body[0].op.mnemonic in _CONSTANTS:
        return body[0].args[0]
    return None


# --- custom sections -------------------------------------------------------------------------------------------------


def _zero(data: bytes, pos: int) -> int:
    if data[pos] != 0:
        raise DecodeError(f"a zero byte was expected, not {data[pos]:#x}", pos)
    return pos + 1


def _list(data: bytes, pos: int, read: _Read[_Item]) -> tuple[tuple[_Item, ...], int]:
    number, pos = count(data, pos)
    items = []
    for _ in range(number):
        item, pos = read(data, pos)
        items.append(item)
    return tuple(items), pos


def _executable(core: Core, data: bytes, pos: int) -> None:
    core.executable, _ = name(data, _zero(data, pos))


def _module(data: bytes, pos: int) -> tuple[str, int]:
    return name(data, _zero(data, pos))


def _modules(core: Core, data: bytes, pos: int) -> None:
    modules, _ = _list(data, pos, _module)
    core.modules += modules


def _instance(data: bytes, pos: int) -> tuple[CoreInstance, int]:
    module, pos = u32(data, _zero(data, pos))
    memories, pos = _list(data, pos, u32)
    globals, pos = _list(data, pos, u32)
    return CoreInstance(module, memories, globals), pos


def _instances(core: Core, data: bytes, pos: int) -> None:
    instances, _ = _list(data, pos, _instance)
    core.instances += instances


def _value(data: bytes, pos: int) -> tuple[CoreValue, int]:
    code = data[pos]
    pos += 1
    value: int
    match code:
        case 0x01:
            return None, pos
        case 0x7F:
            value, pos = s32(data, pos)
            return (I32, value & 0xFFFFFFFF), pos
        case 0x7E:
            value, pos = s64(data, pos)
            return (I64, value & 0xFFFFFFFFFFFFFFFF), pos
        case 0x7D | 0x7C:
            bits, pos = raw(data, pos, 4 if code == 0x7D else 8)
            return (F32 if code == 0x7D else F64, int.from_bytes(bits, "little")), pos
    raise DecodeError(f"a value of unknown type {code:#x}", pos - 1)


def _frame(data: bytes, pos: int) -> tuple[CoreFrame, int]:
    instance, pos = u32(data, _zero(data, pos))
    func, pos = u32(data, pos)
    offset, pos = u32(data, pos)
    locals, pos = _list(data, pos, _value)
    operands, pos = _list(data, pos, _value)
    return CoreFrame(instance, func, offset, locals, operands), pos


def _stack(core: Core, data: bytes, pos: int) -> None:
    title, pos = name(data, _zero(data, pos))
    number, pos = count(data, pos)
    frames: list[CoreFrame] = []
    try:
        for _ in range(number):
            frame, pos = _frame(data, pos)
            frames.append(frame)
    finally:
        # Of a damaged stack the innermost frames are the ones that matter.
        core.threads.append(CoreThread(title, tuple(frames)))


def _own(core: Core, data: bytes, pos: int) -> None:
    told = json.loads(data[pos:])
    if isinstance(told, dict):
        core.trap = told["trap"] if isinstance(told.get("trap"), str) else None
        digests = told.get("sha256")
        if isinstance(digests, list):
            core.digests = [digest if isinstance(digest, str) else None for digest in digests]


_SECTIONS: Final[dict[str, Callable[[Core, bytes, int], None]]] = {
    "core": _executable,
    "coremodules": _modules,
    "coreinstances": _instances,
    "corestack": _stack,
    "refsfi": _own,
}
