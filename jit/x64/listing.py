"""A region's machine code as lines of text: entries and exits by name, and beside the instructions those of Wasm."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import TYPE_CHECKING

from jit.ir.graph import CALL
from jit.x64 import disasm

if TYPE_CHECKING:
    from jit.x64.unit import NativeUnit

__all__ = ["listing"]

_DATA_WIDTH = 16


def listing(unit: NativeUnit) -> Iterator[str]:
    """Offset, bytes, instruction; then, where code for another Wasm instruction begins, its pc and mnemonic. What
    follows the code, constants and jump tables, is shown as bytes. Where there is no disassembler, the first line says
    so."""
    why = disasm.missing()
    if why is not None:
        yield f"; {why}"
    code = unit.code
    base = unit.block.address
    body = unit.function.program.module.funcs[unit.function.index].body
    labels = {base + offset: _entry(pc) for pc, offset in code.entries.items()}
    labels.update({base + offset: f"exit {_exit(unit, number)}" for offset, number in code.stubs.items()})
    notes: dict[int, str] = {}
    for offset, pc in code.pcs:
        # Of several that begin here, all but the last have no code.
        inlined = code.inlined.get(offset)
        if inlined is not None:
            instr = inlined.program.module.funcs[inlined.index].body[pc]
            notes[base + offset] = f"func {inlined.func_index}@{pc} {instr.op.mnemonic}"
        elif 0 <= pc < len(body):
            notes[base + offset] = f"@{pc} {body[pc].op.mnemonic}"
    for offset, number in code.faults.items():
        notes[base + offset] = _also(notes.get(base + offset), f"may leave by exit {_exit(unit, number)}")
    for offset, site in code.calls.items():
        callee = "a function by reference" if site.callee is None else f"func {site.callee}"
        notes[base + offset] = _also(notes.get(base + offset), f"back from {callee}")
    image = unit.block.read()
    length = len(code.asm.code)
    jumps = sorted({line.target for line in disasm.disassemble(image[:length], base) if line.target is not None})
    for number, target in enumerate(jumps):
        if base <= target < base + length:
            labels.setdefault(target, f"L{number}")
    if why is not None:
        yield from _as_bytes(image[:length], base, labels, notes)
    else:
        yield from disasm.render(image[:length], base, labels.get, notes.get)
    data = image[length : code.asm.size]
    for start in range(0, len(data), _DATA_WIDTH):
        yield f"  {length + start:5x}  {data[start : start + _DATA_WIDTH].hex()}"


def _as_bytes(code: bytes, base: int, labels: dict[int, str], notes: dict[int, str]) -> Iterator[str]:
    """The bytes between one named place and the next."""
    places = sorted({0, *(a - base for a in (*labels, *notes) if a - base < len(code))})
    for place in places:
        nth = bisect_right(places, place)
        end = places[nth] if nth < len(places) else len(code)
        name, note = labels.get(base + place), notes.get(base + place)
        if name:
            yield f"{name}:"
        for start in range(place, end, _DATA_WIDTH):
            row = code[start : min(end, start + _DATA_WIDTH)].hex()
            yield f"  {start:5x}  {row:<32}{f'  ; {note}' if note and start == place else ''}".rstrip()


def _entry(pc: int) -> str:
    return "entry call" if pc == CALL else f"entry {pc}"


def _exit(unit: NativeUnit, number: int) -> str:
    """An exit as graphs name it, by its snapshot."""
    return f"!{unit.code.exits[number].snapshot}"


def _also(note: str | None, more: str) -> str:
    return more if note is None else f"{note}, {more}"
