"""The face for LLDB, packet by packet."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from refsfi.debug.gdbremote.packets import MOST, Framer, Garbled, Signal, frame
from spec_tests.debug.gdb_client import Client, served, session_of

_WAT = """
(module
  (memory (export "memory") 1)
  (global $count (mut i64) (i64.const 5))
  (func $store (param $at i32) (param $what i32)
    (i32.store (local.get $at) (local.get $what)))
  (func (export "main") (param $n i32) (result i32)
    (local $i i32)
    (loop $again
      (call $store (i32.mul (local.get $i) (i32.const 4)) (i32.mul (local.get $i) (local.get $i)))
      (global.set $count (i64.add (global.get $count) (i64.const 1)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (local.get $n))))
    (i32.load (i32.const 12)))
  (func (export "spin") (loop $for_ever (br $for_ever)))
  (func (export "out") (result i32) (i32.load (i32.const 65536))))
"""

_CODE = 1 << 62


@pytest.fixture
def client() -> Iterator[Client]:
    session, image = session_of(_WAT, "main", 6)
    with served(session, image) as port:
        found = Client(port)
        yield found
        found.send("k")
        found.close()


def _pc(reply: str) -> int:
    match = re.search(r"thread-pcs:([0-9a-f]+);", reply)
    assert match, reply
    return int(match[1], 16)


def _store_address(client: Client) -> int:
    """Where `$store` writes: the address of its i32.store, found in the image as the client reads it."""
    image = bytes.fromhex(client.ask(f"m{_CODE:x},400"))
    assert image.startswith(b"\0asm")
    # local.get 0, local.get 1, i32.store align=2 offset=0
    return _CODE + image.index(b"\x20\x00\x20\x01\x36\x02\x00") + 4


# --- framing ---------------------------------------------------------------------------------------------------------


def test_what_is_framed_is_read_back() -> None:
    payload = bytes(range(256))
    assert list(Framer().feed(frame(payload))) == [payload]


def test_packets_arrive_in_pieces() -> None:
    framer = Framer()
    items = [item for byte in b"+" + frame(b"a}b") + b"\x03" for item in framer.feed(bytes((byte,)))]
    assert items == [Signal.ACK, b"a}b", Signal.INTERRUPT]


def test_a_wrong_sum_is_told() -> None:
    assert list(Framer().feed(b"$abc#00")) == [Garbled.CHECKSUM]
    assert list(Framer().feed(b"$abc#zz")) == [Garbled.CHECKSUM]


def test_a_packet_without_end_takes_no_memory() -> None:
    framer = Framer()
    assert list(framer.feed(b"$" + b"x" * 5 * MOST)) == []
    assert len(framer._packet) <= MOST + 5
    assert list(framer.feed(b"#00" + frame(b"?"))) == [Garbled.LENGTH, b"?"]


# --- a session -------------------------------------------------------------------------------------------------------


def test_who_we_are(client: Client) -> None:
    features = client.ask("qSupported:xmlRegisters=i386").split(";")
    assert {"ReverseStep+", "ReverseContinue+", "qXfer:libraries:read+"} <= set(features)
    assert "wasm32" in bytes.fromhex(client.ask("qHostInfo").split(";")[0].removeprefix("triple:")).decode()
    assert client.ask("qXfer:libraries:read::0,fff") == (
        'l<library-list><library name="guest.wasm"><section address="0x4000000000000000"/></library></library-list>'
    )
    assert client.ask("qXfer:libraries:read::1,3") == "mlib"
    assert client.ask("qfThreadInfo") == "m1"
    assert client.ask("?").startswith("T05thread:1;")
    assert client.ask("qNobodyKnowsThis") == ""


def test_breakpoint_frames_and_values(client: Client) -> None:
    at = _store_address(client)
    assert client.ask(f"Z0,{at:x},1") == "OK"
    assert _pc(client.ask("c")) == at
    assert "reason:breakpoint;" in client.ask("c")
    stack = bytes.fromhex(client.ask("qWasmCallStack:1"))
    assert len(stack) == 16
    assert int.from_bytes(stack[:8], "little") == at == int.from_bytes(bytes.fromhex(client.ask("p0")), "little")
    assert client.ask("qWasmLocal:0;0") == "04000000"
    assert client.ask("qWasmLocal:1;1") == "01000000"
    assert client.ask("qWasmStackValue:0;1") == "01000000"
    assert client.ask("qWasmGlobal:0;0") == client.ask("qWasmGlobal:0;instance:0;") == (6).to_bytes(8, "little").hex()
    assert client.ask("m0,8") == "0" * 16
    assert client.ask(f"z0,{at:x},1") == "OK"
    assert client.ask("c") == "W00"


def test_memory_is_written_and_only_memory(client: Client) -> None:
    assert client.ask("M10000,1:ff").startswith("E")
    assert client.ask("Mfffe,2:abcd") == "OK"
    assert client.ask("mfffe,8") == "abcd"
    assert client.ask(f"M{_CODE:x},1:00").startswith("E")
    assert client.ask("m10000,1").startswith("E")
    assert client.ask("qMemoryRegionInfo:10") == "start:0;size:10000;permissions:rw;"
    assert client.ask("qMemoryRegionInfo:10000") == "start:10000;size:ffff0000;"


def test_watchpoints_both_ways(client: Client) -> None:
    assert client.ask("Z2,8,4") == "OK"
    forward = client.ask("c")
    assert "watch:8;" in forward
    assert "reason:watchpoint;" in forward
    assert client.ask("m8,4") == "04000000"
    back = client.ask("bc")
    assert "watch:8;" in back
    assert client.ask("m8,4") == "00000000"
    assert "replaylog:begin;" in client.ask("bc")


def test_steps_and_back(client: Client) -> None:
    places = [_pc(client.ask("?"))]
    for _ in range(20):
        places.append(_pc(client.ask("vCont;s:1")))
    assert len(set(places)) > 10
    back = [_pc(client.ask("bs")) for _ in range(20)]
    assert back == places[-2::-1]


def test_monitor_commands(client: Client) -> None:
    def monitor(text: str) -> str:
        return bytes.fromhex(client.ask(f"qRcmd,{text.encode().hex()}")).decode()

    assert "monitor last-write ADDRESS" in monitor("help")
    assert monitor("clock") == "0 instructions have been executed\n"
    assert "no command 'nonsense'" in monitor("nonsense")
    assert monitor("last-write").startswith("usage:")
    assert monitor("last-write here").startswith("usage:")
    monitor("stop-at-exit on")
    assert "reason:exception;" in client.ask("c")
    assert "i32.store" in monitor("last-write 8")
    assert client.ask("c") == "W00"


def test_a_trap_is_looked_at_before_the_end() -> None:
    session, image = session_of(_WAT, "out")
    with served(session, image) as port:
        client = Client(port)
        reply = client.ask("c")
        assert reply.startswith("T0b")
        assert "reason:exception;" in reply
        description = re.search(r"description:([0-9a-f]+);", reply)
        assert description
        assert "out of bounds memory access" in bytes.fromhex(description[1]).decode()
        assert client.ask("c") == "W86"
        client.send("k")
        client.close()


# --- clients that misbehave ------------------------------------------------------------------------------------------


def test_an_interrupt_stops_an_endless_loop() -> None:
    session, image = session_of(_WAT, "spin")
    with served(session, image) as port:
        client = Client(port)
        client.send("c")
        client.raw(b"+\x03")
        assert client.receive().startswith("T02")
        client.send("k")
        client.close()


def test_a_lost_connection_loses_nothing() -> None:
    session, image = session_of(_WAT, "main", 6)
    with served(session, image) as port:
        first = Client(port)
        at = _store_address(first)
        first.ask(f"Z0,{at:x},1")
        first.ask("c")
        first.close()
        second = Client(port)
        assert _pc(second.ask("?")) == at
        assert second.ask("qWasmLocal:0;0") == "00000000"
        second.send("k")
        second.close()


def test_a_connection_lost_while_the_guest_runs_stops_it() -> None:
    session, image = session_of(_WAT, "spin")
    with served(session, image) as port:
        first = Client(port)
        first.send("c")
        first.close()
        second = Client(port)
        assert second.ask("?").startswith("T02")
        second.send("k")
        second.close()


def test_nonsense_gets_errors(client: Client) -> None:
    assert client.ask("QEnableErrorStrings") == "OK"
    for payload in ("m", "mzz,1", "m1", "qWasmLocal:", "qWasmLocal:9;0", "qWasmLocal:-1;0", "qWasmStackValue:0;99"):
        assert client.ask(payload).startswith("E"), payload
    for payload in ("Z0,0,1", f"Z0,{_CODE:x},1", f"Z2,{_CODE:x},1", "Z2,0,0", "z0,1,1", "vCont;x", "qRcmd,zz", "P0=1"):
        assert client.ask(payload).startswith("E"), payload
    number, _, text = client.ask("qWasmLocal:0;99").partition(";")
    assert number == "E0e"
    assert "there is no number 99" in bytes.fromhex(text).decode()


def test_random_bytes_do_no_harm(client: Client) -> None:
    random_ = random.Random(7)
    for _ in range(300):
        payload = bytes(random_.randrange(256) for _ in range(random_.randrange(1, 12)))
        if payload[:1] in b"DkcCsSbv":
            continue
        client.raw(frame(payload))
        client.receive()
    # Not: the beginning of a packet, an interrupt, the wish to have the last answer again.
    client.raw(bytes(b for b in random_.randbytes(2000) if b not in b"$\x03-"))
    assert client.ask("qC") == "QC1"


# --- the command line ------------------------------------------------------------------------------------------------


def test_run_waits_for_a_debugger(tmp_path: Path) -> None:
    guest = tmp_path / "guest.wat"
    guest.write_text(_WAT)
    command = [sys.executable, "-m", "refsfi", "run", "-g", "0", "--invoke", "main", str(guest), "6"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        announced = process.stderr.readline()
        assert "process connect --plugin wasm connect://127.0.0.1:" in announced
        client = Client(int(announced.rpartition(":")[2]))
        assert client.ask(f"m{_CODE:x},4") == b"\0asm".hex()
        assert client.ask("c") == "W00"
        client.send("k")
        client.close()
        assert process.wait(20) == 0


@pytest.mark.parametrize("address", ["x", "1:x", "70000", "-1"])
def test_a_wrong_address_is_told(tmp_path: Path, address: str) -> None:
    guest = tmp_path / "guest.wat"
    guest.write_text(_WAT)
    command = [sys.executable, "-m", "refsfi", "run", f"-g={address}", "--invoke", "main", str(guest), "6"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith(f"refsfi run: -g {address}: [ADDR:]PORT expected")
