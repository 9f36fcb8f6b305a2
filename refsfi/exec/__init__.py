"""Execution of instructions and instantiation (specification, chapters 4.4 to 4.7)."""
