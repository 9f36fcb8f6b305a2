"""Requests about bytes and instructions."""

from __future__ import annotations

import base64
import binascii
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from refsfi.debug.dap.arguments import Arguments
from refsfi.debug.dap.code import parse_memory, show_memory
from refsfi.debug.dap.registry import Body, request
from refsfi.debug.model import DebugError, Place

if TYPE_CHECKING:
    from refsfi.debug.dap.adapter import Adapter

__all__: list[str] = []

_MOST_BYTES: Final = 1 << 24
_MOST_INSTRUCTIONS: Final = 100_000
_FAR: Final = -(1 << 62)


@request("readMemory")
def _read(adapter: Adapter, arguments: Arguments) -> Body:
    instance, memory, address = parse_memory(arguments.text("memoryReference"))
    address += arguments.number("offset", 0, least=_FAR)
    count = min(arguments.number("count"), _MOST_BYTES)
    session = adapter.run.guest.session
    session.memory(instance, memory)
    data = session.read_memory(address, count, instance, memory)
    body: dict[str, Any] = {"address": show_memory(address, instance, memory)}
    if len(data) < count:
        body["unreadableBytes"] = count - len(data)
    return body | {"data": base64.b64encode(data).decode("ascii")}


@request("writeMemory")
def _write(adapter: Adapter, arguments: Arguments) -> Body:
    instance, memory, address = parse_memory(arguments.text("memoryReference"))
    offset = arguments.number("offset", 0, least=_FAR)
    try:
        data = base64.b64decode(arguments.text("data"), validate=True)
    except binascii.Error as error:
        raise DebugError(f"writeMemory: data: is not base64: {error}") from None
    session = adapter.run.guest.session
    there = len(session.read_memory(address + offset, len(data), instance, memory))
    if there < len(data) and (not there or not arguments.flag("allowPartial")):
        raise DebugError(f"of {len(data)} bytes at {show_memory(address + offset, instance, memory)} {there} exist")
    session.write_memory(address + offset, data[:there], instance, memory)
    adapter.changed(show_memory(address, instance, memory), offset, there)
    return {"bytesWritten": there}


@request("disassemble")
def _disassemble(adapter: Adapter, arguments: Arguments) -> Body:
    """Exactly as many as are asked for; what lies in front of the first instruction or behind the last is filled up."""
    text = arguments.text("memoryReference")
    try:
        address = int(text, 0) + arguments.number("offset", 0, least=_FAR)
    except ValueError:
        raise DebugError(f"{text[:40]!r} is no address of code") from None
    count = arguments.number("instructionCount")
    skip = arguments.number("instructionOffset", 0, least=_FAR)
    if count > _MOST_INSTRUCTIONS:
        raise DebugError(f"disassemble: at most {_MOST_INSTRUCTIONS} instructions at once")
    code = adapter.run.code
    place = code.place(address)
    before = list(islice(code.back(place), min(max(-skip, 0), 1 << 24)))
    missing = min(max(-skip - len(before), 0), count)
    places: list[Place] = before[::-1][:count]
    if missing + len(places) < count:
        begin = max(skip, 0)
        places += islice(code.forward(place), begin, begin + count - missing - len(places))
    first = code.address(places[0]) if places else address
    last = code.address(places[-1]) if places else address
    rows = [_invalid(first - missing + number) for number in range(missing)]
    rows += [_row(adapter, place, arguments.flag("resolveSymbols", True)) for place in places]
    rows += [_invalid(last + 1 + number) for number in range(count - len(rows))]
    return {"instructions": rows}


def _invalid(address: int) -> dict[str, Any]:
    return {"address": f"{address:#x}", "instruction": "(no code)", "presentationHint": "invalid"}


def _row(adapter: Adapter, place: Place, symbols: bool) -> dict[str, Any]:
    run = adapter.run
    source, line, column = run.sources.position(place)
    row: dict[str, Any] = {
        "address": f"{run.code.address(place):#x}",
        "instruction": run.sources.instruction(place),
        "location": source,
        "line": line,
    }
    if column:
        row["column"] = column
    binary = place.program.module.binary
    if binary is not None and place.offset is not None:
        row["instructionBytes"] = binary[place.offset : _end(place)].hex(" ")
    if symbols and place.pc == 0:
        row["symbol"] = run.sources.function_name(place)
    return row


def _end(place: Place) -> int:
    """The offset behind an instruction."""
    body = place.body
    if place.pc + 1 < len(body):
        return body[place.pc + 1].at
    return place.program.module.funcs[place.func_index - place.program.imported_funcs].end
