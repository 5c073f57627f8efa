"""What becomes of results on their way out."""
