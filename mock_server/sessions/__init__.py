"""Sessions: mocks to themselves on one server, each with scenarios, faults, journal and image memory of its own."""
