"""`sam3-contract serve`."""

from sam3_contract.cli.serve.command import serve

__all__ = ["serve"]
