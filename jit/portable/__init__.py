"""The portable back end: regions as Python functions. What it computes is what the IR means; and where there is no
machine code to be had, it is the compiler."""

from __future__ import annotations

from jit.ir.graph import CALL, Graph
from jit.portable.leave import refuse
from jit.portable.unit import PortableUnit, namespace
from refsfi.errors import Crash
from refsfi.exec.code import FuncCode
from refsfi.runtime.store import Frame

__all__ = ["Portable", "PortableUnit"]


class Portable:
    """A `jit.backend.Backend`."""

    name = "portable"

    def compile(self, graph: Graph) -> PortableUnit:
        unit = PortableUnit(graph)
        for pc in graph.entries:
            # All of them now: what Python does not take must show before anything depends on the unit.
            unit.entry(pc)
        return unit

    def learn(self, frame: Frame, pc: int) -> None:
        """Generated code knows nothing of an instance."""

    def attach(self, code: FuncCode, unit: object) -> None:
        if unit is not None and not isinstance(unit, PortableUnit):
            raise Crash("a unit of another back end")
        space = namespace(code.program)
        entry = refuse if unit is None else unit.entry(CALL)
        space.entries[code.index] = entry
        space.names[f"F{code.func_index}"] = entry
