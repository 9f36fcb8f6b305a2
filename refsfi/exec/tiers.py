"""Which tier a program gets: the one place where the interpreter's side knows of the compiler, and only once it is
asked for."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Literal, TypeAlias

from refsfi.runtime.tier import Tier

__all__ = ["BACKENDS", "BOUNDS", "MODES", "TierChoice", "make_tier"]

Mode: TypeAlias = Literal["on", "off", "force", "check"]

MODES = ("on", "off", "force", "check")
BOUNDS = ("guard", "explicit")
BACKENDS = ("x64", "portable")


@dataclass(frozen=True, slots=True)
class TierChoice:
    """`mode`: `on` compiles what is hot, `force` everything at once, `check` compiles and compares with the
    interpreter, `off` nothing. `bounds`: whether memory accesses rely on guard pages or are compared explicitly.
    `backend`: None for the best one that this machine allows."""

    mode: str = "off"
    bounds: str = "guard"
    backend: str | None = None


def make_tier(choice: TierChoice) -> Tier | None:
    """A tier as chosen; None where everything is to be interpreted."""
    if choice.mode == "off":
        return None
    tier: Tier | None = import_module("jit.select").make(choice)
    return tier
