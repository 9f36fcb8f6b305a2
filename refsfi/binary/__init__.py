"""The binary format: decoding and encoding (specification, chapter 5)."""
