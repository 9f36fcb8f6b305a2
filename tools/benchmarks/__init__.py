"""What `tools/bench` measures, and with what: kernels, engines, the measuring and the tables."""
