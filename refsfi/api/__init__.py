"""The embedder's programming interface."""
