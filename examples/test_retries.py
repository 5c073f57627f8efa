"""A client that tries again, and the tests that show it does: for the right reasons, often enough, not for ever.

pytest examples/test_retries.py
"""

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

BODY = {
    "image": {"type": "url", "value": "https://example.com/dog.jpg"},
    "prompts": [{"type": "text", "text": "dog"}],
}


def patient_session(*, attempts: int = 3) -> requests.Session:
    """The program: tries again where that helps, and as late as the service asks it to."""
    session = requests.Session()
    retry = Retry(
        total=attempts - 1,
        status_forcelist=(429, 502, 503),
        allowed_methods=None,  # asking for masks twice does no harm
        backoff_factor=0.01,
        raise_on_status=False,
    )
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry))
    return session


@pytest.fixture
def ask(sam3_mock):
    with patient_session() as session:
        url = f"{sam3_mock.url}/sam3/concept_segment"
        yield lambda **options: session.post(url, params={"api_key": sam3_mock.api_key}, json=BODY, **options)


@pytest.mark.sam3_scenario(name="loads the model", answers=[{"status": 503}, "normal"])
def test_tries_again_while_the_model_is_loaded(sam3_mock, ask):
    assert ask().status_code == 200
    sam3_mock.assert_called("concept_segment", text="dog", times=2)
    sam3_mock.assert_called("concept_segment", status=503, times=1)


@pytest.mark.sam3_scenario(rate_limit={"requests": 1, "seconds": 1})
def test_waits_as_long_as_the_service_asks_it_to(sam3_mock, ask):
    assert [ask().status_code for _ in range(2)] == [200, 200]
    sam3_mock.assert_called("concept_segment", status=429, times=1)


@pytest.mark.sam3_faults("status:503")
def test_gives_up_after_the_third_time(sam3_mock, ask):
    assert ask().status_code == 503
    sam3_mock.assert_called("concept_segment", times=3)


@pytest.mark.parametrize("status", [401, 402, 422])
def test_does_not_repeat_what_will_not_get_better(sam3_mock, ask, status):
    sam3_mock.scenario(answers=[{"status": status, "body": {"message": "no"}}])

    assert ask().status_code == status
    sam3_mock.assert_called("concept_segment", times=1)


@pytest.mark.sam3_scenario(answers=[{"delay": 0.5}])
def test_does_not_wait_for_ever(sam3_mock):
    with requests.Session() as session, pytest.raises(requests.Timeout):
        session.post(f"{sam3_mock.url}/sam3/concept_segment?api_key=any", json=BODY, timeout=0.1)


@pytest.mark.sam3_faults("body_truncated")
def test_takes_half_an_answer_for_none(ask):
    with pytest.raises(requests.exceptions.JSONDecodeError):
        ask().json()


@pytest.mark.sam3_faults("connection_reset:before")
def test_says_so_when_the_connection_ends(ask):
    with pytest.raises(requests.ConnectionError):
        ask()
