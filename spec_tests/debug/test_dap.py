"""The face for editors, request by request."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from refsfi.debug.dap.protocol import MOST, Framer, Garbled, frame
from spec_tests.debug.dap_client import Client, adapter, connected, served, served_here

_WAT = """(module
  (memory (export "memory") 1)
  (table 2 funcref)
  (global $count (mut i64) (i64.const 5))
  (func $store (param $at i32) (param $what i32)
    local.get $at
    local.get $what
    i32.store)
  (func (export "main") (param $n i32) (result i32)
    (local $i i32)
    (loop $again
      (call $store (i32.mul (local.get $i) (i32.const 4)) (i32.mul (local.get $i) (local.get $i)))
      (global.set $count (i64.add (global.get $count) (i64.const 1)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (local.get $n))))
    (i32.load (i32.const 12)))
  (func (export "spin") (loop $for_ever
    (br $for_ever)))
  (func (export "out") (result i32) (i32.load (i32.const 65536)))
)
"""
_STORE_LINE = 8
_CALL_LINE = 12
_FAULTS = Path(__file__).parent / "fixtures" / "faults.wasm"


@pytest.fixture
def guest(tmp_path: Path) -> Path:
    path = tmp_path / "guest.wat"
    path.write_text(_WAT)
    return path


@pytest.fixture
def client() -> Iterator[Client]:
    with served_here() as found:
        yield found


def _launch(client: Client, guest: Path, *args: str, invoke: str = "main", **more: object) -> None:
    client.launch(guest, invoke=invoke, args=list(args), **more)


def _break(client: Client, path: Path, *lines: int) -> list[dict[str, object]]:
    breakpoints = [{"line": line} for line in lines]
    answers: list[dict[str, object]] = client.ask(
        "setBreakpoints", source={"path": str(path)}, breakpoints=breakpoints
    )["breakpoints"]
    return answers


# --- the wire --------------------------------------------------------------------------------------------------------


def test_what_is_framed_is_read_back() -> None:
    message = {"seq": 1, "text": "é\n\ud800{}"}
    assert list(Framer().feed(frame(message))) == [message]


def test_messages_arrive_in_pieces() -> None:
    framer = Framer()
    data = frame({"seq": 1}) + b"Content-Type: x\r\n" + frame({"seq": 2})
    assert [item for byte in data for item in framer.feed(bytes((byte,)))] == [{"seq": 1}, {"seq": 2}]


@pytest.mark.parametrize(
    "garbage",
    [
        b"hello\r\n\r\n",
        b"\0" * 10_000,
        b"Content-Length: x\r\n\r\n",
        b"Content-Length: -5\r\n\r\n",
        b"Content-Length: 5\r\n\r\n{]{]{",
        b"Content-Length: 2\r\n\r\n[]",
        b'Content-Length: 9\r\n\r\n{"a":NaN}',
        b"Content-Length: 4\r\n\r\n\xff\xff\xff\xff",
        b"Content-Length: 100000\r\n\r\n" + b"[" * 100_000,
        b"Content-Length: 4" + b" " * 10_000,
        b"Content-Length: %d\r\n\r\n" % (MOST + 1) + b" " * (MOST + 1),
    ],
    ids=lambda garbage: repr(garbage[:24]),
)
def test_after_garbage_messages_are_understood_again(garbage: bytes) -> None:
    items = list(Framer().feed(garbage + frame({"seq": 1})))
    assert items[-1] == {"seq": 1}
    assert items[:-1]
    assert all(isinstance(item, Garbled) for item in items[:-1])


# --- a session -------------------------------------------------------------------------------------------------------


def test_breakpoint_stack_and_variables(client: Client, guest: Path) -> None:
    _launch(client, guest, "6")
    (answer,) = _break(client, guest, _STORE_LINE)
    assert answer["verified"]
    assert answer["line"] == _STORE_LINE
    stop = client.go()
    assert stop["reason"] == "breakpoint"
    assert stop["hitBreakpointIds"] == [answer["id"]]
    client.move("continue")
    trace = client.ask("stackTrace", threadId=1)
    assert trace["totalFrames"] == 2
    assert [(f["name"], f["line"], f["source"]["path"]) for f in trace["stackFrames"]] == [
        ("$store", _STORE_LINE, str(guest)),
        ("1", _CALL_LINE, str(guest)),
    ]
    assert client.ask("stackTrace", threadId=1, startFrame=1, levels=1)["stackFrames"][0]["line"] == _CALL_LINE
    locals_ = client.scope("Locals")
    assert (locals_["$at"]["value"], locals_["$what"]["type"]) == ("4", "i32")
    assert client.scope("Operands")["%1"]["value"] == "1"
    assert client.scope("Globals")["@count"]["value"] == "6"
    assert client.scope("Memories")["memory 0"]["value"] == "0x10000 bytes"
    assert "loop" in client.scope("Labels", trace["stackFrames"][1])["0 $again"]["value"]
    assert client.value("$at + 1") == "5"
    assert client.value("$i", frameId=trace["stackFrames"][1]["id"]) == "1"
    _break(client, guest)
    client.ask("continue", threadId=1)
    assert client.event("exited")["exitCode"] == 0
    client.event("terminated")
    assert client.output("stdout") == "9\n"


def test_steps_and_back(client: Client, guest: Path) -> None:
    _launch(client, guest, "3", stopOnEntry=True)
    assert client.go()["reason"] == "entry"
    lines = [client.top()["line"]]
    for _ in range(6):
        assert client.move("next")["reason"] == "step"
        lines.append(client.top()["line"])
    assert lines == [11, 12, 13, 14, 15, 11, 12]
    back = []
    for _ in range(6):
        client.move("stepBack")
        back.append(client.top()["line"])
    assert back == lines[-2::-1]
    client.move("stepIn")
    client.move("stepIn")
    assert client.top()["name"] == "$store"
    at = client.top()["instructionPointerReference"]
    client.move("stepIn", granularity="instruction")
    assert client.top()["instructionPointerReference"] != at
    client.move("stepOut")
    assert client.top()["name"] == "1"
    assert client.move("reverseContinue")["description"] == "the beginning of the run"
    assert client.value("clock", context="repl") == "0 instructions have been executed"


def test_data_breakpoints_both_ways(client: Client, guest: Path) -> None:
    _launch(client, guest, "6", stopOnEntry=True)
    client.go()
    info = client.ask("dataBreakpointInfo", name="i32[8]")
    assert info["accessTypes"] == ["read", "write", "readWrite"]
    assert client.ask("setDataBreakpoints", breakpoints=[{"dataId": info["dataId"], "accessType": "write"}])[
        "breakpoints"
    ][0]["verified"]
    stop = client.move("continue")
    assert stop["reason"] == "data breakpoint"
    assert "0x0 -> 0x4" in stop["text"]
    assert client.value("i32[8]") == "4"
    assert "i32.store" in client.value("last-write 8", context="repl")
    assert client.move("reverseContinue")["reason"] == "data breakpoint"
    assert client.value("i32[8]") == "0"
    assert client.ask("dataBreakpointInfo", name="$i")["dataId"] is None


def test_a_trap_is_explained(client: Client, guest: Path) -> None:
    _launch(client, guest, invoke="out")
    stop = client.go()
    assert stop["reason"] == "exception"
    assert "out of bounds memory access" in stop["text"]
    info = client.ask("exceptionInfo", threadId=1)
    assert info["exceptionId"] == "memory-out-of-bounds"
    assert "i32.load" in info["details"]["stackTrace"]
    client.move("stepBack", granularity="instruction")
    client.ask("continue", threadId=1)
    assert client.event("stopped")["reason"] == "exception"
    client.ask("continue", threadId=1)
    assert client.event("exited")["exitCode"] == 134
    assert "out of bounds memory access" in client.output("stderr")


def test_source_lines_of_debug_information(client: Client) -> None:
    client.launch(_FAULTS, invoke="walk_out", args=["17"])
    (answer,) = _break(client, Path("/somewhere/else/faults.c"), 45)
    assert (answer["verified"], answer["line"]) == (True, 45)
    client.go()
    frame = client.top()
    assert (frame["name"], frame["line"], frame["source"]["path"]) == ("walk", 45, "/somewhere/else/faults.c")
    variables = client.scope("Variables")
    assert variables["count"]["value"] == "2"
    assert variables["first"]["type"] == "node *"
    assert client.value("count", context="hover") == "2"
    assert {"/somewhere/else/faults.c"} == {s["path"] for s in client.ask("loadedSources")["sources"]}
    assert client.ask("modules")["modules"][0]["symbolStatus"] == "debug information"


def test_a_variable_of_the_source_is_watched(client: Client) -> None:
    client.launch(_FAULTS, invoke="walk_out", args=["17"])
    _break(client, Path("/src/faults.c"), 45)
    client.go()
    frame = client.top()
    variables = client.ask("scopes", frameId=frame["id"])["scopes"][0]["variablesReference"]
    info = client.ask("dataBreakpointInfo", variablesReference=variables, name="sum")
    _break(client, Path("/src/faults.c"))
    client.ask("setDataBreakpoints", breakpoints=[{"dataId": info["dataId"], "accessType": "write"}])
    before = client.value("sum")
    assert client.move("continue")["reason"] == "data breakpoint"
    assert client.value("sum") != before


def test_memory_is_read_and_written(client: Client, guest: Path) -> None:
    _launch(client, guest, "6", stopOnEntry=True)
    client.go()
    reference = client.scope("Memories")["memory 0"]["memoryReference"]
    data = base64.b64encode(b"\x07\x08").decode()
    assert client.ask("writeMemory", memoryReference=reference, offset=0xFFFE, data=data)["bytesWritten"] == 2
    assert client.event("memory") == {"memoryReference": reference, "offset": 0xFFFE, "count": 2}
    read = client.ask("readMemory", memoryReference=reference, offset=0xFFFE, count=8)
    assert (base64.b64decode(read["data"]), read["unreadableBytes"], read["address"]) == (b"\x07\x08", 6, "0xfffe")
    assert "1 exist" in client.refused("writeMemory", memoryReference=reference, offset=0xFFFF, data=data)
    assert "not base64" in client.refused("writeMemory", memoryReference=reference, data="!")


def test_a_lost_client_loses_nothing(guest: Path) -> None:
    with served("--invoke", "main", str(guest), "6") as (port, process):
        with connected(port) as first:
            first.initialize()
            first.ask("attach")
            _break(first, guest, _STORE_LINE)
            first.go()
            first.move("continue")
        with connected(port) as second:
            second.initialize()
            second.ask("attach")
            second.go()
            assert second.top()["name"] == "$store"
            second.ask("disconnect", terminateDebuggee=True)
        assert process.wait(30) == 0


# --- breakpoints of every kind ---------------------------------------------------------------------------------------


def test_conditions_hit_counts_and_log_points(client: Client, guest: Path) -> None:
    _launch(client, guest, "6")
    source = {"path": str(guest)}
    line = {"line": _STORE_LINE}
    answers = client.ask(
        "setBreakpoints",
        source=source,
        breakpoints=[
            {**line, "condition": "$at == 12"},
            {**line, "hitCondition": "== 5"},
            {**line, "logMessage": "store {$what} at {$at} \\{raw\\} {$none}"},
            {**line, "condition": "$at =="},
            {**line, "hitCondition": "often"},
            {"line": 999},
        ],
    )["breakpoints"]
    assert [a["verified"] for a in answers] == [True, True, True, False, False, False]
    assert "a number expected" in answers[4]["message"]
    assert client.go()["hitBreakpointIds"] == [answers[0]["id"]]
    assert client.value("$what") == "9"
    assert client.move("continue")["hitBreakpointIds"] == [answers[1]["id"]]
    assert client.value("$what") == "16"
    logged = client.output("console")
    assert "store 9 at 12 {raw} <there is no local named none>\n" in logged
    assert client.move("reverseContinue")["hitBreakpointIds"]
    assert client.output("console") == logged


def test_function_instruction_and_exception_breakpoints(client: Client, guest: Path) -> None:
    _launch(client, guest, "6", stopOnEntry=True)
    answers = client.ask("setFunctionBreakpoints", breakpoints=[{"name": "store"}, {"name": "nobody"}])["breakpoints"]
    assert [a["verified"] for a in answers] == [True, False]
    client.go()
    assert client.move("continue")["reason"] == "function breakpoint"
    frame = client.top()
    client.ask("setFunctionBreakpoints", breakpoints=[])
    reference = frame["instructionPointerReference"]
    answers = client.ask(
        "setInstructionBreakpoints",
        breakpoints=[{"instructionReference": reference, "offset": 2}, {"instructionReference": "0x10"}],
    )["breakpoints"]
    assert [a["verified"] for a in answers] == [True, False]
    assert client.move("continue")["reason"] == "instruction breakpoint"
    answers = client.ask("setExceptionBreakpoints", filters=["trap", "none"])["breakpoints"]
    assert [a["verified"] for a in answers] == [True, False]


def test_thrown_exceptions(client: Client, tmp_path: Path) -> None:
    guest = tmp_path / "throws.wat"
    guest.write_text("""(module (tag $e (param i32))
  (func (export "main") (block $b (result i32) (try_table (catch $e $b) (throw $e (i32.const 7))) (i32.const 0)) drop
    (throw $e (i32.const 8))))""")
    _launch(client, guest)
    client.ask("setExceptionBreakpoints", filters=["thrown", "uncaught"])
    assert client.go()["reason"] == "exception"
    assert client.value("%0") == "7"
    client.move("continue")
    assert client.value("%0") == "8"
    assert client.move("continue")["description"] == "uncaught exception"
    assert client.ask("exceptionInfo", threadId=1)["breakMode"] == "unhandled"


def test_listings_of_what_has_no_source(client: Client, tmp_path: Path, guest: Path) -> None:
    from refsfi.binary.encode import encode
    from refsfi.syntax.features import ALL
    from refsfi.text.parser import parse_module

    binary = tmp_path / "guest.wasm"
    binary.write_bytes(encode(parse_module(_WAT, ALL)))
    _launch(client, binary, "3", stopOnEntry=True)
    sources = client.ask("loadedSources")["sources"]
    (store,) = [s for s in sources if s["name"] == "$store.wat"]
    text = client.ask("source", source=store, sourceReference=store["sourceReference"])["content"].splitlines()
    assert text[0].startswith("(func $store ;; function 0, at 0x")
    line = next(i for i, words in enumerate(text, 1) if "i32.store" in words)
    lines = client.ask("breakpointLocations", source=store, line=1, endLine=100)["breakpoints"]
    assert [row["line"] for row in lines] == list(range(2, len(text) + 1))
    answer = client.ask("setBreakpoints", source=store, breakpoints=[{"line": line}])["breakpoints"][0]
    assert (answer["verified"], answer["line"]) == (True, line)
    client.go()
    client.move("continue")
    frame = client.top()
    assert (frame["name"], frame["line"], frame["source"]["sourceReference"]) == (
        "$store",
        line,
        store["sourceReference"],
    )
    reference = frame["instructionPointerReference"]
    rows = client.ask("disassemble", memoryReference=reference, instructionOffset=-4, instructionCount=8)[
        "instructions"
    ]
    assert [row["instruction"] for row in rows[:6]] == [
        "(no code)",
        "(no code)",
        "local.get $at",
        "local.get $what",
        "i32.store",
        "end",
    ]
    assert rows[4]["address"] == reference
    assert rows[4]["instructionBytes"] == "36 02 00"
    assert len({row["address"] for row in rows}) == 8
    client.move("stepIn", granularity="line")
    assert client.top()["line"] == line + 1


# --- values ----------------------------------------------------------------------------------------------------------


def test_values_are_set(client: Client, guest: Path) -> None:
    _launch(client, guest, "6")
    _break(client, guest, _STORE_LINE)
    client.go()
    assert "i32.mul" in client.value("origin $at", context="repl")
    scopes = {s["name"]: s for s in client.ask("scopes", frameId=client.top()["id"])["scopes"]}
    locals_ = scopes["Locals"]["variablesReference"]
    set_ = client.ask("setVariable", variablesReference=locals_, name="$what", value="-1")
    assert (set_["value"], set_["type"]) == ("-1", "i32")
    assert client.ask("setExpression", expression="i32[100]", value="$at + 41")["value"] == "41"
    assert client.value("u8[100]", format={"hex": True}) == "0x29"
    assert client.ask(
        "setVariable", variablesReference=scopes["Globals"]["variablesReference"], name="@count", value="7"
    )
    tables = client.ask("variables", variablesReference=scopes["Tables"]["variablesReference"])["variables"]
    assert (tables[0]["indexedVariables"], tables[0]["value"]) == (2, "2 elements")
    elements = tables[0]["variablesReference"]
    paged = client.ask("variables", variablesReference=elements, filter="indexed", start=1, count=1)["variables"]
    assert [(v["name"], v["value"]) for v in paged] == [("[1]", "null")]
    for value in ("1 +", "nobody", "4294967296", "1.5", ""):
        assert client.refused("setVariable", variablesReference=locals_, name="$what", value=value)
    assert "no variable" in client.refused("setVariable", variablesReference=locals_, name="$x", value="1")
    assert "cannot be set" in client.refused("setExpression", expression="$clock", value="1")
    targets = client.ask("completions", text="$", column=2)["targets"]
    assert {t["label"] for t in targets} == {"$at", "$what"}
    assert "last-write" in {t["label"] for t in client.ask("completions", text="la", column=3)["targets"]}
    # Numbers are good until the guest moves.
    client.move("next")
    assert "refers to nothing" in client.refused("variables", variablesReference=locals_)


# --- while the guest runs --------------------------------------------------------------------------------------------


def test_an_endless_loop_is_paused_and_looked_after(client: Client, guest: Path) -> None:
    _launch(client, guest, invoke="spin")
    client.ask("configurationDone")
    assert client.ask("threads")["threads"] == [{"id": 1, "name": "main"}]
    assert client.refused("stackTrace", threadId=1) == "notStopped"
    client.ask("pause", threadId=1)
    assert client.event("stopped")["reason"] == "pause"
    assert client.top()["name"] == "2"
    client.ask("continue", threadId=1)
    # Set in the middle of the run, which goes on.
    assert _break(client, guest, 18)[0]["verified"]
    assert client.event("stopped")["reason"] == "breakpoint"


def test_a_step_that_does_not_end_is_paused(client: Client, guest: Path) -> None:
    _launch(client, guest, invoke="spin", stopOnEntry=True)
    client.go()
    client.ask("stepOut", threadId=1)
    client.send("pause", threadId=1)
    assert client.event("stopped")["reason"] == "pause"
    client.ask("terminate")
    client.event("terminated")


def test_waiting_requests_are_cancelled(client: Client, guest: Path) -> None:
    _launch(client, guest, invoke="spin", stopOnEntry=True)
    client.go()
    client.ask("stepOut", threadId=1)
    waiting = client.send("threads")
    client.send("cancel", requestId=waiting)
    assert client.response(waiting)["message"] == "cancelled"
    client.event("stopped")


def test_restart_keeps_breakpoints(client: Client, guest: Path) -> None:
    _launch(client, guest, "6")
    (answer,) = _break(client, guest, _STORE_LINE)
    client.go()
    guest.write_text(_WAT.replace("(memory", "\n(memory", 1))
    client.ask("restart")
    stop = client.event("stopped")
    assert (stop["reason"], stop["hitBreakpointIds"]) == ("breakpoint", [answer["id"]])
    assert client.value("clock", context="repl") != "0 instructions have been executed"


def test_going_back_to_a_line(client: Client, guest: Path) -> None:
    _launch(client, guest, "6")
    _break(client, guest, 16)
    client.go()
    (target,) = client.ask("gotoTargets", source={"path": str(guest)}, line=_STORE_LINE)["targets"]
    client.move("goto", targetId=target["id"])
    assert (client.top()["line"], client.value("$what")) == (_STORE_LINE, "25")


def test_output_of_the_guest_is_no_part_of_the_protocol(tmp_path: Path) -> None:
    with adapter() as client:
        _output(client, tmp_path)


def _output(client: Client, tmp_path: Path) -> None:
    guest = tmp_path / "hello.wat"
    guest.write_text("""(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "spectest" "print_i32" (func $print (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\0d\\00\\00\\00") (data (i32.const 16) "h\\c3\\a9llo, all!\\0a")
  (func (export "_start")
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
    (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))
    (call $print (i32.const 42))))""")
    client.launch(guest, preloads=["spectest"], stopOnExit=True, env={"A": "b"}, args=["x"])
    stop = client.go()
    assert (stop["reason"], stop["description"]) == ("exit", "the guest has ended")
    assert client.output("stderr") == "héllo, all!\n"
    assert client.output("stdout") == "héllo, all!\n42 : i32\n"
    assert "fd_write" in client.value("calls", context="repl")
    client.move("reverseContinue")
    client.move("continue")
    # What has been said is not said again.
    assert client.output("stderr") == "héllo, all!\n"
    client.ask("continue", threadId=1)
    assert client.event("exited")["exitCode"] == 0


# --- clients that misbehave ------------------------------------------------------------------------------------------


def test_requests_out_of_order(client: Client, guest: Path) -> None:
    assert "initialize is the first" in client.refused("launch", program=str(guest))
    client.initialize()
    assert "already" in client.refused("initialize", adapterID="x")
    assert "launch or attach comes first" in client.refused("setBreakpoints", source={"path": "x"})
    assert "nothing to attach to" in client.refused("attach")
    assert "program" in client.refused("launch")
    assert "cannot be read" in client.refused("launch", program="/no/such/file.wasm")
    assert "text" in client.refused("launch", program=5)
    assert "no exported function" in client.refused("launch", program=str(guest), invoke="nobody")
    assert "not enough arguments" in client.refused("launch", program=str(guest), invoke="main")
    assert "nope" in client.refused("launch", program=str(guest), wasm=["nope=1"])
    client.ask("launch", program=str(guest), invoke="main", args=["6"], stopOnEntry=True, arg=["7"])
    assert "no attribute 'arg'" in client.output("stderr")
    assert "already" in client.refused("launch", program=str(guest))
    assert "configurationDone" in client.refused("next", threadId=1)
    client.go()
    assert "already" in client.refused("configurationDone")
    assert "no request" in client.refused("makeCoffee")
    for command, arguments in {
        "next": {"threadId": 9},
        "stepIn": {"threadId": 1, "granularity": "mile"},
        "scopes": {"frameId": 99},
        "variables": {"variablesReference": "1"},
        "evaluate": {},
        "readMemory": {"memoryReference": "9:9:0", "count": 1},
        "disassemble": {"memoryReference": "code", "instructionCount": 1},
        "source": {"sourceReference": 10**9},
        "setBreakpoints": {"source": {"path": str(guest)}, "breakpoints": [1]},
        "exceptionInfo": {"threadId": 1},
        "goto": {"threadId": 1, "targetId": 1},
        "stackTrace": {"threadId": 1, "startFrame": -1},
    }.items():
        assert client.refused(command, **arguments), command
    assert client.value("$n") == "6"


def test_garbage_costs_nothing(client: Client, guest: Path) -> None:
    _launch(client, guest, "6", stopOnEntry=True)
    client.go()
    client.raw(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    client.raw(b"Content-Length: 3\r\n\r\n{{{")
    assert "not JSON" in client.event("output")["output"] or "not JSON" in client.event("output")["output"]
    for text in (b"{}", b'{"type":"request"}', b'{"type":"request","seq":"x","command":[],"arguments":7}'):
        client.raw(b"Content-Length: %d\r\n\r\n%b" % (len(text), text))
        while (message := client.next())["type"] != "response":
            pass
        assert not message["success"]
    assert client.value("$n") == "6"


def test_a_browser_is_no_client(guest: Path) -> None:
    launch = b'{"seq":1,"type":"request","command":"initialize","arguments":{}}'
    body = b"Content-Length: %d\r\n\r\n%b" % (len(launch), launch)
    with served() as (port, _), connected(port) as client:
        client.raw(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        assert client.next()["event"] == "output"
        assert client.closed()


def test_steps_from_where_a_guest_has_trapped_end_it(client: Client, guest: Path) -> None:
    _launch(client, guest, invoke="out")
    client.go()
    client.ask("next", threadId=1)
    assert client.event("exited")["exitCode"] == 134
    client.event("terminated")
    assert "has ended" in client.refused("continue", threadId=1)


def test_a_guest_that_runs_is_restarted_and_ended(client: Client, guest: Path) -> None:
    _launch(client, guest, invoke="spin")
    client.ask("configurationDone")
    for _ in range(3):
        client.ask("restart")
    client.ask("terminate")
    client.event("terminated")
    assert client.refused("pause", threadId=2)


def test_a_client_lost_while_the_guest_runs(guest: Path) -> None:
    with served("--invoke", "spin", str(guest)) as (port, process):
        with connected(port) as first:
            first.initialize()
            first.ask("attach")
            first.go()
            first.ask("continue", threadId=1)
        with connected(port) as second:
            second.initialize()
            second.ask("attach")
            assert second.go()["reason"] == "pause"
            second.ask("disconnect", terminateDebuggee=True)
        assert process.wait(30) == 0


def test_a_guest_that_is_left_goes_on_alone(guest: Path) -> None:
    with served("--invoke", "out", str(guest)) as (port, process):
        with connected(port) as client:
            client.initialize()
            client.ask("attach")
            client.go()
            client.ask("disconnect")
        assert process.wait(30) == 134
