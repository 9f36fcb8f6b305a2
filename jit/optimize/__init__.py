"""Passes over graphs: one a file, each opening with what it does and what it may assume."""
