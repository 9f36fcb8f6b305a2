"""What is shown of a profile while its program runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from refsfi.exec.tiers import Profiler

__all__ = ["screen"]


@contextmanager
def screen(profiler: Profiler, asked: bool) -> Iterator[None]:
    yield
