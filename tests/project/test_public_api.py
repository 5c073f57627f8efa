"""What a package says it exports is there, sorted, and documented."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import pytest

import mock_server
import sam3_contract

# Importing Locust patches the standard library of the process; tests/loading imports this in processes of its own.
PATCHING = {"sam3_contract.loading.users"}
MODULES = sorted(
    module.name
    for package in (sam3_contract, mock_server)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    if not module.name.endswith("__main__") and module.name not in PATCHING
)


@pytest.mark.parametrize("name", MODULES)
def test_module_exports_what_it_says(name: str) -> None:
    module = importlib.import_module(name)
    exported = getattr(module, "__all__", [])

    assert module.__doc__, name
    assert all(hasattr(module, one) for one in exported)
    assert sorted(set(exported)) == sorted(exported)


def test_no_module_needs_what_only_unix_has() -> None:
    absent = ["fcntl", "grp", "pty", "pwd", "resource", "termios"]
    program = f"""
import importlib, sys
import mcp  # looks at the platform, and not at what there is
sys.modules.update(dict.fromkeys({absent}))
for name in {MODULES}:
    importlib.import_module(name)
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stderr[-1000:]
