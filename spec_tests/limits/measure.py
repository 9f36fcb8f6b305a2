"""How late a guest is stopped when its time is over, for each way of not coming to an end: a table, in milliseconds.

python spec_tests/limits/measure.py [WAY…]
"""

from __future__ import annotations

import gc
import statistics
import sys

from guests import ENDLESS, Sandbox, Stopwatch

from refsfi.cli.timeout import time_limit
from refsfi.errors import Exhaustion
from refsfi.text.parser import parse_module

LIMIT = 0.15
ATTEMPTS = 20


def lateness(sandbox: Sandbox, way: str) -> float:
    """Seconds from the end of the time to the trap."""
    sandbox.store.stop = None
    watch = Stopwatch()
    try:
        with time_limit(sandbox.store, LIMIT):
            sandbox.call(way)
    except Exhaustion:
        return watch.seconds - LIMIT
    raise SystemExit(f"{way} came to an end")


def main() -> None:
    ways = sys.argv[1:] or [export.name for export in parse_module(ENDLESS).exports if export.name != "memory"]
    print(f"{'':18}{'median':>9}{'worst':>9}  ms, of {ATTEMPTS}")
    for way in ways:
        sandbox = Sandbox(ENDLESS)
        late = [1000 * lateness(sandbox, way) for _ in range(ATTEMPTS)]
        print(f"{way:18}{statistics.median(late):>9.1f}{max(late):>9.1f}", flush=True)
        del sandbox
        gc.collect()


if __name__ == "__main__":
    main()
