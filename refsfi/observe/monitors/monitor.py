"""What a monitor is: it places probes when functions are first entered, and reports when the guest has ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

from refsfi.observe.counts import Counts
from refsfi.observe.modules import Modules
from refsfi.observe.monitors.report import Report
from refsfi.observe.probes import Probes

__all__ = ["Monitor", "Options", "Watched", "option"]


class Watched:
    """What all monitors of a run share."""

    def __init__(self) -> None:
        self.probes = Probes()
        self.modules = Modules()

    @cached_property
    def counts(self) -> Counts:
        return Counts(self.probes)


def option(default: Any, help: str, least: int = 1) -> Any:
    """A field of `Options`: a bool, an int of at least `least`, or a str, by its default."""
    return field(default=default, metadata={"help": help, "least": least})


@dataclass(frozen=True, slots=True)
class Options:
    """What every monitor can be told; a monitor with options of its own has a subclass."""

    json: bool = option(False, "report as JSON")
    file: str = option("", "where the report is written, instead of the standard error")
    top: int = option(20, "rows of a table that are shown; JSON has all")


class Monitor:
    """Subclasses register themselves (`registry.register`) under their `name`."""

    name: ClassVar[str]
    summary: ClassVar[str]
    options_type: ClassVar[type[Options]] = Options

    def __init__(self, watched: Watched, options: Options) -> None:
        self.watched = watched
        self.options = options
        self.begin()

    def begin(self) -> None:
        """Say what is to be told while the guest runs (`Probes.on_function`, `Probes.listen`)."""
        raise NotImplementedError

    def report(self) -> Report:
        """What was found out so far."""
        raise NotImplementedError
