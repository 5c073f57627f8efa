"""What becomes of a client when the service breaks: its code, run under each fault, and a verdict on each run."""
