"""Values and memory: printed, examined, changed, searched."""

from __future__ import annotations

import re
from typing import Any, Final

from refsfi.debug.expressions import number as number_of
from refsfi.debug.model import DebugError, Place, Variable
from refsfi.debug.symbols import variables_of_view
from refsfi.debug.terminal.code import number
from refsfi.debug.terminal.interpreter import Interpreter
from refsfi.debug.terminal.stops import show
from refsfi.debug.terminal.table import command
from refsfi.numeric.layout import pack_f64, unpack_i64
from refsfi.runtime.show import show_float
from refsfi.syntax.types import F32, F64, I32, NumType

__all__ = ["address_of", "dump", "instruction_line", "place_in_memory", "printed", "split"]

_FORMAT: Final = re.compile(r"/(\d*)([a-zA-Z]*)\s*")


def _format(text: str) -> tuple[int | None, str, str]:
    """The count and the letters behind a slash, and the rest."""
    match = _FORMAT.match(text)
    if match is None:
        return None, "", text
    return int(match[1]) if match[1] else None, match[2], text[match.end() :]


def split(text: str) -> list[str]:
    """At the commas outside of brackets."""
    parts, depth = [""], 0
    for c in text:
        depth += (c in "([") - (c in ")]")
        if c == "," and not depth:
            parts.append("")
        else:
            parts[-1] += c
    return [part.strip() for part in parts]


def address_of(ui: Interpreter, text: str) -> int:
    """An expression's value as an address: an i32 is not negative. DebugError."""
    variable = ui.session.evaluate(text, ui.level)
    if not isinstance(variable.value, int) or variable.type in (F32, F64) or variable.value >> 63:
        raise DebugError(f"{text} is no address")
    return variable.value


def place_in_memory(ui: Interpreter, text: str) -> tuple[int, int, int]:
    """`ADDRESS[, MEMORY]`: the address, the instance of the selected frame, the memory."""
    parts = split(text)
    if len(parts) > 2:
        raise DebugError("ADDRESS or ADDRESS, MEMORY expected")
    memory = address_of(ui, parts[1]) if len(parts) == 2 else 0
    instance = ui.frame.instance_index if ui.session.frames(1) else 0
    return address_of(ui, parts[0]), instance, memory


# --- print -----------------------------------------------------------------------------------------------------------


def printed(ui: Interpreter, expression: str, format: str) -> str:
    """`EXPRESSION = VALUE`. DebugError."""
    if re.fullmatch(r"[A-Za-z_]\w*", expression) and ui.session.frames(1):
        for source in variables_of_view(ui.frame):
            if source.name == expression:
                value = "<optimized out>" if source.value is None else source.value
                return f"{expression} = {value} ({source.type})"
        raise DebugError(f"no variable {expression} here; of WebAssembly's, $ marks locals, % operands, @ globals")
    variable = ui.session.evaluate(expression, ui.level)
    kind = f" ({variable.type})" if variable.type is not None and not format else ""
    return f"{expression} = {_shown(variable, format)}{kind}"


def _shown(variable: Variable, format: str) -> str:
    if not format:
        return show(variable)
    value = variable.value
    if isinstance(value, bytes):
        value = int.from_bytes(value, "little")
    if not isinstance(value, int):
        raise DebugError(f"{variable.name} is no number, and has no format {format}")
    bits = {I32: 32, F32: 32}.get(variable.type, 64) if isinstance(variable.type, NumType) else 64
    return formatted(value, bits, format)


def formatted(value: int, bits: int, format: str) -> str:
    """An unsigned value in one of gdb's formats. DebugError."""
    signed = value - (value >> (bits - 1) << bits)
    match format:
        case "x" | "a":
            return f"{value:#x}"
        case "z":
            return f"0x{value:0{bits // 4}x}"
        case "d":
            return str(signed)
        case "u":
            return str(value)
        case "o":
            return f"0{value:o}" if value else "0"
        case "t":
            return f"{value:b}"
        case "c":
            return f"{signed} {chr(value & 0xFF)!a}"
        case "f":
            return show_float(value, F32 if bits == 32 else F64) if bits in (32, 64) else str(signed)
    raise DebugError(f"there is no format {format}; there are x d u o t z c f a, and s i of the command x")


@command("print", "data", "[/FORMAT] EXPRESSION", aliases="p,inspect", argument="expression")
def _print(ui: Interpreter, text: str) -> None:
    """The value of an expression: $local, %operand, @global by name or number, $pc, $clock, $depth, i32[ADDRESS] and
    the like for memory, numbers and C's operators; a variable of the source by its name.

    Formats: x d u o t z c f."""
    _, format, expression = _format(text)
    if not expression:
        raise DebugError("print what? $local, %operand, @global, i32[ADDRESS] …; help print tells more")
    ui.write(printed(ui, expression, format))


