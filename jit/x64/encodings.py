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
from functools import cache
from typing import Any, Final

from jit.x64.encode import AssemblyError, encode
from jit.x64.instructions import ROWS, Imm, Row
from jit.x64.registers import RBP, RSP
from jit.x64.template_file import TemplateFile, find

__all__ = ["FORMS", "Encodings", "shared"]

# The forms for which an assembler has a method; branches apart.
FORMS: Final = [
    *("", "r", "rr", "ri", "rri", "rrr", "rrri", "rrrr", "m", "mx", "rm", "rmx", "mr", "mrx", "mi", "mxi"),
    *("rmi", "rmxi", "mri", "mrxi", "rrm", "rrmx", "rrmi", "rrmxi", "rmr", "rmxr", "l", "rl", "rrl"),
]

# The form that the table of instructions has for each.
_PLAIN: Final = {form: form.replace("x", "").replace("l", "m") for form in [*FORMS, "j"]}

# Forms that end with the distance of a label.
_RELATIVE: Final = frozenset(form for form in _PLAIN if "l" in form or "j" in form)

# Finished instructions that are kept, all forms together: some 12 MB.
_MOST_FINISHED: Final = 1 << 16

# New templates that wait for the end of the process; a server that is killed loses no more.
_MOST_FRESH: Final = 512

# The name of an instruction, then registers, displacements and so on, all of them ints.
Arguments = tuple[Any, ...]

# What stands for displacements and immediates of each width while a template is made. No byte is 0, 1 or repeated.
_STAND_IN: Final = {1: 0x11, 2: 0x1122, 4: 0x11223344, 8: 0x1122334455667788}
_MASKS: Final = {width: (1 << 8 * width) - 1 for width in _STAND_IN}


class Encodings:
    """All that is known of encodings. `file` keeps the templates from one process to the next; None keeps nothing."""

    def __init__(self, file: TemplateFile | None = None) -> None:
        self.finished: dict[str, dict[Arguments, bytes]] = {form: {} for form in FORMS}
        self.branches: dict[str, bytes] = {}  # to a label: `jmp`, `call`, or a condition; the distance is left open
        self._templates: dict[str, str] = {}  # that were needed
        self._lines: list[str] = []  # of the file
        self.made = 0  # finished instructions that were not known in this form yet
        self.misses = 0  # templates that PeachPy made for this process
        self._file = file
        self._fresh: dict[str, str] = {}  # templates that the file has not
        self._saved_at_exit = False
        self._room = _MOST_FINISHED
        if file is not None:
            self._lines = file.lines()

    @property
    def templates(self) -> dict[str, str]:
        """All that are known, in hex, by key."""
        return {**dict(line.split("\t") for line in self._lines), **self._templates}

    def save(self) -> None:
        """Put new templates into the file. A file that cannot be written stays as it is."""
        fresh, self._fresh = self._fresh, {}
        if self._file is not None and fresh:
            self._file.add(fresh)

    def finish(self, form: str, arguments: Arguments) -> bytes:
        """The instruction that an assembler's method asked for with `arguments`, made and remembered.

        AssemblyError where there is no such instruction, or an operand is out of range.
        """
        self.made += 1
        encoding = self._compose(form, arguments)
        if self._room <= 0:
            for known in self.finished.values():
                known.clear()
            self._room = _MOST_FINISHED
        self._room -= 1
        self.finished[form][arguments] = encoding
        return encoding

    def branch(self, kind: str) -> bytes:
        """A branch to a label, made and remembered: `jmp`, `call`, or one on a condition like `ne`."""
        name = f"{kind}64" if kind in ("jmp", "call") else f"j{kind}"
        encoding = self.branches[kind] = self._compose("j", (name,))
        return encoding

    def _compose(self, form: str, arguments: Arguments) -> bytes:
        row = ROWS.get(arguments[0])
        if row is None:
            raise AssemblyError(f"there is no instruction {arguments[0]!r}")
        if _PLAIN[form] not in row.forms:
            raise AssemblyError(f"{row.name} has no form {form!r}; it has {', '.join(sorted(row.forms))}")
        try:
            operands = _operands(row, form, arguments)
        except TypeError as error:
            raise AssemblyError(f"{row.name}: {arguments[1:]} are not all integers") from error
        if row.name == "mov64" and form == "ri" and 0 <= operands.imm < 1 << 32:
            row = ROWS["mov32"]  # clears the upper half
        disp_width, imm_width = operands.disp_width, operands.imm_width
        key = f"{row.name} {form} {operands.packed:x}{disp_width}{imm_width}"
        known = self._templates.get(key)
        if known is None:
            known = find(self._lines, key)
        encoding = bytes.fromhex(known) if known is not None else self._template(key, row, form, operands)
        encoding = row.prefix + encoding
        if disp_width:
            encoding += operands.disp.to_bytes(disp_width, "little", signed=True)
        elif form in _RELATIVE:
            encoding += bytes(4)
        if imm_width:
            encoding += (operands.imm & _MASKS[imm_width]).to_bytes(imm_width, "little")
        return encoding

    def _template(self, key: str, row: Row, form: str, operands: _Operands) -> bytes:
        """Have one made by PeachPy, with stand-ins for displacement and immediate, and take these off."""
        disp_width, imm_width = operands.disp_width, operands.imm_width
        disp = _STAND_IN[disp_width] if disp_width else 0
        memory = (*operands.address, disp) if operands.address is not None else None
        relative = _STAND_IN[4] if form in _RELATIVE else None
        imm = _STAND_IN[imm_width] if imm_width else 1
        encoding = encode(row, form.replace("x", ""), operands.registers, memory, relative, imm)
        tail = disp.to_bytes(disp_width, "little")
        if relative is not None:
            tail += relative.to_bytes(4, "little")
        if imm_width:
            tail += imm.to_bytes(imm_width, "little")
        if not encoding.endswith(tail):
            raise AssemblyError(f"{key}: {encoding.hex()} does not end with displacement and immediate {tail.hex()}")
        template = encoding[: len(encoding) - len(tail)]
        self.misses += 1
        self._templates[key] = template.hex()
        if self._file is not None:
            self._fresh[key] = template.hex()
            if not self._saved_at_exit:
                self._saved_at_exit = True
                atexit.register(self.save)
            elif len(self._fresh) >= _MOST_FRESH:
                self.save()
        return template


