"""How much of the contract a suite of tests has met."""
