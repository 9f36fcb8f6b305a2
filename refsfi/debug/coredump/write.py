"""Writing a core dump."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from refsfi.binary.encode import encode
from refsfi.binary.writer import name, sized, sleb, unsigned
from refsfi.debug.liveness import kept_locals
from refsfi.debug.shapes import shape_at
from refsfi.exec.code import Program
from refsfi.exec.postmortem import MISSING, Activation, PostMortem
from refsfi.observe.operands import OperandTypes
from refsfi.runtime.backtrace import Locator
from refsfi.runtime.memory import MemInst
from refsfi.runtime.store import GlobalInst, Instance
from refsfi.syntax.module import Custom, Global, Instr, Memory, Module
from refsfi.syntax.opcodes import BY_MNEMONIC
from refsfi.syntax.types import F32, F64, I32, I64, V128, AbsHeap, GlobalType, RefType, ValType
from refsfi.valid.matching import top_of

__all__ = ["CONTENTS_LIMIT", "FRAMES_LIMIT", "CoreDump"]

# What one file holds at most: bytes of all memories together, and frames, the innermost ones. More helps nobody to find
# a cause, and a section's size has 32 bits.
CONTENTS_LIMIT: Final = 1 << 30
FRAMES_LIMIT: Final = 10_000

# Ranges of zeros are left out where they are at least so long: first whole chunks are looked at, then blocks.
_CHUNK: Final = 1 << 20
_BLOCK: Final = 1 << 12
# Readers refuse modules with more segments.
_SEGMENTS: Final = 90_000

_DATA: Final = 11
_CUSTOM: Final = 0


class CoreDump:
    """The core dump of a failure. `instances` are the store's, in their order; `name_of` gives the file of a module.
    Nothing may have run in the store since it failed."""

    def __init__(
        self, witness: PostMortem, instances: Sequence[Instance], executable: str, name_of: Callable[[Program], str]
    ) -> None:
        activations = list(witness.activations())
        # One that failed in its own start function is in no list yet.
        present = dict.fromkeys([*instances, *(activation.instance for activation in activations)])
        self._instances = list(present)
        self._programs = list(dict.fromkeys(inst.program for inst in self._instances))
        self._mems = list(dict.fromkeys(mem for inst in self._instances for mem in inst.mems))
        self._globals = list(dict.fromkeys(glob for inst in self._instances for glob in inst.globals))
        self._activations = activations
        self._executable = executable
        self._name_of = name_of
        self._trap = None if witness.error is None else str(witness.error)
        self._segments = list(_nonzero(self._mems))
        #: What is not in the file because of its limits, as clauses.
        self.left_out: list[str] = []
        if len(activations) > FRAMES_LIMIT:
            self.left_out.append(f"{len(activations) - FRAMES_LIMIT} outer frames")
        if len(self._segments) > _SEGMENTS:
            self._segments = list(_nonzero(self._mems, _CHUNK))[:_SEGMENTS]
        self._cut()

    def _cut(self) -> None:
        room = CONTENTS_LIMIT
        for number, (_, start, end) in enumerate(self._segments):
            room -= end - start
            if room < 0:
                over = sum(end - start for _, start, end in self._segments[number:])
                self.left_out.append(f"{over} bytes of memory, from {start:#x} on")
                del self._segments[number:]
                return

    def pieces(self) -> Iterator[bytes | memoryview]:
        """The file, piece by piece: contents of memories are not copied."""
        customs = [
            Custom("core", self._core()),
            Custom("coremodules", self._modules()),
            Custom("coreinstances", self._instance_list()),
        ]
        module = Module(
            mems=[Memory(mem.type) for mem in self._mems],
            globals=[_constant(glob) for glob in self._globals],
            customs=customs,
        )
        yield encode(module)
        yield from self._data()
        for title, data in (("corestack", self._stack()), ("refsfi", self._own())):
            content = bytearray()
            name(content, title)
            content += data
            section = bytearray([_CUSTOM])
            sized(section, content)
            yield bytes(section)

    # --- custom sections ---

    def _core(self) -> bytes:
        out = bytearray([0])
        name(out, _utf8(self._executable))
        return bytes(out)

    def _modules(self) -> bytes:
        out = bytearray()
        unsigned(out, len(self._programs))
        for program in self._programs:
            out.append(0)
            name(out, _utf8(self._name_of(program)))
        return bytes(out)

    def _instance_list(self) -> bytes:
        out = bytearray()
        unsigned(out, len(self._instances))
        programs, mems, globals = _numbers(self._programs), _numbers(self._mems), _numbers(self._globals)
        for inst in self._instances:
            out.append(0)
            unsigned(out, programs[inst.program])
            for numbers in ([mems[mem] for mem in inst.mems], [globals[glob] for glob in inst.globals]):
                unsigned(out, len(numbers))
                for number in numbers:
                    unsigned(out, number)
        return bytes(out)

    def _stack(self) -> bytes:
        out = bytearray([0])
        name(out, "main")
        frames = self._activations[:FRAMES_LIMIT]
        unsigned(out, len(frames))
        instances = _numbers(self._instances)
        locator = Locator()
        types: dict[Program, OperandTypes] = {}
        for activation in frames:
            code = activation.code
            offsets = locator.offsets(code.trace_frame(activation.pc))
            out.append(0)
            unsigned(out, instances[activation.instance])
            unsigned(out, code.func_index)
            unsigned(out, 0 if offsets is None else offsets[1])
            of = types.setdefault(code.program, OperandTypes(code.program.module))
            _values(out, code.program.info.local_types[code.index], kept_locals(activation))
            _values(out, *_operands(activation, of))
        return bytes(out)

    def _own(self) -> bytes:
        """What the format has no place for."""
        digests = [
            None if program.module.binary is None else hashlib.sha256(program.module.binary).hexdigest()
            for program in self._programs
        ]
        return json.dumps({"trap": self._trap, "sha256": digests}).encode()

    # --- memory ---

    def _data(self) -> Iterator[bytes | memoryview]:
        heads = []
        for number, start, end in self._segments:
            head = bytearray([2])
            unsigned(head, number)
            wide = self._mems[number].type.addr is I64
            head.append(0x42 if wide else 0x41)
            # An i32 is written as a signed number.
            sleb(head, start if wide or start < 1 << 31 else start - (1 << 32))
            head.append(0x0B)
            unsigned(head, end - start)
            heads.append(bytes(head))
        count = bytearray()
        unsigned(count, len(heads))
        size = len(count) + sum(map(len, heads)) + sum(end - start for _, start, end in self._segments)
        section = bytearray([_DATA])
        unsigned(section, size)
        yield bytes(section + count)
        for encoded, (number, start, end) in zip(heads, self._segments, strict=True):
            yield encoded
            yield memoryview(self._mems[number].data)[start:end]


def _utf8(text: str) -> str:
    """A file's name may have bytes that are none."""
    return text.encode("utf-8", "replace").decode()


