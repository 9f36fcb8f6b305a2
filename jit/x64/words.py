"""Where an instance context has the addresses of its memories, tables and globals: the same for all instances of a
program."""

from __future__ import annotations

from jit.x64.layout import INSTANCE_WORDS
from refsfi.exec.code import Program

__all__ = ["InstanceWords"]


class InstanceWords:
    """Offsets in bytes. Behind the fixed words come those of memories, tables and globals, imports first in each."""

    __slots__ = ("_globals", "_memories", "_tables", "size")

    def __init__(self, program: Program) -> None:
        info = program.info
        self._memories = 8 * INSTANCE_WORDS
        self._tables = self._memories + 8 * len(info.mems)
        self._globals = self._tables + 8 * len(info.tables)
        self.size = self._globals + 8 * len(info.globals)

    def memory(self, index: int) -> int:
        return self._memories + 8 * index

    def table(self, index: int) -> int:
        return self._tables + 8 * index

    def globals(self, index: int) -> int:
        return self._globals + 8 * index
