"""The text format: lexing, parsing and printing (specification, chapter 6)."""
