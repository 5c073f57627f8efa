"""Contract tests for the SAM 3 API: the contract as a file, and checks that hold any server to it."""
