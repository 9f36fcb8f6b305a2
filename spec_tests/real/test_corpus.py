"""Published programs that nobody wrote for this project compute what they compute elsewhere.

Each runs in a process of its own, in the sandbox and nowhere else. One is skipped only where its module cannot be
fetched, or where it needs the shared folder and there is none. `tools/corpus run` runs all of the list.
"""

from __future__ import annotations

import pytest

from tools.realprograms.fetch import Store, Unavailable, cache_folder
from tools.realprograms.list import Task, find_shared, load
from tools.realprograms.run import run_task

# Instructions: the programs above it are left to `tools/corpus run`, which has no minutes to keep to.
BUDGET = 220_000_000
# Seconds for one program, far above what any of them takes.
LIMIT = 300

PROGRAMS = load()
STORE = Store(PROGRAMS.files.values(), cache_folder(), find_shared(None))
TASKS = [task for task in PROGRAMS.tasks if task.fuel <= BUDGET]

pytestmark = pytest.mark.real


def published(task: Task) -> list[pytest.MarkDecorator]:
    return [pytest.mark.published] if task.packages() else []


@pytest.mark.parametrize(
    "task",
    # The longest first: what runs last is then short, whatever the number of processes.
    [pytest.param(task, id=task.id, marks=published(task)) for task in sorted(TASKS, key=lambda task: -task.fuel)],
)
def test_computes_what_it_computes_elsewhere(task: Task) -> None:
    missing = [path for path in task.shared_paths() if STORE.shared is None or not (STORE.shared / path).exists()]
    if missing:
        pytest.skip("needs the shared folder ($REFSFI_CORPUS)")
    try:
        for linked in task.modules:
            STORE.ensure(linked.file)
    except Unavailable as error:
        pytest.skip(f"cannot be fetched: {error}")
    result = run_task(task, STORE, "refsfi", LIMIT)
    if result.verdict != "same":
        pytest.fail(f"{task.title}: {result.verdict}: {result.detail}", pytrace=False)


def test_every_kernel_and_ten_programs_are_among_them() -> None:
    left_out = {linked.file for task in PROGRAMS.tasks for linked in task.modules}
    left_out -= {linked.file for task in TASKS for linked in task.modules}
    assert not left_out
    assert sum(not task.id.startswith("kernel-") for task in TASKS) >= 10
