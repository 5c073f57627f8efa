"""Masks that are wrong, or written wrongly."""
