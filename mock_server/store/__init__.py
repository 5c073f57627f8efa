"""Where a mock keeps what outlasts a request: in its own memory, or in a store that several processes share."""
