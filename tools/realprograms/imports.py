"""Which entry of a task's imports stands for an import, and what the simple kinds of host functions do.

Kinds: `const` returns `value`; `nop` returns zeros; `trap` must not be called; `py` is one of `hosts`; `capture`
appends memory to an output (`fd`, `ptr` and `len` are numbers or `{"arg": I}`); `log` appends its arguments as a line;
`memory`, `table` and `global` are made by the host, once for each `id`; `export` is another module's export.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tools.realprograms.hosts import HOST_FUNCTIONS
from tools.realprograms.list import Linked
from tools.realprograms.tasks import Guest, GuestAbort

__all__ = ["WASI_MODULES", "call_host", "rule_for"]

WASI_MODULES = ("wasi_snapshot_preview1", "wasi_unstable")


def rule_for(linked: Linked, module: str, name: str) -> Mapping[str, Any] | None:
    """The entry whose pattern fits best: the whole name, else the longest beginning. None where there is none."""
    full = f"{module}.{name}"
    if full in linked.imports:
        return linked.imports[full]
    fitting = [p for p in linked.imports if p.endswith("*") and full.startswith(p[:-1])]
    return linked.imports[max(fitting, key=len)] if fitting else None


def call_host(guest: Guest, module: str, name: str, rule: Mapping[str, Any], args: Sequence[Any]) -> Any:
    """What the host function of an entry does. `args` are signed numbers and host objects; the result None for
    none, or for zero."""
    match rule["kind"]:
        case "const":
            return rule["value"]
        case "nop":
            return None
        case "py":
            return HOST_FUNCTIONS[rule["name"]](guest, module, *args)
        case "capture":
            fd, address, length = (_argument(rule[key], args) for key in ("fd", "ptr", "len"))
            guest.output.setdefault(fd, bytearray()).extend(guest.read(module, address, length))
            return None
        case "log":
            guest.output[rule["fd"]] += (",".join(map(str, args)) + "\n").encode()
            return None
    raise GuestAbort(f"the guest called {module}'s import {name} with {tuple(args)}")


def _argument(source: Any, args: Sequence[Any]) -> int:
    return (args[source["arg"]] if isinstance(source, Mapping) else int(source)) & 0xFFFFFFFF
