"""Checks of the service: statuses, media types, bodies, headers, and what refusals say."""
