"""Measuring both tiers: where time goes, what left compiled code, what compiling cost. The profile that comes of it,
`refsfi.observe.profile`, can be read where there is no compiler."""
