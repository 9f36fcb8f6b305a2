"""How generated code leaves: exceptions that carry what the interpreter's frames are rebuilt from.

`Leave` unwinds the generated functions that are open; each that waits at a call puts its own frames around (`under`).
`NotEntered` comes out of a function that was called in vain: nothing of it has happened, and the caller leaves at its
call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jit.backend import Activation
from refsfi.exec.code import FuncCode
from refsfi.runtime.store import FuncInst, Instance

if TYPE_CHECKING:
    from jit.backend import Unit

__all__ = ["Leave", "NotEntered", "Site", "refuse"]


@dataclass(frozen=True, eq=False, slots=True)
class Site:
    """A place where the region is left. `snapshot`: its number. `frames`, outermost first: function, pc, and pairs
    (register, position among the values that the code hands over). `refund`: fuel to give back."""

    unit: Unit
    snapshot: int
    frames: tuple[tuple[FuncCode, int, tuple[tuple[int, int], ...]], ...]
    refund: int

    def activations(self, inst: Instance, values: Sequence[Any]) -> list[Activation]:
        return [
            Activation(inst, code, pc, [(register, values[place]) for register, place in registers])
            for code, pc, registers in self.frames
        ]


class Leave(Exception):
    """The region is left at `site`. `call`: the innermost frame waits for this call to be made. `error`: what the
    instruction there raised when a helper executed it."""

    __slots__ = ("call", "error", "inst", "outer", "site", "values")

    def __init__(
        self,
        site: Site,
        inst: Instance,
        values: Sequence[Any],
        call: tuple[FuncInst, list[Any]] | None = None,
        error: BaseException | None = None,
    ) -> None:
        self.site = site
        self.inst = inst
        self.values = values
        self.call = call
        self.error = error
        # Callers' places, innermost first.
        self.outer: list[tuple[Site, Instance, Sequence[Any]]] = []

    def under(self, site: Site, inst: Instance, values: Sequence[Any]) -> None:
        """Put the frames of a caller around it."""
        self.outer.append((site, inst, values))

    def frames(self) -> list[Activation]:
        """All activations, outermost first."""
        found: list[Activation] = []
        for site, inst, values in reversed(self.outer):
            found += site.activations(inst, values)
        return found + self.site.activations(self.inst, self.values)


class NotEntered(Exception):
    """A called function was not entered."""


def refuse(*_: Any) -> Any:
    """Stands for a function that is not compiled."""
    raise NotEntered
