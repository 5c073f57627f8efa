"""The faults, one file for each kind of breach of the contract."""
