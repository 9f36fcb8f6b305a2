"""Monitors: what a guest did, counted while it runs and told afterwards. One file each, which registers itself."""

from __future__ import annotations

from refsfi.observe.monitors.monitor import Monitor, Options, Watched
from refsfi.observe.monitors.registry import BadMonitor, all_monitors, parse_monitors

__all__ = ["BadMonitor", "Monitor", "Options", "Watched", "all_monitors", "parse_monitors"]
