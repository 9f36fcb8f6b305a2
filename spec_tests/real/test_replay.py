"""Published programs, recorded under the JIT, come again in either tier with no host and no WASI.

Commands, modules that are called in steps, two modules that share memory and table, objects of the host's, `longjmp` by
calling back, exceptions, the garbage-collected heap. `tools/corpus replay` does all of the list.
"""

from __future__ import annotations

import pytest

from tools.realprograms.fetch import Store, cache_folder
from tools.realprograms.list import Task, find_shared, load
from tools.realprograms.replays import EXACT, replay_task
from tools.realprograms.run import obstacle

PROGRAMS = load()
STORE = Store(PROGRAMS.files.values(), cache_folder(), find_shared(None))
TASKS = PROGRAMS.select(
    "avr-objcopy cjs-module-lexer eh-lua-eh gc-p2w-words hashwasm-xxhash3 micropython one-ini quickjs source-map "
    "tree-sitter-ini zstddec".split()
)
# Seconds for one run of a program, far above what any of them takes.
LIMIT = 120

pytestmark = pytest.mark.real


@pytest.mark.parametrize("task", [pytest.param(task, id=task.id) for task in TASKS])
def test_comes_again(task: Task) -> None:
    why = obstacle(task, STORE)
    if why is not None:
        pytest.skip(why.detail)
    found = replay_task(task, STORE, "jit", ["refsfi"], LIMIT)
    if found.verdict != EXACT:
        pytest.fail(f"{task.title}: {found.verdict}: {found.detail}", pytrace=False)
    assert found.fuel > 0
