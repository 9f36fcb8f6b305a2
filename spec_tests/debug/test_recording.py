"""Recordings: written in one tier, replayed in any, with no host; damaged ones are refused."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import zlib
from pathlib import Path
from random import Random

import pytest

from refsfi.cli.main import main
from refsfi.debug.history import HistoryOptions
from refsfi.debug.model import DebugError, Reason
from refsfi.debug.recording.format import MAGIC, Cut, Kind, RecordingError, pieces
from refsfi.debug.recording.read import Recording
from refsfi.debug.recording.replay import Replay
from refsfi.debug.session import Session
from refsfi.errors import Trap, TrapCode, WasmError

GUEST = """(module
 (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
 (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
 (import "wasi_snapshot_preview1" "clock_time_get" (func $time (param i32 i64 i32) (result i32)))
 (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
 (memory (export "memory") 1) (global $sum (mut i64) (i64.const 0))
 (data (i32.const 8) "\\64\\00\\00\\00\\06\\00\\00\\00") (data (i32.const 100) "hello\\n")
 (func (export "_start") (local $i i32)
  (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 0)))
  (drop (call $random (i32.const 200) (i32.const 64)))
  (drop (call $time (i32.const 1) (i64.const 1) (i32.const 304)))
  (loop $again
   (global.set $sum (i64.add (i64.mul (global.get $sum) (i64.const 31))
     (i64.load8_u (i32.add (i32.const 200) (i32.and (local.get $i) (i32.const 127))))))
   (local.set $i (i32.add (local.get $i) (i32.const 1)))
   (br_if $again (i32.lt_u (local.get $i) (i32.const 5000))))
  (i64.store (i32.const 400) (global.get $sum))
  (drop (memory.grow (i32.const 1)))
  (call $exit (i32.const 7))))"""


def run(*arguments: str) -> tuple[int, str]:
    """The exit code, and the standard error."""
    err = io.StringIO()
    with contextlib.redirect_stderr(err):
        code = main(list(arguments))
    return code, err.getvalue()


@pytest.fixture
def guest(tmp_path: Path) -> Path:
    path = tmp_path / "guest.wat"
    path.write_text(GUEST)
    return path


@pytest.fixture
def log(guest: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> bytes:
    path = tmp_path / "log"
    assert run("run", "-R", f"path={path}", str(guest))[0] == 7
    capfd.readouterr()
    return path.read_bytes()


@pytest.mark.parametrize("recorded", ["off", "force"])
@pytest.mark.parametrize("replayed", ["off", "on", "force"])
def test_a_run_comes_again_in_any_tier(
    guest: Path, tmp_path: Path, recorded: str, replayed: str, capfd: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log"
    assert run("run", f"--jit={recorded}", "-R", f"path={log}", str(guest))[0] == 7
    guest.unlink()
    assert capfd.readouterr().out == "hello\n"
    assert run("replay", f"--jit={replayed}", str(log)) == (7, "")
    assert capfd.readouterr().out == "hello\n"


def test_a_replay_touches_nothing(log: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def touched(*_: object) -> None:
        raise AssertionError("the host was asked")

    monkeypatch.setattr(os, "urandom", touched)
    names = []
    replay = Replay(Recording.read(log), None, lambda call, inst: names.append(call.name.split("::")[1]))
    outcome = replay.run()
    assert replay.differences(outcome) == []
    assert names == ["fd_write", "random_get", "clock_time_get", "proc_exit"]


def test_the_debugger_goes_through_a_recording(log: bytes) -> None:
    recording = Recording.read(log)
    session = Session(recording.target(recording.programs()), HistoryOptions(interval=500), recording.journal())
    stop = session.run()
    assert (stop.reason, stop.code) == (Reason.EXIT, 7)
    write = session.last_write(210)
    assert write is not None
    assert write.host == "wasi_snapshot_preview1::random_get"
    session.run(back=True)
    assert session.clock == 0
    assert session.read_memory(200, 64) == bytes(64)
    assert session.goto(1 << 60).code == 7


def test_another_end_is_noticed(log: bytes) -> None:
    recording = Recording.read(log)
    call = recording.entries[1]
    number, address, data = call.effects.writes[0]  # type: ignore[union-attr]
    call.effects.writes[0] = (number, address, bytes(64))  # type: ignore[union-attr]
    assert data != bytes(64)
    replay = Replay(recording, None, lambda *_: None)
    (difference,) = replay.differences(replay.run())
    assert difference.startswith("state: ")


def test_an_interrupted_run_stops_at_the_same_instruction(tmp_path: Path) -> None:
    guest = tmp_path / "spin.wat"
    guest.write_text(
        '(module (global $n (mut i64) (i64.const 0)) (func (export "_start") (loop $l '
        "(global.set $n (i64.add (global.get $n) (i64.const 1))) (br $l))))"
    )
    for tier in ("off", "on"):
        log = tmp_path / "log"
        assert run("run", f"--jit={tier}", "-W", "timeout=200ms", "-R", f"path={log}", str(guest))[0] == 134
        recording = Recording.read(log.read_bytes())
        assert recording.interrupted
        replay = Replay(recording, None, lambda *_: None)
        outcome = replay.run()
        assert isinstance(outcome, Trap)
        assert outcome.code is TrapCode.INTERRUPT
        assert replay.differences(outcome) == []
        assert replay.instances[0].globals[0].value > 1000


def test_traps_preloads_and_imports_of_all_kinds(tmp_path: Path) -> None:
    library = tmp_path / "library.wat"
    library.write_text(
        '(module (import "spectest" "print_i32" (func $p (param i32))) (export "p" (func $p))'
        '(memory (export "m") 1) (global (export "g") (mut i32) (i32.const 4)) (table (export "t") 2 funcref)'
        '(func (export "f") (param i32) (i32.store (i32.const 0) (local.get 0))))'
    )
    guest = tmp_path / "guest.wat"
    guest.write_text(
        '(module (import "lib" "m" (memory 1)) (import "lib" "g" (global $g (mut i32)))'
        '(import "lib" "t" (table 1 funcref))'
        '(import "lib" "f" (func $f (param i32))) (import "lib" "p" (func $p (param i32)))'
        '(import "spectest" "global_i32" (global $s i32)) (import "spectest" "memory" (memory $sm 1))'
        '(func (export "main") (param i32) (result i32) (call $f (local.get 0)) (call $p (global.get $s))'
        "(global.set $g (i32.div_s (i32.load (i32.const 0)) (i32.sub (local.get 0) (i32.const 3)))) (global.get $g)))"
    )
    options = ["--preload", "spectest", "--preload", f"lib={library}", "--invoke", "main", str(guest)]
    for argument, code in (("9", 0), ("3", 134)):
        log = tmp_path / "log"
        assert run("run", "-R", f"path={log}", *options, argument)[0] == code
        replay = Replay(Recording.read(log.read_bytes()), None, lambda *_: None)
        outcome = replay.run()
        assert replay.differences(outcome) == []
        assert outcome == [1] if code == 0 else isinstance(outcome, Trap)


def test_a_recording_that_was_cut_short_is_good_up_to_there(log: bytes) -> None:
    ends: list[int] = []
    refused: list[str] = []
    for length in range(len(MAGIC) + 2, len(log)):
        try:
            recording = Recording.read(log[:length])
        except RecordingError as error:
            refused.append(str(error))
            continue
        assert recording.cut
        ends.append(len(recording.entries))
        if len(ends) % 40 == 0:
            session = Session(recording.target(recording.programs()), None, recording.journal())
            stop = session.run()
            whole = len(recording.entries) == 4 or not recording._actions[1:]
            assert stop.reason is (Reason.EXIT if whole else Reason.HISTORY_END)
    assert sorted(set(ends)) == [0, 1, 2, 3, 4]
    assert set(refused) == {"the recording ends before it says what it is of"}


def test_a_damaged_recording_is_refused_or_runs_to_an_end(log: bytes) -> None:
    random = Random(5)
    refused = 0
    for _ in range(300):
        data = bytearray(log)
        for _ in range(random.choice((1, 1, 3))):
            data[random.randrange(len(data))] = random.randrange(256)
        with contextlib.suppress(RecordingError):
            if bytes(data) != log:
                Recording.read(bytes(data))
                continue
        refused += 1
    assert refused > 250


def test_a_forged_recording_is_refused(log: bytes) -> None:
    """With checksums that are right, every piece may say anything."""
    random = Random(6)
    head = len(MAGIC) + 2
    pieces = []
    at = head
    while at < len(log):
        kind, length, _ = struct.unpack_from("<BII", log, at)
        pieces.append((kind, log[at + 9 : at + 9 + length]))
        at += 9 + length
    for _ in range(300):
        changed = [*pieces]
        index = random.randrange(len(changed))
        kind, payload = changed[index]
        data = bytearray(payload)
        for _ in range(random.choice((1, 2, 5))):
            if data:
                data[random.randrange(len(data))] = random.randrange(256)
        if random.random() < 0.2:
            del changed[index]
        elif random.random() < 0.2:
            changed.insert(random.randrange(len(changed)), (random.choice(list(Kind)), bytes(data)))
        else:
            changed[index] = (kind, bytes(data))
        forged = log[:head] + b"".join(struct.pack("<BII", k, len(p), zlib.crc32(p)) + p for k, p in changed)
        with contextlib.suppress(WasmError, DebugError):
            recording = Recording.read(forged)
            recording.fuel = min(recording.fuel or 0, 200_000)
            replay = Replay(recording, None, lambda *_: None)
            replay.differences(replay.run())


@pytest.mark.parametrize("data", [b"", b"\0asm\1\0\0\0", MAGIC, MAGIC + b"\x09\0", MAGIC + b"\1\0"])
def test_what_is_no_recording_is_one_clear_error(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(data)
    code, err = run("replay", str(path))
    assert code == 1
    assert err.count("\n") == 1
    assert str(path) in err


def test_wrong_usage(tmp_path: Path, guest: Path) -> None:
    assert run("replay")[0] == 2
    assert run("run", "-R", "pth=x", str(guest))[0] == 2
    assert run("run", "-R", "path=", str(guest))[0] == 2
    code, err = run("run", "-R", f"path={tmp_path}/none/log", str(guest))
    assert code == 1
    assert "cannot be written" in err


def test_a_run_that_was_broken_off_has_an_exit_code_of_its_own(log: bytes, tmp_path: Path) -> None:
    path = tmp_path / "cut"
    path.write_bytes(log[:-1])
    assert Recording.read(path.read_bytes()).cut
    # Only the end is missing, so all of the guest's run is there.
    assert run("replay", str(path))[0] == 7
    names = [kind for kind, _ in pieces(log, Cut())]
    last = len(names) - 1 - names[::-1].index(Kind.CALL)
    whole = [struct.pack("<BII", kind, len(p), zlib.crc32(p)) + p for kind, p in pieces(log, Cut())]
    path.write_bytes(log[: len(MAGIC) + 2] + b"".join(whole[:last]))
    code, err = run("replay", str(path))
    assert code == 125
    assert err == f"{path}: the recording ends here: the run was broken off\n"
