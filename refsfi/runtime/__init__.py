"""The runtime structure: values, store, memories, tables and heap (specification, chapter 4.2)."""
