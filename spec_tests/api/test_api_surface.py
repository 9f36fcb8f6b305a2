"""The public surface of the package: as `surface.txt` has it, and with everything of wasmtime-py for core modules.

After a change that is meant, `python -m spec_tests.api.test_api_surface` writes `surface.txt` anew.
"""

from __future__ import annotations

import enum
import importlib
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import refsfi
from spec_tests.api.same import NO_WASMTIME

SURFACE = Path(__file__).with_name("surface.txt")

# What the library's classes have of their own making: their foreign pointers.
_INSIDE = {"ptr"}
# Parameters that have another name, or more choices, here.
_OTHERWISE = {
    # Both forms that the library had: permissions by direction, and one switch.
    "WasiConfig.preopen_dir",
    # The kind is a number of its foreign interface there, a ValType here.
    "Val",
}


def public(cls: type) -> list[str]:
    """Names of members, the class's own and inherited ones."""
    return [name for name in dir(cls) if not name.startswith("_") and name not in dir(BaseException)]


def signature(thing: Any) -> str:
    try:
        found = inspect.signature(thing)
    except (TypeError, ValueError):
        return ""
    return str(found)


def member(cls: type, name: str) -> str:
    static = inspect.getattr_static(cls, name)
    if isinstance(static, property):
        how = "read" if static.fset is None else "write" if static.fget is None else "read, write"
        return f"{cls.__name__}.{name}: {how}"
    if isinstance(static, classmethod | staticmethod):
        return f"{cls.__name__}.{name}{signature(getattr(cls, name))} of the class"
    if callable(static):
        return f"{cls.__name__}.{name}{signature(static)}"
    return f"{cls.__name__}.{name}"


def surface() -> str:
    lines = []
    for name in sorted(refsfi.__all__):
        thing = getattr(refsfi, name)
        if not inspect.isclass(thing):
            lines.append(f"{name}{signature(thing)}" if callable(thing) else name)
        elif issubclass(thing, enum.Enum):
            lines += [f"{name}.{value.name} = {value.value!r}" for value in thing]
        else:
            lines.append(f"{name}{signature(thing)}")
            lines += [member(thing, own) for own in public(thing)]
    return "\n".join(lines) + "\n"


def test_surface_is_what_is_written_down() -> None:
    assert surface().splitlines() == SURFACE.read_text(encoding="utf-8").splitlines()


def test_every_public_object_says_what_it_is() -> None:
    for name in refsfi.__all__:
        thing = getattr(refsfi, name)
        if name.startswith("_") or not (inspect.isclass(thing) or inspect.isfunction(thing)):
            continue
        assert inspect.getdoc(thing), name


def test_names_are_found_and_others_are_not() -> None:
    assert set(refsfi.__all__) <= set(dir(refsfi))
    with pytest.raises(AttributeError, match="module 'refsfi' has no attribute 'Component'"):
        refsfi.Component  # noqa: B018
    names: dict[str, Any] = {}
    exec("from refsfi import *", names)
    assert names["Store"] is refsfi.Store


def test_import_is_lazy() -> None:
    """Importing the package loads nothing; using the API loads neither numpy nor asyncio, nor what compiles."""
    script = "import sys, refsfi; early = 'refsfi.api' in sys.modules; refsfi.Store(); "
    script += "heavy = ('numpy', 'asyncio', 'rich', 'peachpy', 'cffi', 'jit.tier'); "
    script += "print(early, [m for m in heavy if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False []"


# --- beside wasmtime-py


def theirs() -> Any:
    try:
        return importlib.import_module("wasmtime")
    except ImportError:
        pytest.skip(NO_WASMTIME)


def test_every_name_is_there() -> None:
    assert sorted(set(theirs().__all__) - set(refsfi.__all__)) == []


def test_every_member_is_there() -> None:
    wasmtime = theirs()
    missing = []
    for name in wasmtime.__all__:
        other = getattr(wasmtime, name)
        # Codes beyond those of core modules are about components.
        if not inspect.isclass(other) or name == "TrapCode":
            continue
        mine = getattr(refsfi, name)
        missing += [f"{name}.{own}" for own in public(other) if own not in _INSIDE and not hasattr(mine, own)]
    assert missing == []


def test_parameters_have_the_same_names_in_the_same_order() -> None:
    wasmtime = theirs()
    wrong = []
    for name in wasmtime.__all__:
        other, mine = getattr(wasmtime, name), getattr(refsfi, name)
        pairs = [] if inspect.isclass(other) else [(name, other, mine)]
        if inspect.isclass(other) and name != "TrapCode":
            pairs = [
                (f"{name}.{own}", inspect.getattr_static(other, own), inspect.getattr_static(mine, own))
                for own in public(other)
                if own not in _INSIDE
            ]
            # Those that embedders make themselves.
            if "__init__" in vars(other) and name not in ("Frame", "Caller", "StoreContext"):
                pairs.append((name, other, mine))
        for where, a, b in pairs:
            if where in _OTHERWISE:
                continue
            if isinstance(a, property):
                if not isinstance(b, property) or (a.fget is None) != (b.fget is None):
                    wrong.append(f"{where}: read or written otherwise")
            elif parameters(b)[: len(parameters(a))] != parameters(a):
                wrong.append(f"{where}: {parameters(a)} there, {parameters(b)} here")
    assert wrong == []


def parameters(thing: Any) -> list[tuple[str, Any]]:
    """Names and defaults."""
    if isinstance(thing, classmethod):
        thing = thing.__func__
    return [(p.name, None if p.default is p.empty else p.default) for p in inspect.signature(thing).parameters.values()]


if __name__ == "__main__":
    SURFACE.write_text(surface(), encoding="utf-8")
