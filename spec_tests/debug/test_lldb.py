"""The face for LLDB, driven by LLDB itself where there is one that knows WebAssembly: version 22 or later."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

from refsfi.debug.session import Session
from refsfi.debug.target import Image, Target
from refsfi.exec.load import load_program
from refsfi.syntax.features import ALL
from spec_tests.debug.gdb_client import served

_GUEST = Path(__file__).parent / "fixtures" / "faults.wasm"


@cache
def _lldb() -> str | None:
    """An LLDB whose gdb-remote client comes in a form for WebAssembly."""
    for name in ("lldb", *(f"lldb-{version}" for version in range(40, 21, -1))):
        path = shutil.which(name)
        if path is not None:
            listed = subprocess.run([path, "--batch", "-o", "plugin list process"], capture_output=True, text=True)
            if "wasm" in listed.stdout:
                return path
    return None


def _run(function: str, argument: int, *commands: str, crashed: Sequence[str] = ()) -> str:
    """What LLDB prints for these commands, given to it in front of a call of the function, and for those that it is
    given once that has crashed."""
    path = _lldb()
    if path is None:
        pytest.skip("no LLDB that knows WebAssembly: Debian's lldb-22")
    data = _GUEST.read_bytes()
    program = load_program(data, ALL, "faults.wasm")
    session = Session(Target.of(program, {}, [(function, [argument])]))
    with served(session, Image("faults.wasm", program, data)) as port:
        commands = (f"process connect --plugin wasm connect://127.0.0.1:{port}", *commands, "kill")
        arguments = [path, "--batch", "--no-lldbinit"]
        arguments += [item for command in commands for item in ("-o", command)]
        # A crash ends the list of commands, and this one begins.
        arguments += [item for command in (*crashed, "kill") for item in ("-k", command)]
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=120)
    return done.stdout + done.stderr


def _after(output: str, command: str) -> str:
    """What a command printed."""
    return output.split(f"(lldb) {command}\n", 1)[1].split("(lldb) ", 1)[0]


def test_breakpoint_backtrace_and_variables() -> None:
    output = _run(
        "grow", 5, "breakpoint set --name scale", "continue", "bt", "frame variable", "up", "frame variable sum"
    )
    assert "stop reason = breakpoint 1.1" in _after(output, "continue")
    trace = _after(output, "bt")
    assert "faults.wasm`scale(value=0, by=5) at faults.c:" in trace
    assert "faults.wasm`grow(count=5) at faults.c:" in trace
    variables = _after(output, "frame variable")
    assert "(int) value = 0" in variables
    assert "(int) by = 5" in variables
    assert "(int) sum = 7" in _after(output, "frame variable sum")


def test_watchpoint_and_reverse_continue() -> None:
    output = _run(
        "grow",
        5,
        "breakpoint set --name grow",
        "continue",
        "breakpoint delete 1",
        "watchpoint set variable sum",
        "continue",
        "process continue -R",
        "frame variable sum",
        "process continue -F",
        "continue",
    )
    assert "old value: " in output
    assert "new value: 7" in output
    assert "stop reason = watchpoint 1" in _after(output, "process continue -R")


def test_a_trap_shows_where_and_why() -> None:
    output = _run("grow", 3, "continue", crashed=["bt"])
    stopped = _after(output, "continue")
    assert "integer divide by zero" in stopped
    assert "faults.wasm`scale(value=0, by=3) at faults.c:31:17" in stopped
    assert "faults.wasm`grow(count=3)" in _after(output, "bt")


def test_memory_and_steps() -> None:
    output = _run(
        "grow",
        5,
        "breakpoint set --name scale",
        "continue",
        "next",
        "frame variable result",
        "stepi",
        "target variable total",
    )
    assert "stop reason = step over" in _after(output, "next")
    assert "(int) result = 0" in _after(output, "frame variable result")
    assert "stop reason = instruction step into" in _after(output, "stepi")
    assert "total = 7" in _after(output, "target variable total")


def test_the_session_of_the_documentation() -> None:
    text = (Path(__file__).parents[2] / "docs" / "debugging.md").read_text(encoding="utf-8")
    shown = text.split("connect://127.0.0.1:5570\n")[-1].split("\n\n")[0]
    output = _run("grow", 3, "continue", crashed=["bt", "frame variable"])
    printed = {line.strip() for line in output.splitlines()}
    lines = [line.strip() for line in shown.splitlines() if "(lldb)" not in line]
    assert len(lines) > 8
    assert [line for line in lines if line not in printed] == []
