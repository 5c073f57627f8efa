"""Every public module says what it exports, and exports what it says."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import mock_server
import sam3_contract

MODULES = sorted(
    module.name
    for package in (sam3_contract, mock_server)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    if not module.name.endswith("__main__")
)


@pytest.mark.parametrize("name", MODULES)
def test_module_exports_what_it_says(name: str) -> None:
    module = importlib.import_module(name)

    assert module.__doc__, name
    assert all(hasattr(module, exported) for exported in module.__all__)
    assert sorted(set(module.__all__)) == sorted(module.__all__)
