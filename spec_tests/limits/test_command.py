"""Limits as the command line keeps them: the exit code, the line on the standard error, and how soon."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest
from guests import ENDLESS_CALLS, Stopwatch, command, start, wait_for_line

# Seconds. A process on a busy machine needs some to begin and to end.
SOON = 1.0
PATIENCE = 60


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    path = tmp_path / "endless.wat"
    path.write_text(ENDLESS_CALLS)
    return path


def run(*arguments: str | Path, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command(*arguments), input=stdin, capture_output=True, timeout=PATIENCE, check=False)


@pytest.mark.parametrize("way", ["read", "sleep", "random", "loop", "fill"])
def test_time_is_over_inside_a_call_of_the_host(endless: Path, way: str) -> None:
    process = start("-W", "timeout=500ms", "--invoke", way, endless)
    assert wait_for_line(process) == b"ready\n"
    watch = Stopwatch()
    # Its standard input stays open: nothing ever comes.
    assert process.wait(PATIENCE) == 134
    assert watch.seconds < 0.5 + SOON
    _, err = process.communicate()
    assert err.splitlines()[-1] == b"wasm trap: interrupt"


@pytest.mark.parametrize("way", ["read", "sleep", "random", "loop", "fill", "flood"])
def test_interrupted_at_once(endless: Path, way: str) -> None:
    process = start("--invoke", way, endless)
    assert wait_for_line(process) == b"ready\n"
    watch = Stopwatch()
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE) == 130
    assert watch.seconds < SOON
    assert process.communicate()[1] == b""


def test_a_flood_that_nobody_reads(endless: Path) -> None:
    """The pipe is full at once, and the guest waits in its write."""
    process = start("-W", "timeout=500ms", "--invoke", "flood", endless)
    assert process.wait(PATIENCE) == 134
    out, err = process.communicate()
    assert out.startswith(b"ready\n")
    assert err.endswith(b"\nwasm trap: interrupt\n")


def test_a_flood_ends_with_its_fuel(endless: Path) -> None:
    done = run("-W", "fuel=20000", "--invoke", "flood", endless)
    assert done.returncode == 134
    assert done.stderr.endswith(b"\nwasm trap: all fuel consumed by WebAssembly\n")
    # Nine instructions a round, four of which cost nothing: it wrote for all of its fuel, and no more.
    assert 20000 // 10 < len(done.stdout.splitlines()) < 20000 // 5


GREEDY = """(module
  (memory 1)
  (table $t 1 funcref)
  (type $list (struct (field (ref null $list))))
  (func (export "keep") (local $x (ref null $list))
    (loop (local.set $x (struct.new $list (local.get $x))) (br 0)))
  (func $f (export "recurse") (call $f))
  (func (export "allocate") (loop (drop (memory.grow (i32.const 1))) (br 0)))
  (func (export "elements") (loop (drop (table.grow $t (ref.null func) (i32.const 1000))) (br 0))))"""


@pytest.mark.parametrize(
    ("way", "settings", "said"),
    [
        ("recurse", "max-wasm-stack=64K", "call stack exhausted"),
        ("recurse", "timeout=1m", "call stack exhausted"),
        ("allocate", "max-memory-size=1M,trap-on-grow-failure", "forcing trap when growing memory by 1 pages"),
        (
            "elements",
            "max-table-elements=5000,trap-on-grow-failure=y",
            "forcing trap when growing table by 1000 elements",
        ),
        ("keep", "max-gc-heap-size=1M", "allocation size too large"),
        ("allocate", "max-memory-size=1M,fuel=10000", "all fuel consumed by WebAssembly"),
        ("recurse", "fuel=0", "all fuel consumed by WebAssembly"),
        ("recurse", "timeout=0", "interrupt"),
    ],
)
def test_a_limit_ends_with_its_trap(tmp_path: Path, way: str, settings: str, said: str) -> None:
    path = tmp_path / "greedy.wat"
    path.write_text(GREEDY)
    done = run("-W", settings, "--invoke", way, path)
    assert done.returncode == 134
    assert done.stderr.decode().splitlines()[-1] == f"wasm trap: {said}"
    assert done.stdout == b""


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("max-memory-size=65535", "memory minimum size of 1 pages exceeds the limit of 65535 bytes"),
        ("max-table-elements=0", "table minimum size of 1 elements exceeds the limit of 0"),
        ("max-instances=0", "instances: 1 are asked for, -W max-instances allows 0"),
        ("max-memories=0", "memories: 1 are asked for, -W max-memories allows 0"),
        ("max-tables=0", "tables: 1 are asked for, -W max-tables allows 0"),
    ],
)
def test_a_module_that_begins_above_a_limit_is_refused(tmp_path: Path, settings: str, said: str) -> None:
    path = tmp_path / "greedy.wat"
    path.write_text(GREEDY)
    done = run("-W", settings, "--invoke", "recurse", path)
    assert (done.returncode, done.stderr.decode()) == (1, f"error: {path}: {said}\n")


@pytest.mark.parametrize(("code", "status"), [(0, 0), (1, 1), (3, 3), (134, 134), (255, 255), (256, 1), (-1, 255)])
def test_the_guest_says_how_it_ended(endless: Path, code: int, status: int) -> None:
    done = run("--invoke", "exit", endless, str(code))
    assert (done.returncode, done.stderr) == (status, b"")
