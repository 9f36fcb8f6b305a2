"""Numerics: pure functions on bits (specification, chapter 4.3)."""
