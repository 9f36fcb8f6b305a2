"""Profiles of a run in both tiers: what they say (`model`), their file (`file`), and questions to them (`questions`).

Who measures is the compiler's side, `jit.profiling`; nothing here needs a compiler, so a profile can be read anywhere.
"""
