"""The operations of the contract: from a request model to the answer on the wire."""