def _numbers(things: Sequence[Any]) -> dict[Any, int]:
    return {thing: number for number, thing in enumerate(things)}


def _nonzero(mems: Sequence[MemInst], block: int = _BLOCK) -> Iterator[tuple[int, int, int]]:
    """(memory, start, end) of what is not zero, in whole blocks."""
    for number, mem in enumerate(mems):
        view = memoryview(mem.data)
        begun: int | None = None
        for start in range(0, len(view), _CHUNK):
            chunk = bytes(view[start : start + _CHUNK])
            step = block if chunk.count(0) != len(chunk) else _CHUNK
            for at in range(0, len(chunk), step):
                part = chunk[at : at + step]
                if part.count(0) != len(part):
                    begun = start + at if begun is None else begun
                elif begun is not None:
                    yield number, begun, start + at
                    begun = None
        if begun is not None:
            yield number, begun, len(view)


_ENCODED: Final[dict[ValType, int]] = {I32: 0x7F, I64: 0x7E, F32: 0x7D, F64: 0x7C}


def _values(out: bytearray, types: Sequence[ValType], values: Sequence[Any]) -> None:
    unsigned(out, len(values))
    for type, value in zip(types, values, strict=True):
        # A number that compiled code has not kept is None.
        code = None if value is MISSING or value is None else _ENCODED.get(type)
        if code is None:
            # Vectors and references have no encoding.
            out.append(0x01)
            continue
        out.append(code)
        if type in (I32, I64):
            bits = 32 if type is I32 else 64
            sleb(out, value - (1 << bits) if value >> (bits - 1) else value)
        else:
            out += value.to_bytes(4 if type is F32 else 8, "little")


def _operands(activation: Activation, types: OperandTypes) -> tuple[Sequence[ValType], Sequence[Any]]:
    """Of a frame that waits, without those that its call has taken."""
    values = activation.operands()
    if not values:
        return (), ()
    known = shape_at(activation.code, activation.pc).operands
    if activation.waits:
        left = len(values) - len(types.of(activation.code.index)[activation.pc])
        return known[:left], values[:left]
    return known, values


def _constant(glob: GlobalInst) -> Global:
    """A global as a constant of its value; a reference, whose target is in no file, as null."""
    type = glob.type.type
    if isinstance(type, RefType):
        heap = type.heap if isinstance(type.heap, AbsHeap) else top_of(type.heap)
        null = Instr(BY_MNEMONIC["ref.null"], (heap,))
        return Global(GlobalType(RefType(True, heap), False), [null, Instr(BY_MNEMONIC["end"])])
    constant = "v128.const" if type is V128 else f"{type}.const"
    return Global(GlobalType(type, False), [Instr(BY_MNEMONIC[constant], (glob.value,)), Instr(BY_MNEMONIC["end"])])
