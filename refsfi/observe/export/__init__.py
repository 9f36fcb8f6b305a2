"""Profiles in the formats of other tools: pure functions from `model.Profile` to text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from refsfi.observe.export.chrome import chrome
from refsfi.observe.export.collapsed import collapsed
from refsfi.observe.export.firefox import firefox
from refsfi.observe.export.model import Category, Event, Lane, Profile, Sample, Spot
from refsfi.observe.export.speedscope import speedscope, speedscope_evented

__all__ = ["FORMATS", "Category", "Event", "Lane", "Profile", "Sample", "Spot"]

# Name of a format -> what writes it.
FORMATS: Final[dict[str, Callable[[Profile], str]]] = {
    "firefox": firefox,
    "speedscope": speedscope,
    "speedscope-evented": speedscope_evented,
    "collapsed": collapsed,
    "chrome": chrome,
}
