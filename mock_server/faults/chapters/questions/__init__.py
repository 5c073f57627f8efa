"""Requests that are misread, forgotten or taken for others."""
