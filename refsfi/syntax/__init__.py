"""Abstract syntax: types, instructions and modules (specification, chapter 2)."""
