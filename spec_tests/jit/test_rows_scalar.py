"""Machine code of scalar instructions beside their meaning."""

from __future__ import annotations

import pytest

from refsfi.numeric.table import SEMANTICS
from spec_tests.jit.rows_support import SETUPS, check_row

_SCALAR = [name for name in SEMANTICS if name[:3] in ("i32", "i64", "f32", "f64") and name[3] == "."]
_WIDE = {"i64.add128", "i64.sub128", "i64.mul_wide_s", "i64.mul_wide_u"}


@pytest.mark.parametrize("setup", range(len(SETUPS)), ids=[name for name, _, _ in SETUPS])
@pytest.mark.parametrize("name", [name for name in _SCALAR if name not in _WIDE])
def test_scalar_instructions(name: str, setup: int) -> None:
    check_row(name, setup)
