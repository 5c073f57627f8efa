"""Masks in JSON documents of any size, found and read piece by piece."""