@command("set var", "data", "WHAT = EXPRESSION", argument="expression")
def _set_var(ui: Interpreter, text: str) -> None:
    """Change a local, an operand, a global or memory. What had been executed behind the present is forgotten then."""
    left, equals, right = _assignment(text)
    if not equals:
        raise DebugError("set var WHAT = EXPRESSION")
    target = ui.session.evaluate(left, ui.level)
    if not target.settable:
        raise DebugError(f"{left} cannot be set")
    source = ui.session.evaluate(right, ui.level)
    value = number_of(source)
    converted: Any = value
    if target.type is F64:
        converted = unpack_i64(pack_f64(float(value)))[0]
    elif target.type is F32:
        from refsfi.numeric.floats import f32_round

        converted = f32_round(float(value))
    elif isinstance(value, float):
        raise DebugError(f"{left} is an integer, {right} is none")
    cut = ui.session.set_variable(target, converted)
    if cut:
        ui.write("What was recorded behind this point is no longer so, and forgotten.")


def _assignment(text: str) -> tuple[str, str, str]:
    match = re.match(r"(.*?[^=!<>])=([^=].*)$", text)
    return (text, "", "") if match is None else (match[1].strip(), "=", match[2].strip())


# --- memory ----------------------------------------------------------------------------------------------------------

_SIZES: Final = {"b": 1, "h": 2, "w": 4, "g": 8}


@command("x", "data", "/NFU ADDRESS[, MEMORY]", repeats=True, argument="expression")
def _examine(ui: Interpreter, text: str) -> None:
    """Memory: N units of size b h w g (1, 2, 4, 8 bytes), in format x d u o t c f, as strings (s) or, of code, as
    instructions (i) from a location."""
    count, letters, rest = _format(text)
    count = 1 if count is None else count
    if not 0 < count <= 100_000:
        raise DebugError("x shows 1 to 100000 units")
    old_format, old_size, following = ui.examined or ("x", "w", None)
    size = next((c for c in letters if c in _SIZES), old_size)
    formats = [c for c in letters if c not in _SIZES]
    format = formats[0] if formats else old_format
    if format == "c" and not any(c in _SIZES for c in letters):
        size = "b"
    if format == "i":
        _instructions(ui, count, rest)
        return
    if rest:
        at, instance, memory = place_in_memory(ui, rest)
    elif following is not None:
        at, instance, memory = following
    else:
        raise DebugError("x what? an address is needed")
    if format == "s":
        end = _strings(ui, count, at, instance, memory)
    else:
        end = _units(ui, count, format, _SIZES[size], (at, instance, memory))
    ui.examined = format, size, (end, instance, memory)
    ui.repeat_as(f"x/{count}{format}{size if format != 's' else ''}")


