"""Validation of modules, and the side table that the executor runs on (specification, chapter 3)."""
