"""Test scripts in JSON, as wabt's `wast2json` and `wasm-tools json-from-wast` write them, modules in files beside.

The two differ: names with or without `$`; definitions as `module` with `definition` or as `module_definition`,
instances as `instance` or `module_instance`; alternatives beside `expected` or as a value of type `either`. Both are
read. Of a module that is there as text and as binary the text is taken.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from refsfi.script.ast import (
    Action,
    AssertAction,
    AssertKind,
    AssertModule,
    AssertReturn,
    Command,
    Either,
    FileModule,
    Get,
    HostLiteral,
    Invoke,
    Literal,
    ModuleCommand,
    ModuleInstance,
    NanPattern,
    NullLiteral,
    NullPattern,
    NumLiteral,
    NumPattern,
    Pattern,
    Perform,
    RefPattern,
    Register,
    Script,
    Thread,
    VecPattern,
    Wait,
)
from refsfi.script.patterns import SHAPES
from refsfi.syntax.types import F32, F64, I32, I64, SHORTHANDS, V128, AbsHeap, NumType

__all__ = ["JsonScriptError", "parse_json"]


class JsonScriptError(ValueError):
    """The file is no JSON script. The message says where it departs from the format."""


_Object = Mapping[str, Any]

_NUMBERS: dict[str, tuple[NumType, int]] = {"i32": (I32, 32), "i64": (I64, 64), "f32": (F32, 32), "f64": (F64, 64)}

# The shape of a vector by the type of its lanes.
_SHAPE_OF = {"i8": "i8x16", "i16": "i16x8", "i32": "i32x4", "i64": "i64x2", "f32": "f32x4", "f64": "f64x2"}

# Threads may hold threads; a script that nests deeper is no script.
_MAX_DEPTH = 64


def parse_json(text: str, path: str, directory: str) -> Script:
    """A script from the text of a JSON file. JsonScriptError."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise JsonScriptError(f"not JSON: {error}") from None
    except RecursionError:
        raise JsonScriptError("lists and objects nest deeper than in any script") from None
    if not isinstance(document, dict) or not isinstance(document.get("commands"), list):
        raise JsonScriptError("no script: a list `commands` is missing")
    origin = document.get("source_filename")
    return Script(path, directory, _commands(document["commands"], 0), origin if isinstance(origin, str) else None)


def _commands(items: list[Any], depth: int) -> tuple[Command, ...]:
    if depth > _MAX_DEPTH:
        raise JsonScriptError(f"threads nest deeper than {_MAX_DEPTH}")
    return tuple(_command(item, depth) for item in items)


def _command(item: Any, depth: int) -> Command:
    if not isinstance(item, dict):
        raise JsonScriptError("a command is no object")
    kind = _text(item, "type")
    line = item.get("line", 0)
    if not isinstance(line, int):
        raise JsonScriptError(f"`line` of a {kind} is no number")
    try:
        if kind == "thread":
            shared = _name(item, "shared_module")
            commands = _commands(_list(item, "commands"), depth + 1)
            return Thread(line, _name(item, "name"), () if shared is None else (shared,), commands)
        read = _COMMANDS.get(kind)
        if read is None:
            raise JsonScriptError(f"unknown command `{kind}`")
        return read(item, line)
    except JsonScriptError as error:
        raise JsonScriptError(str(error) if str(error).startswith("line ") else f"line {line}: {error}") from None


# --- commands --------------------------------------------------------------------------------------------------------


def _module(item: _Object, line: int) -> Command:
    definition = item["type"] == "module_definition" or bool(item.get("definition"))
    return ModuleCommand(line, _name(item, "name"), _source(item), definition)


def _instance(item: _Object, line: int) -> Command:
    module = _name(item, "module" if item["type"] == "module_instance" else "definition")
    return ModuleInstance(line, _name(item, "instance"), module)


def _register(item: _Object, line: int) -> Command:
    return Register(line, _text(item, "as"), _name(item, "name"))


def _perform(item: _Object, line: int) -> Command:
    return Perform(line, _action(item))


def _wait(item: _Object, line: int) -> Command:
    return Wait(line, _name(item, "thread"))


def _assert_return(item: _Object, line: int) -> Command:
    if "either" in item:
        expected: tuple[Pattern, ...] = (Either(tuple(_pattern(value) for value in _list(item, "either"))),)
    else:
        expected = tuple(_pattern(value) for value in _list(item, "expected"))
    return AssertReturn(line, _action(item), expected)


def _assert_action(item: _Object, line: int) -> Command:
    return AssertAction(line, AssertKind(item["type"]), _action(item), str(item.get("text", "")))


def _assert_module(item: _Object, line: int) -> Command:
    return AssertModule(line, AssertKind(item["type"]), _source(item), str(item.get("text", "")))


_COMMANDS: dict[str, Callable[[_Object, int], Command]] = {
    "module": _module,
    "module_definition": _module,
    "module_instance": _instance,
    "instance": _instance,
    "register": _register,
    "action": _perform,
    "wait": _wait,
    "assert_return": _assert_return,
    "assert_trap": _assert_action,
    "assert_exhaustion": _assert_action,
    "assert_exception": _assert_action,
    "assert_malformed": _assert_module,
    "assert_malformed_custom": _assert_module,
    "assert_invalid": _assert_module,
    "assert_invalid_custom": _assert_module,
    "assert_unlinkable": _assert_module,
    "assert_uninstantiable": _assert_module,
}


