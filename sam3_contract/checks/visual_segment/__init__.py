"""Checks of what ``visual_segment`` promises."""
