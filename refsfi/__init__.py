"""refsfi, a WebAssembly sandbox for Python."""
