"""How generated code leaves: exceptions that carry what the interpreter's frames are rebuilt from.

`Leave` unwinds the generated functions that are open. Each that waits at a call adds its own frames (`under`).
`Refused` comes out of a function that was not entered, or could not be called at all; the caller then leaves at its call.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jit.backend import Activation
from jit.ir.graph import FrameState
from refsfi.exec.code import FuncCode
from refsfi.runtime.store import Instance

if TYPE_CHECKING:
    from jit.portable.unit import PortableUnit

__all__ = ["Leave", "NotEntered", "Site", "refuse"]


@dataclass(frozen=True, slots=True)
class Site:
    """A place where the region is left. `frames`: outermost first; their values are positions in what the code hands
    over. `snapshot`: its number. `refund`: fuel to give back. `arguments`: of a call, the registers of its operands, and
    `call_refund` what it costs itself."""

    unit: PortableUnit
    snapshot: int
    frames: tuple[tuple[FuncCode, int, tuple[tuple[int, int], ...]], ...]
    refund: int
    arguments: tuple[int, ...] = ()
    call_refund: int = 0

    def activations(self, inst: Instance, values: Sequence[Any]) -> list[Activation]:
        return [
            Activation(inst, code, pc, [(register, values[place]) for register, place in registers])
            for code, pc, registers in self.frames
        ]


def site_of(
    unit: PortableUnit, snapshot: int, frames: Sequence[FrameState], refund: int, places: dict[int, int]
) -> Site:
    """`places`: value -> position."""
    return Site(
        unit,
        snapshot,
        tuple((f.code, f.pc, tuple((register, places[v]) for register, v in f.values)) for f in frames),
        refund,
    )


class Leave(Exception):
    """The region is left at `site`. `activations`: outermost first."""

    def __init__(self, site: Site, inst: Instance, values: Sequence[Any]) -> None:
        self.site = site
        self.activations = site.activations(inst, values)
        self.refund = site.refund

    def under(self, site: Site, inst: Instance, values: Sequence[Any]) -> Leave:
        """Put the frames of a caller around it."""
        self.activations[:0] = site.activations(inst, values)
        return self


class NotEntered(Exception):
    """A called function was not entered: nothing of it has happened."""

    def leave(self, site: Site, inst: Instance, values: Sequence[Any], arguments: Sequence[Any]) -> Leave:
        """Leave at the call, its operands back in their registers."""
        left = Leave(site, inst, values)
        left.activations[-1].values += zip(site.arguments, arguments, strict=True)
        left.refund += site.call_refund
        return left


def refuse(*_: Any) -> Any:
    """Stands for a function that is not compiled."""
    raise NotEntered


def float_of(bits: int) -> float:
    """An f64 as generated code has it."""
    return float(struct.unpack("<d", struct.pack("<Q", bits))[0])


def bits_of(x: float) -> int:
    return int(struct.unpack("<Q", struct.pack("<d", x))[0])


Entry = Callable[..., Any]
