"""The face for editors, request by request."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from refsfi.debug.dap.protocol import MOST, Framer, Garbled, frame
from spec_tests.debug.dap_client import Client, adapter, connected, served

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
  (func (export "spin") (loop $for_ever (br $for_ever)))
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
    with adapter() as found:
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
