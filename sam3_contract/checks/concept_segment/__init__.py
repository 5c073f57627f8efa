"""Checks of what ``concept_segment`` promises."""
