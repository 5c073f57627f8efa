"""What a tester sets and reads: the handle of a mock in the process, and the routes under /_mock."""
