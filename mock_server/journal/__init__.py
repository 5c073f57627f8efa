"""What was asked of the mock, kept within bounds, and expectations on it."""
