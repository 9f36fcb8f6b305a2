"""The debugger's terminal face: commands with gdb's names, read a line at a time. Colours are not its own."""

from __future__ import annotations

from refsfi.debug.terminal.console import Console
from refsfi.debug.terminal.interpreter import Interpreter

__all__ = ["Console", "Interpreter"]
