"""Recordings: everything that came into the sandbox in one run, in a file, so that the run can be had again without its
host."""
