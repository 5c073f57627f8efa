"""The mock in a container that lives as long as the tests, by Testcontainers: for programs that run in containers.

    docker build --tag sam3-mock path/to/sam3-contract
    pip install testcontainers
    pytest examples/test_container.py

Needs a Docker daemon. In Python alone the fixture `sam3_mock` does the same, sooner and without one.
"""

import pytest
import requests
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import HttpWaitStrategy

TOKEN = "a-token-of-these-tests"


@pytest.fixture(scope="module")
def mock_url():
    container = (
        DockerContainer("sam3-mock", ports=[9001])
        .with_command(["--profile", "observed", "--api-key", "good-key"])
        .with_env("SAM3_MOCK_CONTROL_TOKEN", TOKEN)  # else it makes one up, and prints it
        .with_kwargs(read_only=True)
        .waiting_for(HttpWaitStrategy(9001, "/healthz"))
    )
    with container:
        yield f"http://{container.get_container_host_ip()}:{container.get_exposed_port(9001)}"


def ask(url, key="good-key"):
    body = {"image": {"type": "url", "value": "https://example.com/dog.jpg"}, "prompts": [{"text": "dog"}]}
    headers = {"Authorization": f"Bearer {key}"}
    return requests.post(f"{url}/sam3/concept_segment", json=body, headers=headers, timeout=30)


def test_answers_a_good_key_alone(mock_url):
    assert ask(mock_url).status_code == 200
    assert ask(mock_url, key="another").status_code == 401


def test_does_what_a_test_tells_it(mock_url):
    # In a session of its own (/s/NAME), a test does not meddle with what others have told the same mock.
    session = f"{mock_url}/s/test-17"
    scenarios = {"scenarios": [{"answers": [{"status": 503}, "normal"]}]}
    told = requests.put(f"{session}/_mock/scenarios", json=scenarios, headers={"X-Mock-Token": TOKEN}, timeout=30)

    assert told.status_code == 200
    assert [ask(session).status_code, ask(session).status_code] == [503, 200]
    assert ask(mock_url).status_code == 200
