"""What a script needs of something that executes modules. The runner knows only this protocol.

Front ends (text, binary) and validation errors are common to all engines; an engine begins where a `Module` is
validated and made executable. So the interpreter, a JIT and both in lockstep run the same scripts and are judged by the
same code.

Compiled modules, instances and external values are opaque to the runner: it hands back what it was given. Values are
not: they have the representation of `runtime/values`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from refsfi.runtime.values import Value
from refsfi.syntax.features import Features
from refsfi.syntax.module import Module
from refsfi.syntax.types import ExternKind, FuncType, GlobalType

__all__ = ["Compiled", "Engine", "Extern", "Instance"]

Compiled: TypeAlias = Any
Instance: TypeAlias = Any
Extern: TypeAlias = Any


class Engine(Protocol):
    """An engine with a store of its own, for one script and one thread of it."""

    def compile(self, module: Module, features: Features) -> Compiled:
        """Validate a module. ValidationError, or LimitError where it is legal but too large."""
        ...

    def instantiate(self, compiled: Compiled, imports: Sequence[Extern]) -> Instance:
        """Instantiate with one external value per import, in order. LinkError, Trap, Exhaustion, GuestException,
        LimitError.
        """
        ...

    def exports(self, instance: Instance) -> Mapping[str, Extern]:
        """The exports of an instance by name."""
        ...

    def kind(self, extern: Extern) -> ExternKind:
        """Function, table, memory, global or tag."""
        ...

    def func_type(self, func: Extern) -> FuncType:
        """The closed type of a function."""
        ...

    def call(self, func: Extern, args: Sequence[Value]) -> list[Value]:
        """Call a function with arguments of its types. Trap, Exhaustion, GuestException."""
        ...

    def global_type(self, extern: Extern) -> GlobalType:
        """The closed type of a global."""
        ...

    def read_global(self, extern: Extern) -> Value:
        """The present value of a global."""
        ...

    def spectest(self, output: Callable[[str], None]) -> Mapping[str, Extern]:
        """The exports of a new host module `spectest`, which prints through `output`, one line a call."""
        ...

    def spawn(self) -> Engine:
        """An engine for another thread, with a store of its own, which can import what this one's instances export."""
        ...
