"""A guest whose failures are kept, for tests of explanations and core dumps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from refsfi.errors import GuestException, Trap
from refsfi.exec.code import Program
from refsfi.exec.instantiate import instantiate
from refsfi.exec.load import load_program
from refsfi.exec.machine import invoke
from refsfi.exec.postmortem import PostMortem
from refsfi.runtime.limits import Limits
from refsfi.runtime.store import Instance, Store
from refsfi.syntax.features import ALL

FIXTURES = Path(__file__).parent / "fixtures"


class Watched:
    """An instance of a module, binary or text, in a store of its own; `fails("f", 1)` is the error of a call."""

    def __init__(self, data: bytes | str, limits: Limits | None = None, fuel: int | None = None) -> None:
        source = data.encode() if isinstance(data, str) else data
        self.program: Program = load_program(source, ALL, metered=fuel is not None)
        self.store = Store(limits, fuel)
        self.witness = PostMortem()
        self.store.witness = self.witness
        self.instance: Instance = instantiate(self.store, self.program, [])

    def fails(self, name: str, *arguments: Any) -> Trap | GuestException:
        func: Any = self.instance.exports[name]
        with pytest.raises((Trap, GuestException)) as caught:
            invoke(self.store, func, arguments)
        error = caught.value
        assert isinstance(error, Trap | GuestException)
        return error


def fixture(name: str) -> bytes:
    return (FIXTURES / f"{name}.wasm").read_bytes()
