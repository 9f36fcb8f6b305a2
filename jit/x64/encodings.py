"""Every encoding is made once: two levels of memo in front of PeachPy.

*Templates* are encodings without displacement and immediate, one for each choice of registers and widths: `add32 ri`
with `ebx` and a one-byte immediate is `83 c3`. PeachPy makes them (`encode.py`), and they are kept in the user's cache
directory between processes, so that most processes never import it. Displacement and immediate are always an
instruction's last bytes, so a template needs only bytes appended; that this holds is checked when it is made.

*Finished instructions* are whole encodings under the arguments of the assembler's method, in one dict for each form. A
hit is one lookup. They live as long as the process and are forgotten when there are too many: displacements and
immediates are the guest's choice.
"""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from functools import cache
from typing import Final

from jit.x64.encode import AssemblyError, encode
from jit.x64.instructions import ROWS, Imm, Row
from jit.x64.registers import RSP
from jit.x64.template_file import TemplateFile

__all__ = ["FORMS", "Encodings", "shared"]

FORMS: Final = [
    *("", "r", "rr", "ri", "rri", "rrr", "rrri", "rrrr", "m", "mx", "rm", "rmx", "mr", "mrx", "mi", "mxi"),
    *("rmi", "rmxi", "mri", "mrxi", "rrm", "rrmx", "rrmi", "rrmxi", "rmr", "rmxr", "rl", "rrl"),
]

# Finished instructions that are kept, all forms together: some 20 MB.
_MOST: Final = 1 << 17

# New templates that wait for the end of the process; a server that is killed loses no more.
_MOST_FRESH: Final = 512

# What stands for displacements and immediates of each width while a template is made. No byte is 0, 1 or repeated.
_STAND_IN: Final = {1: 0x11, 2: 0x1122, 4: 0x11223344, 8: 0x1122334455667788}


class Encodings:
    """All that is known of encodings. `file` keeps the templates from one process to the next; None keeps nothing."""

    def __init__(self, file: TemplateFile | None = None) -> None:
        self.finished: dict[str, dict[tuple[str | int, ...], bytes]] = {form: {} for form in FORMS}
        self.branches: dict[str, bytes] = {}  # to a label: `jmp`, `call`, or a condition; the distance is left open
        self.templates: dict[str, str] = {}
        self.misses = 0  # templates that PeachPy made for this process
        self._file = file
        self._fresh: dict[str, str] = {}  # templates that the file has not
        self._saved_at_exit = False
        self._room = _MOST
        if file is not None:
            self.templates.update(file.load())

    def save(self) -> None:
        """Put new templates into the file. A file that cannot be written stays as it is."""
        fresh, self._fresh = self._fresh, {}
        if self._file is not None and fresh:
            self._file.add(fresh)

    def finish(self, form: str, arguments: tuple[str | int, ...]) -> bytes:
        """The instruction that an assembler's method asked for with `arguments`, made and remembered.

        AssemblyError where there is no such instruction, or an operand is out of range.
        """
        encoding = self._compose(form, arguments)
        if self._room <= 0:
            for known in self.finished.values():
                known.clear()
            self._room = _MOST
        self._room -= 1
        self.finished[form][arguments] = encoding
        return encoding

    def branch(self, kind: str) -> bytes:
        """A branch to a label, made and remembered: `jmp`, `call`, or one on a condition like `ne`."""
        name = f"{kind}64" if kind in ("jmp", "call") else f"j{kind}"
        encoding = self.branches[kind] = self._compose("j", (name,))
        return encoding

    def _compose(self, form: str, arguments: tuple[str | int, ...]) -> bytes:
        name = arguments[0]
        row = ROWS.get(name) if isinstance(name, str) else None
        if row is None:
            raise AssemblyError(f"there is no instruction {name!r}")
        plain = form.replace("x", "")
        if plain.replace("l", "m") not in row.forms:
            raise AssemblyError(f"{name} has no form {form!r}; it has {', '.join(sorted(row.forms))}")
        registers: list[int] = []
        memory: tuple[int, int | None, int, int] | None = None
        imm: int | None = None
        values = iter(arguments[1:])
        for letter in plain:
            if letter == "r":
                registers.append(_register(row, values))
            elif letter == "m":
                memory = _memory(row, values, "x" in form)
            elif letter == "i":
                imm = _integer(row, values)
        if row.name == "mov64" and form == "ri" and imm is not None and 0 <= imm < 1 << 32:
            row = ROWS["mov32"]  # clears the upper half
        imm_width, imm = _immediate(row, form, imm)
        disp_width, disp = 0, 0
        if memory is not None:
            disp = memory[3]
            disp_width = 0 if disp == 0 and memory[0] & 7 != 5 else 1 if -128 <= disp <= 127 else 4
        template = self._template(row, plain, registers, memory, disp_width, imm_width)
        encoding = row.prefix + template + disp.to_bytes(disp_width, "little", signed=True)
        if "j" in form or "l" in form:
            encoding += bytes(4)
        if imm_width:
            encoding += (imm & (1 << 8 * imm_width) - 1).to_bytes(imm_width, "little")
        return encoding

    def _template(
        self,
        row: Row,
        form: str,
        registers: list[int],
        memory: tuple[int, int | None, int, int] | None,
        disp_width: int,
        imm_width: int,
    ) -> bytes:
        address = memory[:3] if memory is not None else ()
        key = f"{row.name} {form} {registers} {address} {disp_width} {imm_width}".replace(", ", ",")
        known = self.templates.get(key)
        if known is not None:
            return bytes.fromhex(known)
        relative = _STAND_IN[4] if "l" in form or "j" in form else None
        if memory is not None:
            memory = (*memory[:3], _STAND_IN[disp_width] if disp_width else 0)
        imm = _STAND_IN[imm_width] if imm_width else 1
        encoding = encode(row, form, registers, memory, relative, imm)
        tail = b""
        if disp_width:
            tail = _STAND_IN[disp_width].to_bytes(disp_width, "little")
        elif relative is not None:
            tail = relative.to_bytes(4, "little")
        if imm_width:
            tail += _STAND_IN[imm_width].to_bytes(imm_width, "little")
        if not encoding.endswith(tail):
            raise AssemblyError(f"{key}: {encoding.hex()} does not end with displacement and immediate {tail.hex()}")
        template = encoding[: len(encoding) - len(tail)]
        self.misses += 1
        self.templates[key] = template.hex()
        if self._file is not None:
            self._fresh[key] = template.hex()
            if not self._saved_at_exit:
                self._saved_at_exit = True
                atexit.register(self.save)
            elif len(self._fresh) >= _MOST_FRESH:
                self.save()
        return template


