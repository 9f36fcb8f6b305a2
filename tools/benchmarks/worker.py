"""One engine, one kernel, one fresh process: `python -m tools.benchmarks.worker` reads a job and writes the outcome.

Only a process that has done nothing yet shows what a first call costs: packages are imported, caches and counters are
empty. The job comes on stdin and the outcome goes to the last line of stdout, both as JSON.
"""

from __future__ import annotations

import base64
import gc
import json
import resource
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from importlib import import_module
from typing import Any

from tools.benchmarks.engines import Unsupported, by_name, compiler_events, same
from tools.benchmarks.kernels import Kernel

__all__ = ["Outcome", "job"]

# Calls: at least so many; more of short ones, until they have taken so many seconds.
_LEAST_CALLS, _MOST_CALLS, _ENOUGH = 3, 20, 0.2


@dataclass(slots=True)
class Outcome:
    """`start`: importing the engine. `load`: decoding, compiling ahead, instantiating. `calls`: one after the other in
    that instance. All in seconds of the processor, all threads together; `wall` the same calls by the clock. `peak`:
    bytes. `why`: what came in between, else empty. `events`: `engines.compiler_events`, where the job asks for them."""

    start: float = 0.0
    load: float = 0.0
    calls: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    why: str = ""
    peak: int = 0
    events: list[tuple[str, int, int]] = field(default_factory=list)


def job(engine: str, kernel: Kernel, patience: float, warm: Kernel | None = None, *, listen: bool = False) -> str:
    """What `main` reads. `patience`: seconds; a first call that takes so long is the only one. `warm`: a kernel to run
    before anything is measured, so that the engine has done for the first time whatever it does once in a process.
    `listen`: note events, which takes time of its own."""
    given = {"engine": engine, "kernel": _as_json(kernel), "patience": patience, "listen": listen}
    return json.dumps({**given, "warm": None if warm is None else _as_json(warm)})


def _as_json(kernel: Kernel) -> dict[str, Any]:
    return {**asdict(kernel), "wasm": base64.b64encode(kernel.wasm).decode("ascii")}


def _kernel(found: dict[str, Any]) -> Kernel:
    tuples = {name: tuple(found[name]) for name in ("args", "params", "results", "expect")}
    return Kernel(**{**found, "wasm": base64.b64decode(found["wasm"]), **tuples})


def main() -> int:
    given = json.load(sys.stdin)
    engine = by_name(given["engine"])
    kernel = _kernel(given["kernel"])
    outcome = Outcome()
    clock = time.process_time
    try:
        began = clock()
        for module in engine.modules:
            import_module(module)
        outcome.start = clock() - began
        if given["warm"] is not None:
            call = engine.load(_kernel(given["warm"]))
            for _ in range(3):
                call()
        with ExitStack() as stack:
            if given["listen"]:
                outcome.events = stack.enter_context(compiler_events())
            began = clock()
            call = engine.load(kernel)
            outcome.load = clock() - began
            while len(outcome.calls) < _LEAST_CALLS or (
                sum(outcome.calls) < _ENOUGH and len(outcome.calls) < _MOST_CALLS
            ):
                gc.collect()
                began, before = clock(), time.perf_counter()
                results = call()
                outcome.calls.append(clock() - began)
                outcome.wall.append(time.perf_counter() - before)
                if not same(results, kernel.expect, kernel.results):
                    outcome.why = f"wrong result {results}"
                    break
                if outcome.calls[0] >= given["patience"]:
                    break
    except Unsupported as error:
        outcome.why = f"unsupported: {error}"
    except Exception as error:  # a peer's failure is its result
        outcome.why = f"{type(error).__name__}: {str(error).splitlines()[0][:40] if str(error) else ''}".rstrip(": ")
    outcome.peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(asdict(outcome)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
