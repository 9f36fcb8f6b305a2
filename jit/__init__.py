"""The tracing JIT tier, which is not built yet: everything runs in the reference interpreter."""
