"""The embedder's interface, re-exported by the package `refsfi`.

Names and behaviour are those of wasmtime-py for core modules, and more where its users ask for more. One file a
subject; nothing here is imported before it is used.
"""
