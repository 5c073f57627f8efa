"""`sam3-contract verify`."""

from sam3_contract.cli.verify.command import verify

__all__ = ["verify"]
