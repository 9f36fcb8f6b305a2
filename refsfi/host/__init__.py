"""Host modules: what a guest may import."""
