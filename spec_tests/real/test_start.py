"""A module of 26 MB comes to its first instruction soon, and in little memory."""

from __future__ import annotations

import pytest

from tools.realprograms import start
from tools.realprograms.fetch import Store, Unavailable, cache_folder
from tools.realprograms.list import find_shared, load

pytestmark = pytest.mark.real


def test_cpython_begins_within_two_seconds_and_400_mebibytes() -> None:
    programs = load()
    file = programs.files["python-3.12.0"]
    store = Store(programs.files.values(), cache_folder(), find_shared(None))
    try:
        store.ensure(file)
    except Unavailable as error:
        pytest.skip(f"cannot be fetched: {error}")
    measured = start.measure(file, store)
    # Of the processor: the process waits for nothing but its turn among others.
    assert min(measured.cpu) <= start.MOST_SECONDS
    assert measured.peak <= start.MOST_MEMORY
