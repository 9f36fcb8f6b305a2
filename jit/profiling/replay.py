"""A region of a profile, compiled again without its program running: what each pass makes of its graph.

The profile's file has the module and the text of the region's graph as it was before the optimiser. So this needs
nothing but the file, and shows what *this* version of the compiler does, on this processor.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from jit.build import Refused
from jit.ir.graph import Graph
from jit.ir.text import dump, parse
from jit.ir.verify import verify
from jit.optimize.canonical import make_canonical
from jit.optimize.simplify import drop_trivial
from jit.options import Options
from refsfi.errors import Crash, ParseError, WasmError
from refsfi.exec.load import load_program
from refsfi.observe.profile.file import ProfileError, binary_of
from refsfi.observe.profile.model import Profile
from refsfi.syntax.features import ALL

__all__ = ["PASSES", "Stage", "replay"]

# Name of a pass -> what it does to the graph, in the order of the tier.
PASSES: Final = {"simplify": drop_trivial, "canonical": make_canonical}


@dataclass(frozen=True, slots=True)
class Stage:
    """What a pass has made: the graph's text, or code. `changed`: whether that is not what it was given."""

    name: str
    text: str
    changed: bool = True


def replay(profile: Profile, number: int, *, explicit: bool = False) -> Iterator[Stage]:
    """The stages of a region: `built`, each pass, `code`. ProfileError where the profile has not what is needed, or the
    back end refuses."""
    if not 0 <= number < len(profile.regions):
        raise ProfileError(f"there is no region {number}: the profile has {len(profile.regions)}, counted from 0")
    region = profile.regions[number]
    if not region.graph:
        raise ProfileError(f"region {number} was compiled by a back end or a version that keeps no graph")
    if not 0 <= region.module < len(profile.modules):
        raise ProfileError(f"region {number} is of a module that the profile does not have")
    module = profile.modules[region.module]
    try:
        program = load_program(binary_of(module), ALL, str(module["path"]))
        for code in program.funcs:
            if code.tail is None:
                code.prepare()
        graph = parse(region.graph, program)
        verify(graph)
    except (WasmError, ParseError, Crash) as error:
        raise ProfileError(f"region {number} cannot be read: {error}") from None
    yield Stage("built", region.graph)
    before = region.graph
    for name, run in PASSES.items():
        run(graph)
        after = dump(graph)
        yield Stage(name, after, after != before)
        before = after
    yield Stage("code", "\n".join(_listing(graph, explicit)))


def _listing(graph: Graph, explicit: bool) -> Iterator[str]:
    from jit.x64.backend import X64Backend

    try:
        unit = X64Backend(Options(explicit=explicit)).compile(graph)
    except Refused as refused:
        raise ProfileError(f"the back end refuses the region: {refused.reason}") from None
    yield from unit.listing()
