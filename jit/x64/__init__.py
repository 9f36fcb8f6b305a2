"""The back end that makes x86-64 machine code."""
