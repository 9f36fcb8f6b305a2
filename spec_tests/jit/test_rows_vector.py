"""Machine code of vector instructions beside their meaning."""

from __future__ import annotations

import pytest

from refsfi.numeric.table import SEMANTICS
from spec_tests.jit.rows_support import SETUPS, check_row

_VECTOR = [name for name in SEMANTICS if "x" in name.split(".")[0] or name.startswith("v128.")]


@pytest.mark.parametrize("setup", range(len(SETUPS)), ids=[name for name, _, _ in SETUPS])
@pytest.mark.parametrize("name", [name for name in _VECTOR if name != "i8x16.shuffle"])
def test_vector_instructions(name: str, setup: int) -> None:
    check_row(name, setup)
