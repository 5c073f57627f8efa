"""Sequences of answers that a tester plans: read from files or Python, played request by request."""
