"""A session of a client that others have written."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from spec_tests.debug.dap_client import served

_HERE = Path(__file__).parent
_FAULTS = _HERE / "fixtures" / "faults.wasm"
_SOURCE = "/elsewhere/faults.c"


def test_the_client_of_visual_studio_codes_makers() -> None:
    node = shutil.which("node")
    modules = Path(sys.prefix, "node_modules")
    if node is None or not (modules / "@vscode" / "debugadapter-testsupport").exists():
        pytest.skip("npm install --prefix .venv @vscode/debugadapter-testsupport installs it")
    with served() as (port, _):
        done = subprocess.run(
            [node, str(_HERE / "dap_session.js"), str(port), str(_FAULTS), _SOURCE],
            env={**os.environ, "NODE_PATH": str(modules)},
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")
