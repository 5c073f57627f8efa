"""The mock as a server: processes, warming, and the gateway that reads requests."""