def _source(item: _Object) -> FileModule:
    path = _text(item, "filename")
    if "\0" in path:
        raise JsonScriptError("`filename` contains a NUL")
    kind = item.get("module_type", "text" if path.endswith((".wat", ".wast")) else "binary")
    if kind not in ("binary", "text"):
        raise JsonScriptError(f"unknown module type `{kind}`")
    return FileModule(path, kind == "binary")


def _action(item: _Object) -> Action:
    action = item.get("action")
    if not isinstance(action, dict):
        raise JsonScriptError("`action` is missing")
    kind = _text(action, "type")
    if kind == "invoke":
        args = tuple(_literal(value) for value in _list(action, "args"))
        return Invoke(_name(action, "module"), _text(action, "field"), args)
    if kind == "get":
        return Get(_name(action, "module"), _text(action, "field"))
    raise JsonScriptError(f"unknown action `{kind}`")


# --- values ----------------------------------------------------------------------------------------------------------


def _literal(value: Any) -> Literal:
    if not isinstance(value, dict):
        raise JsonScriptError("an argument is no object")
    type = _text(value, "type")
    if type in _NUMBERS:
        num, width = _NUMBERS[type]
        return NumLiteral(num, _int(value.get("value"), width))
    if type == "v128":
        shape, lanes = _lanes(value)
        width = SHAPES[shape][1]
        return NumLiteral(V128, b"".join(_int(lane, width).to_bytes(width // 8, "little") for lane in lanes))
    heap = _heap(type)
    number = value.get("value", "null")
    if number == "null":
        return NullLiteral(heap)
    if heap in (AbsHeap.ANY, AbsHeap.EXTERN):
        return HostLiteral(heap, _int(number, 32))
    raise JsonScriptError(f"no argument of type `{type}` can have the value {number}")


def _pattern(value: Any) -> Pattern:
    if not isinstance(value, dict):
        raise JsonScriptError("an expected result is no object")
    type = _text(value, "type")
    if type in _NUMBERS:
        num, width = _NUMBERS[type]
        return NumPattern(num, _lane(value.get("value"), width))
    if type == "v128":
        shape, lanes = _lanes(value)
        return VecPattern(shape, tuple(_lane(lane, SHAPES[shape][1]) for lane in lanes))
    if type == "either":
        # Alternatives are values: neither tool nests them.
        options = _list(value, "values")
        if not options or any(isinstance(o, dict) and o.get("type") == "either" for o in options):
            raise JsonScriptError("`either` takes values")
        return Either(tuple(_pattern(option) for option in options))
    if type == "refnull":
        return NullPattern()
    heap = _heap(type)
    number = value.get("value")
    if number == "null" or heap in _BOTTOMS:
        return NullPattern(heap)
    if number is None or heap not in (AbsHeap.ANY, AbsHeap.EXTERN):
        return RefPattern(heap)
    return RefPattern(heap, _int(number, 32))


_BOTTOMS = (AbsHeap.NONE, AbsHeap.NOFUNC, AbsHeap.NOEXTERN, AbsHeap.NOEXN)


def _heap(type: str) -> AbsHeap:
    ref = SHORTHANDS.get(type)
    if ref is None or not isinstance(ref.heap, AbsHeap):
        raise JsonScriptError(f"unknown type `{type}`")
    return ref.heap


def _lanes(value: _Object) -> tuple[str, list[Any]]:
    shape = _SHAPE_OF.get(_text(value, "lane_type"))
    if shape is None:
        raise JsonScriptError(f"unknown lane type `{value['lane_type']}`")
    lanes = _list(value, "value")
    if len(lanes) * SHAPES[shape][1] != 128:
        raise JsonScriptError(f"{len(lanes)} lanes of a {shape}")
    return shape, lanes


def _lane(text: Any, width: int) -> int | NanPattern:
    return NanPattern(text) if text in ("nan:canonical", "nan:arithmetic") else _int(text, width)


def _int(text: Any, width: int) -> int:
    """A decimal number, signed or not, as an unsigned int of `width` bits."""
    try:
        # The length is bounded first: Python's conversion is quadratic.
        number = int(text) if isinstance(text, str) and len(text) <= 40 else None
    except ValueError:
        number = None
    if number is None or not -(1 << (width - 1)) <= number < 1 << width:
        raise JsonScriptError(f"no {width}-bit number: {text!r}")
    return number & ((1 << width) - 1)


# --- fields ----------------------------------------------------------------------------------------------------------


def _text(item: _Object, key: str) -> str:
    value = item.get(key)
    if not isinstance(value, str):
        raise JsonScriptError(f"`{key}` is missing or no string")
    return value


def _name(item: _Object, key: str) -> str | None:
    return None if item.get(key) is None else _text(item, key)


def _list(item: _Object, key: str) -> list[Any]:
    value = item.get(key)
    if not isinstance(value, list):
        raise JsonScriptError(f"`{key}` is missing or no list")
    return value
