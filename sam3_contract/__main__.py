"""``python -m sam3_contract``."""

from __future__ import annotations

from sam3_contract.cli import main

if __name__ == "__main__":
    main()
