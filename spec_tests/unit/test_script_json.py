"""Scripts in JSON, in the dialects of wabt's wast2json and of wasm-tools."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from refsfi.script.ast import (
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
    ModuleCommand,
    ModuleInstance,
    NanPattern,
    NullLiteral,
    NullPattern,
    NumLiteral,
    NumPattern,
    Perform,
    RefPattern,
    Register,
    Thread,
    VecPattern,
    Wait,
)
from refsfi.script.json import JsonScriptError, parse_json
from refsfi.script.session import Options, run_file
from refsfi.syntax.types import F32, F64, I32, I64, V128, AbsHeap

INVOKE = {"type": "invoke", "field": "f", "args": []}


def command(**fields: Any) -> Command:
    (only,) = parse_json(json.dumps({"commands": [fields]}), "test.json", ".").commands
    return only


def expected(*values: dict[str, Any]) -> tuple[object, ...]:
    parsed = command(type="assert_return", line=1, action=INVOKE, expected=list(values))
    assert isinstance(parsed, AssertReturn)
    return parsed.expected


def argument(**value: Any) -> object:
    parsed = command(type="action", line=1, action={"type": "invoke", "field": "f", "args": [value]})
    assert isinstance(parsed, Perform)
    assert isinstance(parsed.action, Invoke)
    return parsed.action.args[0]


class TestCommands:
    def test_modules(self) -> None:
        binary = FileModule("a.0.wasm", True)
        assert command(type="module", line=3, filename="a.0.wasm") == ModuleCommand(3, None, binary)
        assert command(type="module", line=3, name="$m", filename="a.0.wasm") == ModuleCommand(3, "$m", binary)
        assert command(
            type="module", line=3, filename="a.1.wat", module_type="text", binary_filename="a.1.wasm"
        ) == ModuleCommand(3, None, FileModule("a.1.wat", False))

    def test_definitions_and_instances_of_wabt(self) -> None:
        definition = command(type="module", definition="true", line=1, name="$M", filename="a.wasm")
        assert definition == ModuleCommand(1, "$M", FileModule("a.wasm", True), True)
        assert command(type="instance", line=2, instance="$I", definition="$M") == ModuleInstance(2, "$I", "$M")

    def test_definitions_and_instances_of_wasm_tools(self) -> None:
        definition = command(type="module_definition", line=1, name="M", filename="a.wasm", module_type="binary")
        assert definition == ModuleCommand(1, "M", FileModule("a.wasm", True), True)
        assert command(type="module_instance", line=2, instance="I", module="M") == ModuleInstance(2, "I", "M")

    def test_the_others(self) -> None:
        assert command(type="register", line=1, name="M", **{"as": "N"}) == Register(1, "N", "M")
        assert command(type="action", line=1, action={**INVOKE, "module": "M"}) == Perform(1, Invoke("M", "f", ()))
        assert command(type="assert_return", line=1, action={"type": "get", "field": "g"}, expected=[]) == AssertReturn(
            1, Get(None, "g"), ()
        )
        assert command(type="assert_trap", line=1, action=INVOKE, text="t", expected=[]) == AssertAction(
            1, AssertKind.TRAP, Invoke(None, "f", ()), "t"
        )
        assert command(type="assert_exception", line=1, action=INVOKE) == AssertAction(
            1, AssertKind.EXCEPTION, Invoke(None, "f", ()), ""
        )
        for kind in ("malformed", "invalid", "unlinkable", "uninstantiable"):
            assert command(
                type=f"assert_{kind}", line=1, filename="x.wat", text="t", module_type="text"
            ) == AssertModule(1, AssertKind(f"assert_{kind}"), FileModule("x.wat", False), "t")

    def test_threads(self) -> None:
        assert command(
            type="thread", line=1, name="T", shared_module="M", commands=[{"type": "wait", "line": 2, "thread": "U"}]
        ) == Thread(1, "T", ("M",), (Wait(2, "U"),))


class TestValues:
    def test_numbers_signed_or_not(self) -> None:
        assert (
            argument(type="i32", value="-1") == argument(type="i32", value="4294967295") == NumLiteral(I32, 2**32 - 1)
        )
        assert argument(type="i64", value="-2") == NumLiteral(I64, 2**64 - 2)
        assert argument(type="f32", value="1069547520") == NumLiteral(F32, 0x3FC00000)
        assert argument(type="f64", value="9218868437227405313") == NumLiteral(F64, 0x7FF0000000000001)

    @pytest.mark.parametrize(
        ("lane_type", "lanes"),
        [("i8", 16), ("i16", 8), ("i32", 4), ("i64", 2), ("f32", 4), ("f64", 2)],
    )
    def test_vectors(self, lane_type: str, lanes: int) -> None:
        width = 16 // lanes
        value = [str(lane) for lane in range(lanes)]
        literal = NumLiteral(V128, b"".join(lane.to_bytes(width, "little") for lane in range(lanes)))
        assert argument(type="v128", lane_type=lane_type, value=value) == literal
        (pattern,) = expected({"type": "v128", "lane_type": lane_type, "value": value})
        assert isinstance(pattern, VecPattern)
        assert pattern.lanes == tuple(range(lanes))

    def test_nans(self) -> None:
        assert expected(
            {"type": "f32", "value": "nan:canonical"},
            {"type": "f64", "value": "nan:arithmetic"},
            {"type": "v128", "lane_type": "f64", "value": ["nan:canonical", "0"]},
        ) == (
            NumPattern(F32, NanPattern.CANONICAL),
            NumPattern(F64, NanPattern.ARITHMETIC),
            VecPattern("f64x2", (NanPattern.CANONICAL, 0)),
        )

    def test_references_as_arguments(self) -> None:
        assert argument(type="externref", value="null") == NullLiteral(AbsHeap.EXTERN)
        assert argument(type="nullref") == NullLiteral(AbsHeap.NONE)
        assert argument(type="externref", value="3") == HostLiteral(AbsHeap.EXTERN, 3)
        assert argument(type="anyref", value="3") == HostLiteral(AbsHeap.ANY, 3)

    def test_references_as_results(self) -> None:
        assert expected(
            {"type": "funcref"},
            {"type": "funcref", "value": "0"},
            {"type": "structref"},
            {"type": "externref", "value": "3"},
            {"type": "anyref", "value": "3"},
            {"type": "externref", "value": "null"},
            {"type": "nullfuncref"},
            {"type": "refnull"},
        ) == (
            RefPattern(AbsHeap.FUNC),
            RefPattern(AbsHeap.FUNC),
            RefPattern(AbsHeap.STRUCT),
            RefPattern(AbsHeap.EXTERN, 3),
            RefPattern(AbsHeap.ANY, 3),
            NullPattern(AbsHeap.EXTERN),
            NullPattern(AbsHeap.NOFUNC),
            NullPattern(),
        )

    def test_alternatives_of_both_tools(self) -> None:
        values = [{"type": "i32", "value": "1"}, {"type": "i32", "value": "2"}]
        pattern = (Either((NumPattern(I32, 1), NumPattern(I32, 2))),)
        assert expected({"type": "either", "values": values}) == pattern
        assert command(type="assert_return", line=1, action=INVOKE, either=values) == AssertReturn(
            1, Invoke(None, "f", ()), pattern
        )


class TestErrors:
    @pytest.mark.parametrize(
        "text",
        ["", "{", "[]", "{}", '{"commands": 3}', '{"commands": [3]}', '{"commands": [{}]}', "[" * 100_000],
    )
    def test_no_script(self, text: str) -> None:
        with pytest.raises(JsonScriptError):
            parse_json(text, "test.json", ".")

    @pytest.mark.parametrize(
        "fields",
        [
            {"type": "frobnicate"},
            {"type": "module"},
            {"type": "module", "filename": "x", "module_type": "jpeg"},
            {"type": "action"},
            {"type": "action", "action": {"type": "call"}},
            {"type": "action", "action": {"type": "invoke", "field": "f"}},
            {"type": "assert_return", "action": INVOKE},
            {"type": "assert_return", "action": INVOKE, "expected": [{"type": "i33", "value": "0"}]},
            {"type": "assert_return", "action": INVOKE, "expected": [{"type": "i32", "value": 0}]},
            {"type": "assert_return", "action": INVOKE, "expected": [{"type": "i32", "value": "4294967296"}]},
            {"type": "assert_return", "action": INVOKE, "expected": [{"type": "i32", "value": "9" * 100_000}]},
            {
                "type": "assert_return",
                "action": INVOKE,
                "expected": [{"type": "v128", "lane_type": "i32", "value": ["0"]}],
            },
            {"type": "assert_return", "action": INVOKE, "expected": [{"type": "either", "values": []}]},
        ],
    )
    def test_the_line_is_told(self, fields: dict[str, Any]) -> None:
        with pytest.raises(JsonScriptError, match=r"^line 7: "):
            command(line=7, **fields)

    def test_nesting_is_bounded(self) -> None:
        thread: dict[str, Any] = {"type": "wait", "line": 1}
        for _ in range(300):
            thread = {"type": "thread", "line": 1, "commands": [thread]}
        with pytest.raises(JsonScriptError, match="deeper"):
            command(**thread)


def test_a_script_runs_with_its_modules_beside_it(tmp_path: Path) -> None:
    (tmp_path / "m.wat").write_text('(module (func (export "f") (result i32) (i32.const 7)))')
    (tmp_path / "bad.wat").write_text("(module (func (result i32)))")
    script = {
        "source_filename": "s.wast",
        "commands": [
            {"type": "module", "line": 1, "filename": "m.wat", "module_type": "text"},
            {"type": "assert_return", "line": 2, "action": INVOKE, "expected": [{"type": "i32", "value": "7"}]},
            {"type": "assert_return", "line": 3, "action": INVOKE, "expected": [{"type": "i32", "value": "8"}]},
            {
                "type": "assert_invalid",
                "line": 4,
                "filename": "bad.wat",
                "module_type": "text",
                "text": "type mismatch",
            },
            {"type": "assert_invalid", "line": 5, "filename": "gone.wat", "module_type": "text", "text": ""},
        ],
    }
    (tmp_path / "s.json").write_text(json.dumps(script))
    result = run_file(str(tmp_path / "s.json"), Options())
    assert (result.passed, result.failed) == (2, 2)
    assert [record.line for record in result.records] == [3, 5]
    assert "No such file" in result.records[1].got
    assert result.records[1].traceback == ""


def test_features_are_those_of_the_place_it_was_converted_from(tmp_path: Path) -> None:
    for landmark in ("i32.wast", "names.wast"):
        (tmp_path / landmark).write_text("")
    # Of all features on elsewhere, the core tests have no shared memories.
    (tmp_path / "m.wat").write_text("(module (memory 1 1 shared))")
    commands = [{"type": "module", "line": 1, "filename": str(tmp_path / "m.wat")}]
    converted = tmp_path / "elsewhere" / "s.json"
    converted.parent.mkdir()
    for origin, failed in (("i32.wast", 1), ("proposals/threads/x.wast", 0)):
        converted.write_text(json.dumps({"source_filename": str(tmp_path / origin), "commands": commands}))
        (tmp_path / "s.json").write_text("")
        assert run_file(str(converted), Options()).failed == failed


def test_deep_nesting_is_one_clear_line() -> None:
    with pytest.raises(JsonScriptError, match="nest deeper"):
        parse_json('{"commands":' + "[" * 200_000, "x.json", ".")
