"""The tracing JIT tier: compiles what is hot. `docs/jit.md` is its map."""
