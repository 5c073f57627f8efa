"""Checks of what exchanges that belong together say of each other."""
