"""Test scripts (.wast): their syntax, their assertions and the runner over an engine."""
