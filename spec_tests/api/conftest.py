"""Comparisons are made in `same.py`: what differs shall be shown."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("spec_tests.api.same")
