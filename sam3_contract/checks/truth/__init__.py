"""Checks against drawn scenes, of which the true masks are known."""
