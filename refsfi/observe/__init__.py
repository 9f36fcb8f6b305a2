"""Probes and monitors: what can be watched while a guest runs."""