def _integer(row: Row, values: Iterator[str | int]) -> int:
    value = next(values)
    if not isinstance(value, int):
        raise AssemblyError(f"{row.name}: {value!r} is no number")
    return value


def _register(row: Row, values: Iterator[str | int]) -> int:
    number = _integer(row, values)
    if not 0 <= number <= 15:
        raise AssemblyError(f"{row.name}: there is no register {number}")
    return number


def _memory(row: Row, values: Iterator[str | int], indexed: bool) -> tuple[int, int | None, int, int]:
    base = _register(row, values)
    index, scale = None, 1
    if indexed:
        index, scale = _register(row, values), _integer(row, values)
        if index == RSP:
            raise AssemblyError(f"{row.name}: rsp cannot be an index")
        if scale not in (1, 2, 4, 8):
            raise AssemblyError(f"{row.name}: an index is scaled by 1, 2, 4 or 8, not {scale}")
    disp = _integer(row, values)
    if not -(1 << 31) <= disp < 1 << 31:
        raise AssemblyError(f"{row.name}: displacement {disp} does not fit 32 bits")
    return base, index, scale, disp


def _immediate(row: Row, form: str, imm: int | None) -> tuple[int, int]:
    """How many bytes the immediate has, and its value."""
    if imm is None:
        return 0, 0
    if row.imm in (Imm.BYTE, Imm.SHIFT):
        if not 0 <= imm <= 255:
            raise AssemblyError(f"{row.name}: {imm} is not from 0 to 255")
        return (0 if row.imm == Imm.SHIFT and imm == 1 else 1), imm
    # Memory and register operands of these instructions are equally wide.
    bits = 8 * row.mem
    if not -(1 << bits - 1) <= imm < 1 << bits:
        raise AssemblyError(f"{row.name}: {imm} does not fit {bits} bits")
    signed = imm - (1 << bits) if imm >> bits - 1 > 0 else imm
    if bits == 8 or (row.imm == Imm.SIGNED and -128 <= signed <= 127):
        return 1, signed
    if bits < 64:
        return bits // 8, signed
    if -(1 << 31) <= signed < 1 << 31:
        return 4, signed
    if row.name == "mov64" and form == "ri":
        return 8, signed
    raise AssemblyError(f"{row.name}: {imm} is not the sign extension of 32 bits")


@cache
def shared() -> Encodings:
    """The encodings of this process, with the templates of earlier ones."""
    return Encodings(TemplateFile.of_user())
