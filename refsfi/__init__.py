"""A WebAssembly sandbox: a reference interpreter that defines the semantics, and a tracing JIT.

The embedder's API is that of `refsfi.api`; its names are imported when they are first used, so that `import refsfi`
costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from refsfi.api import *  # noqa: F403
else:

    def __getattr__(name: str) -> object:
        if name == "__all__":
            return [*_exported(), "__version__"]
        if name.startswith("_") or name not in _exported():
            raise AttributeError(f"module 'refsfi' has no attribute '{name}'")
        from importlib import import_module

        value: object = getattr(import_module("refsfi.api"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*(name for name in globals() if name.startswith("__")), *_exported()})


def _exported() -> list[str]:
    """The public names of the API."""
    from importlib import import_module

    return list(getattr(import_module("refsfi.api"), "__all__", ()))
