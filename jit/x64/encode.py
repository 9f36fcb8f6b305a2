"""Encoding through PeachPy: the slow path, taken once for each template, and the only place that imports PeachPy.

Importing it costs 55 ms and an encoding about 40 us, so it is not imported before the first encoding that no memo has.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jit.x64.instructions import Row
from jit.x64.registers import register_name
from refsfi.errors import Crash

__all__ = ["AssemblyError", "encode", "installed", "register_kinds", "version"]


class AssemblyError(Crash):
    """The compiler asked for an instruction that does not exist, or for an operand that it cannot have."""


@cache
def installed() -> Path | None:
    """PeachPy's directory, found without importing it; None where it is not installed."""
    spec = importlib.util.find_spec("peachpy")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent


def version() -> bytes:
    """What tells one PeachPy from another, without importing it: its version is stated in its first file. OSError where
    there is none."""
    directory = installed()
    if directory is None:
        raise FileNotFoundError("PeachPy is not installed")
    return (directory / "__init__.py").read_bytes()


@cache
def _peachpy() -> tuple[Any, Any, Any]:
    """PeachPy's modules: instructions, operands, registers."""
    with warnings.catch_warnings():
        # Its docstrings hold escapes that newer Pythons complain about when they compile it.
        warnings.simplefilter("ignore")
        try:
            from peachpy import x86_64
            from peachpy.x86_64 import operand, registers
        except ImportError as error:
            raise AssemblyError(f"PeachPy is needed to encode instructions and cannot be imported: {error}") from error
    return x86_64, operand, registers


@cache
def _register(kind: str, number: int) -> Any:
    registers = _peachpy()[2]
    if kind == "r8":
        # PeachPy exports no names for the low bytes of rsp and rbp.
        return getattr(registers, register_name("r64", number)).as_low_byte
    return getattr(registers, register_name(kind, number))


def register_kinds(row: Row, form: str) -> list[str]:
    """The kind of each register operand of an instruction, in order; `form` without `x` and `l`."""
    count = form.count("r")
    if form.startswith("m"):
        return [row.src] * count
    if "m" in form or count == 1:
        return [row.dst] * count
    return [row.dst] * (count - 1) + [row.src]


def encode(
    row: Row,
    form: str,
    registers: Sequence[int],
    memory: tuple[int, int | None, int, int] | None = None,
    relative: int | None = None,
    imm: int | None = None,
) -> bytes:
    """The shortest encoding of one instruction, without the row's prefix.

    `memory` is base, index or None, scale, displacement. `relative` is the displacement from the end of the instruction
    for the operands `l` and `j`. AssemblyError where PeachPy refuses.
    """
    if not row.mnemonic:
        return b""
    instructions, operand, _ = _peachpy()
    kinds = iter(register_kinds(row, form.replace("l", "m")))
    numbers = iter(registers)
    operands: list[Any] = []
    for letter in form:
        if letter == "r":
            operands.append(_register(next(kinds), next(numbers)))
        elif letter == "m" and memory is not None:
            base, index, scale, disp = memory
            address = operand.MemoryAddress(
                _register("r64", base),
                None if index is None else _register("r64", index),
                None if index is None else scale,
                disp,
            )
            operands.append(operand.MemoryOperand(address, row.mem or None))
        elif letter == "l":
            operands.append(operand.MemoryOperand(operand.RIPRelativeOffset(relative), row.mem or None))
        elif letter == "j":
            operands.append(operand.RIPRelativeOffset(relative))
        else:
            operands.append(imm)
    if row.fixed == "cl":
        operands.append(_register("r8", 1))
    elif row.fixed == "xmm0":
        operands.append(_register("x", 0))
    try:
        return bytes(getattr(instructions, row.mnemonic)(*operands).encode())
    except (SyntaxError, ValueError, TypeError, AttributeError, AssertionError) as error:
        raise AssemblyError(f"{row.name} {', '.join(map(str, operands))}: PeachPy refuses it: {error}") from error
