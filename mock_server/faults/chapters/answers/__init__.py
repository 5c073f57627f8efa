"""Answers and refusals that are not the service's as a whole."""
