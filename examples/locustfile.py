"""Load on a mock, or on a server like it, whose answers are held to the contract on the way.

pip install 'sam3-contract[load]'
sam3-contract serve --workers 2
locust -f examples/locustfile.py --host http://127.0.0.1:9001 --headless --users 20 --run-time 1m
"""

from __future__ import annotations

from locust import constant_pacing

from sam3_contract.loading.users import ContractUser


class Annotator(ContractUser):
    """Asks five times a second; what it asks and how answers are judged is `ContractUser`'s."""

    wait_time = constant_pacing(0.2)
