"""What is around a model: a web framework, keys, other requests at the same time."""