class _Operands:
    """The arguments of an assembler's method, checked. `address` is base, index or None, scale. `packed` has all that a
    template depends on but the widths: four bits a register and a scale, always the same number of them for a form."""

    __slots__ = ("address", "disp", "disp_width", "imm", "imm_width", "packed", "registers")

    def __init__(self) -> None:
        self.registers: list[int] = []
        self.address: tuple[int, int | None, int] | None = None
        self.disp = self.disp_width = 0
        self.imm = self.imm_width = 0
        self.packed = 0


def _operands(row: Row, form: str, arguments: Arguments) -> _Operands:
    """TypeError where something is not an integer."""
    operands = _Operands()
    packed = 0
    values = iter(arguments)
    next(values)
    for letter in form:
        if letter == "r":
            number = next(values)
            if not 0 <= number <= 15:
                raise AssemblyError(f"{row.name}: there is no register {number}")
            operands.registers.append(number)
            packed = packed << 4 | number
        elif letter == "m":
            base = next(values)
            if not 0 <= base <= 15:
                raise AssemblyError(f"{row.name}: there is no register {base}")
            packed = packed << 4 | base
            if "x" in form:
                index, scale = next(values), next(values)
                if not 0 <= index <= 15:
                    raise AssemblyError(f"{row.name}: there is no register {index}")
                if index == RSP:
                    raise AssemblyError(f"{row.name}: rsp cannot be an index")
                if scale not in (1, 2, 4, 8):
                    raise AssemblyError(f"{row.name}: an index is scaled by 1, 2, 4 or 8, not {scale}")
                packed = packed << 8 | index << 4 | scale
                operands.address = base, index, scale
            else:
                operands.address = base, None, 1
            disp = next(values)
            if disp == 0 and base & 7 != RBP:
                continue
            if -128 <= disp <= 127:
                operands.disp_width = 1
            elif -(1 << 31) <= disp < 1 << 31:
                operands.disp_width = 4
            else:
                raise AssemblyError(f"{row.name}: displacement {disp} does not fit 32 bits")
            operands.disp = disp
        elif letter == "i":
            operands.imm_width, operands.imm = _immediate(row, form, next(values))
    operands.packed = packed
    return operands


def _immediate(row: Row, form: str, imm: int) -> tuple[int, int]:
    """How many bytes the immediate has, and its value, signed."""
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
    if -(1 << 31) <= signed < 1 << 31 or (row.name == "mov64" and form == "ri" and 0 <= signed < 1 << 32):
        return 4, signed
    if row.name == "mov64" and form == "ri":
        return 8, signed
    raise AssemblyError(f"{row.name}: {imm} is not the sign extension of 32 bits")


@cache
def shared() -> Encodings:
    """The encodings of this process, with the templates of earlier ones."""
    return Encodings(TemplateFile.of_user())
