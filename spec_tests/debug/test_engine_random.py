"""Going back is exact: on random programs, every state comes again, whichever way it is reached, and every stop that
there is on the way forward is there on the way back.

`python -m tools.fuzzing.timetravel N` does the same for N programs.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tools.fuzzing.timetravel import Disagreement, check


def check_all(seeds: Iterable[int]) -> None:
    for seed in seeds:
        check(seed)


@pytest.mark.parametrize("seed", range(40))
def test_states_and_stops_are_the_same_both_ways(seed: int) -> None:
    assert check(seed) > 0


def test_a_state_that_differs_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from refsfi.debug.snapshot import Snapshot

    plain = Snapshot.restore

    def wrong(self: Snapshot, store: object) -> None:
        plain(self, store)  # type: ignore[arg-type]
        for memory in self.memories:
            if self.clock and len(memory.data):
                memory.data[0] ^= 1
        for variable in self.globals:
            if self.clock and isinstance(variable.value, int):
                variable.value ^= 1

    monkeypatch.setattr(Snapshot, "restore", wrong)
    with pytest.raises(Disagreement):
        check_all(range(10))
