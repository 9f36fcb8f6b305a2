"""The debugger: one engine and its faces."""
