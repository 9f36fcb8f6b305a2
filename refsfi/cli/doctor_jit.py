"""`refsfi doctor` on the compiler: what it compiles to here, and whether a guest's fault becomes a trap."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from refsfi.cli.doctor_row import Row

__all__ = ["probe_backend", "probe_faults"]

# Seconds that the guest below may take, on a machine that is busy.
_PATIENCE: Final = 60

# Its second page is not accessible.
_FAULTY: Final = '(module (memory 1) (func (export "fault") (i32.store (i32.const 65536) (i32.const 1))))'
_TRAP: Final = "wasm trap: out of bounds memory access"


def probe_backend() -> Row:
    """What hot code is compiled to."""
    name = "jit"
    try:
        if importlib.util.find_spec("jit.select") is None:
            return Row(
                "jit", name, "limited", "not in this installation", "everything is interpreted; reinstall refsfi"
            )
        why = importlib.import_module("jit.select").obstacle()
    # A damaged installation can fail in any way, and the other rows are still worth having.
    except Exception as error:
        found = f"does not import: {type(error).__name__}: {error}"
        return Row("jit", name, "limited", found, "reinstall refsfi; until then use --jit=off")
    if why is None:
        return Row("jit", name, "ok", "compiles to machine code")
    advice = "all the same works, more slowly; remove what is named, or choose it yourself with --jit-backend=portable"
    return Row("jit", name, "limited", f"compiles to Python: {why}", advice)


def probe_faults(python: str = sys.executable) -> Row:
    """Whether an access outside of a memory, in compiled code, becomes a trap: in another process, which it would end
    otherwise."""
    name = "memory faults"
    advice = "use --bounds=explicit, or Config.bounds, which compares addresses; and report this, please"
    with tempfile.TemporaryDirectory(prefix="refsfi-doctor-") as folder:
        module = Path(folder, "faulty.wat")
        module.write_text(_FAULTY, encoding="utf-8")
        command = [python, "-m", "refsfi", "run", "--jit=force", "--invoke", "fault", str(module)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, errors="replace")
        except subprocess.TimeoutExpired:
            return Row("jit", name, "limited", f"no trap within {_PATIENCE} s", advice)
        except OSError as error:
            return Row("jit", name, "limited", f"cannot be tried: {error.strerror}", "run refsfi doctor once more")
    last = (done.stderr.strip().splitlines() or [""])[-1]
    if last == _TRAP:
        return Row("jit", name, "ok", "become traps")
    ended = f"by signal {-done.returncode}" if done.returncode < 0 else f"with {done.returncode}"
    return Row("jit", name, "limited", f"the guest's process ended {ended}{f': {last}' if last else ''}", advice)
