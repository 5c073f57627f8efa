"""Checks of masks in the formats that the service writes."""