def _units(ui: Interpreter, count: int, format: str, size: int, where: tuple[int, int, int]) -> int:
    at, instance, memory = where
    data = ui.session.read_memory(at, count * size, instance, memory)
    if len(data) < size:
        raise DebugError(f"cannot access memory at address {at:#x}: there are {_length(ui, instance, memory):#x} bytes")
    cells = []
    for start in range(0, len(data) - size + 1, size):
        value = int.from_bytes(data[start : start + size], "little")
        cells.append(formatted(value, 8 * size, "z" if format == "x" else format))
    width = max(map(len, cells)) + 2
    columns = 1 << (max(1, min(16 // size if size > 1 else 8, 60 // width)).bit_length() - 1)
    for row in range(0, len(cells), columns):
        ui.write(
            f"{at + row * size:#010x}:  {''.join(f'{cell:<{width}}' for cell in cells[row : row + columns])}".rstrip()
        )
    if len(data) < count * size:
        ui.write(f"The memory ends at {at + len(data):#x}.")
    return at + len(data)


def _length(ui: Interpreter, instance: int, memory: int) -> int:
    return len(ui.session.memory(instance, memory).data)


def _strings(ui: Interpreter, count: int, at: int, instance: int, memory: int) -> int:
    for _ in range(count):
        data = ui.session.read_memory(at, 200, instance, memory)
        if not data:
            raise DebugError(f"cannot access memory at address {at:#x}")
        text, nul, _ = data.partition(b"\0")
        shown = text.decode("utf-8", "backslashreplace").replace("\\", "\\\\").replace('"', '\\"')
        shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in shown)
        ui.write(f'{at:#010x}:  "{shown}"{"" if nul else "…"}')
        at += len(text) + len(nul)
    return at


def _instructions(ui: Interpreter, count: int, text: str) -> None:
    place = ui.place if text in ("", "$pc") else ui.code.place(text, ui.place)
    if place is None:
        raise DebugError("the guest is nowhere: say where")
    here = ui.place
    for pc in range(place.pc, min(place.pc + count, len(place.body))):
        there = Place(place.program, place.func_index, pc)
        ui.write(instruction_line(ui, there, there == here))


def instruction_line(ui: Interpreter, place: Place, current: bool) -> str:
    """`=> 0x17a <$walk:35>  i32.load`."""
    mark = "=>" if current else "  "
    return f"{mark} {ui.code.address(place):>8}  <{place.pc:>3}>  {ui.code.text(place, indented=True)}"


def dump(data: bytes, at: int) -> list[str]:
    """Rows of sixteen bytes, as numbers and characters."""
    rows = []
    for start in range(0, len(data), 16):
        row = data[start : start + 16]
        text = "".join(chr(c) if 32 <= c < 127 else "." for c in row)
        rows.append(f"{at + start:#010x}  {row[:8].hex(' '):<23}  {row[8:].hex(' '):<23}  {text}")
    return rows


@command("info memory", "data", "[ADDRESS[, MEMORY]]", argument="expression")
def _memory(ui: Interpreter, text: str) -> None:
    """The memories and their sizes; with an address, a hexadecimal dump from there."""
    if text:
        at, instance, memory = place_in_memory(ui, text)
        data = ui.session.read_memory(at, 128, instance, memory)
        if not data:
            raise DebugError(f"cannot access memory at address {at:#x}")
        for row in dump(data, at):
            ui.write(row)
        return
    found = False
    for number_, inst in enumerate(ui.session.instances()):
        for index, mem in enumerate(inst.mems):
            found = True
            name = inst.program.module.names.mems.get(index)
            ui.write(
                f"instance {number_}  memory {index}{'' if name is None else f' ${name}'}: {len(mem.data):#x} bytes"
            )
    if not found:
        ui.write("There is no memory.")


@command("find", "data", '[/bhwg] START, +LENGTH|END, VALUE|"TEXT"', argument="expression")
def _find(ui: Interpreter, text: str) -> None:
    """Search memory for a number or a text; the addresses at which it is."""
    _, letters, rest = _format(text)
    parts = split(rest)
    if len(parts) != 3:
        raise DebugError('find START, +LENGTH, VALUE or "TEXT"')
    start, instance, memory = place_in_memory(ui, parts[0])
    end = start + address_of(ui, parts[1][1:]) if parts[1][:1] == "+" else address_of(ui, parts[1]) + 1
    if parts[2][:1] == '"':
        wanted = parts[2].strip('"').encode()
    else:
        size = _SIZES.get(letters, 4)
        value = int(number_of(ui.session.evaluate(parts[2], ui.level)))
        wanted = (value & ((1 << 8 * size) - 1)).to_bytes(size, "little")
    if not wanted:
        raise DebugError("find what?")
    data = ui.session.read_memory(start, max(end - start, 0), instance, memory)
    at, count = data.find(wanted), 0
    while at >= 0 and count < ui.settings.limit:
        ui.write(f"{start + at:#x}")
        count += 1
        at = data.find(wanted, at + 1)
    ui.write(f"{count} pattern{'' if count == 1 else 's'} found." if count else "Pattern not found.")


# --- display ---------------------------------------------------------------------------------------------------------


@command("display", "data", "[/FORMAT] EXPRESSION", argument="expression")
def _display(ui: Interpreter, text: str) -> None:
    """Show an expression whenever the guest stands still; without one, show all of them now."""
    if not text:
        for key, (expression, format) in ui.displays.items():
            ui.write(f"{key}: {printed(ui, expression, format)}")
        return
    _, format, expression = _format(text)
    shown = printed(ui, expression, format)
    key = max(ui.displays, default=0) + 1
    ui.displays[key] = expression, format
    ui.write(f"{key}: {shown}")


@command("info display", "data")
def _displays(ui: Interpreter, text: str) -> None:
    """The expressions that are shown whenever the guest stands still."""
    for key, (expression, format) in ui.displays.items():
        ui.write(f"{key}: {f'/{format} ' if format else ''}{expression}")
    if not ui.displays:
        ui.write("There are no displays.")


@command("undisplay", "data", "[N…]")
def _undisplay(ui: Interpreter, text: str) -> None:
    """Do not show these any more, all of them without numbers."""
    for word in text.split() or [str(key) for key in ui.displays]:
        if ui.displays.pop(number(word, "a display"), None) is None:
            raise DebugError(f"there is no display {word}")
