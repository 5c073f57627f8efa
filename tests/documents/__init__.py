"""What stands in the code blocks of README.md and docs/ is run, or held to what it is of."""
