"""What a server keeps from one request to another."""
