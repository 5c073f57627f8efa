"""What sessions in this process would import again, each of them: that takes time, and much of it is never let go."""

from __future__ import annotations

import pytest_repeat  # noqa: F401
import pytest_rerunfailures  # noqa: F401
import pytest_socket  # noqa: F401
import scipy.optimize  # noqa: F401

import sam3_contract.pytest_plugin
import sam3_contract.snapshots  # noqa: F401
