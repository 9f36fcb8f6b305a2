"""What docs/debugging.md tells users of VS Code, done as the editor does it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from refsfi.cli.dapserver import ATTRIBUTES
from spec_tests.debug.dap_client import adapter, connected, served

_ROOT = Path(__file__).parents[2]


def _documented() -> list[dict[str, Any]]:
    text = (_ROOT / "docs" / "debugging.md").read_text()
    match = re.search(r"## VS Code.*?```json\n(.*?)```", text, re.DOTALL)
    assert match
    found: list[dict[str, Any]] = json.loads(match[1].replace("${workspaceFolder}", str(_ROOT)))["configurations"]
    return found


def _debugger() -> dict[str, Any]:
    package = json.loads((_ROOT / "tools" / "vscode" / "package.json").read_text())
    (found,) = package["contributes"]["debuggers"]
    assert isinstance(found, dict)
    return found


def test_the_extension_knows_every_attribute() -> None:
    attributes = _debugger()["configurationAttributes"]
    assert set(attributes["launch"]["properties"]) == ATTRIBUTES
    assert set(attributes["attach"]["properties"]) <= ATTRIBUTES


def test_the_documented_launch() -> None:
    launch, _ = _documented()
    debugger = _debugger()
    assert (launch["type"], debugger["runtime"], debugger["args"]) == (debugger["type"], "refsfi", ["debug", "--dap"])
    with adapter() as client:
        client.initialize()
        client.ask("launch", **launch, __sessionId="1")
        client.event("initialized")
        path = str(_ROOT / "spec_tests" / "debug" / "fixtures" / "faults.c")
        (answer,) = client.ask("setBreakpoints", source={"path": path}, breakpoints=[{"line": 45}])["breakpoints"]
        assert (answer["verified"], answer["source"]["path"]) == (True, path)
        assert client.go()["reason"] == "entry"
        # Known by sourceMap, before any breakpoint has named it.
        assert client.top()["source"]["path"] == path
        assert client.move("continue")["reason"] == "breakpoint"
        assert client.scope("Variables")["count"]["value"] == "2"
        assert client.output("stderr") == ""


def test_the_documented_attach() -> None:
    launch, attach = _documented()
    with served("--invoke", launch["invoke"], launch["program"], *launch["args"]) as (port, process):
        with connected(port) as client:
            client.initialize()
            client.ask("attach", **attach)
            client.event("initialized")
            client.go()
            client.move("continue")
            client.ask("continue", threadId=1)
            assert client.event("exited")["exitCode"] == 134
            client.ask("disconnect", terminateDebuggee=True)
        assert process.wait(30) == 134
