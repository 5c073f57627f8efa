"""Masks as pixels: reproducible choices, shapes, patches, and what they are on the wire."""
