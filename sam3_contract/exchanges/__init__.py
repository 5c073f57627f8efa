"""Requests and their answers: kept, measured, drawn, explained."""
