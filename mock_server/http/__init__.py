"""Requests and responses as HTTP: keys, bodies, refusals, headers, pages."""
