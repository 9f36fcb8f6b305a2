"""The portable back end: regions as Python functions. What it computes is what the IR means; and where there is no
machine code to be had, it is the compiler."""

from __future__ import annotations

from typing import Any

from jit.build import Refused
from jit.ir.graph import CALL, Graph
from jit.portable.leave import NotEntered, refuse
from jit.portable.unit import PortableUnit, namespace
from refsfi.errors import Crash
from refsfi.exec.code import FuncCode
from refsfi.runtime.store import Frame

__all__ = ["Portable", "PortableUnit"]


class Portable:
    """A `jit.backend.Backend`."""

    name = "portable"
    gain = 3  # measured: 10 in long runs

    def compile(self, graph: Graph) -> PortableUnit:
        return PortableUnit(graph)

    def learn(self, frame: Frame, pc: int) -> None:
        """Generated code knows nothing of an instance."""

    def attach(self, code: FuncCode, unit: object) -> None:
        space = namespace(code.program)
        if unit is None:
            space.reach(code, refuse)
            return
        if not isinstance(unit, PortableUnit):
            raise Crash("a unit of another back end")
        called = unit

        def first(*arguments: Any) -> Any:
            """Makes the function when it is first called."""
            try:
                entry = called.entry(CALL)
            except Refused:
                raise NotEntered from None
            if space.entries[code.index] is first:
                space.reach(code, entry)
            return entry(*arguments)

        space.reach(code, first)
