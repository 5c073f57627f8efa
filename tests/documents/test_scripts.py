"""Blocks in Python that are no sessions: each is run, with what it takes for granted. Sessions are run as doctests."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import requests

from mock_server import create_app
from sam3_contract import create_mock
from sam3_contract.errors import AnswerError
from tests.documents.pages import scripts
from tests.servers import serving


class Client:
    """The reader's own client, as far as the pages call it: it asks again after a 503."""

    def __init__(self, url: str, key: str = "any") -> None:
        self._url, self._key = url, key

    def segment(self, _: str, texts: list[str]) -> Any:
        body = {"image": {"type": "url", "value": "https://example.com/dog.jpg"}}
        asked = {**body, "prompts": [{"text": text} for text in texts]}
        for _attempt in range(2):
            answer = requests.post(
                f"{self._url}/sam3/concept_segment",
                json=asked,
                headers={"Authorization": f"Bearer {self._key}"},
                timeout=30,
            )
            if answer.status_code != 503:
                return answer.json()
        raise AssertionError("two refusals")


def run_script(page: str, text: str | None = None, **given: Any) -> dict[str, Any]:
    """Run the block of a page, and return its names."""
    block = scripts()[page]
    exec(compile(text or block.text, block.id, "exec"), given)
    return given


def test_no_page_has_another() -> None:
    assert set(scripts()) == {"README.md", "clients.md", "scale.md", "testing.md"}


class Served:
    """The mock, as the fixture `sam3_mock` has it."""

    def __init__(self, url: str, mock: Any) -> None:
        self.url, self.api_key, self.assert_called = url, "any", mock.assert_called


@pytest.mark.parametrize("name", ["test_asks_once_for_dogs", "test_tries_again_while_the_model_is_loaded"])
def test_tests_of_the_readme_pass(name: str) -> None:
    scenarios: dict[str, dict[str, Any]] = {}

    def sam3_scenario(**fields: Any) -> Any:
        return lambda test: scenarios.update({test.__name__: fields}) or test

    marks = SimpleNamespace(mark=SimpleNamespace(sam3_scenario=sam3_scenario))  # here no plugin knows the marker
    test = run_script("README.md", pytest=marks, my_client=Client)[name]
    mock = create_mock()
    with serving(mock) as url:
        if name in scenarios:
            mock.scenario(**scenarios[name])
            Client(url).segment("dog.jpg", ["dog"])  # what the reader's test does in the place of its dots
        test(Served(url, mock))
    mock.verify()
    assert len(scenarios) == 1


def test_check_of_an_answer_is_as_the_page_on_clients_says() -> None:
    image = {"type": "url", "value": "https://example.com/dog.jpg"}
    body = {"image": image, "prompts": [{"text": "specimen:parts"}], "format": "rle"}
    asked = create_mock().client.post("/sam3/concept_segment", json=body, headers={"Authorization": "Bearer any"})
    answer = asked.get_json()

    run_script("clients.md", answer=answer, photograph=(683, 1024))
    with pytest.raises(AnswerError, match="size"):
        run_script("clients.md", answer=answer, photograph=(208, 320))


def test_session_of_a_served_mock_is_as_the_page_on_scale_says() -> None:
    with serving(create_app()) as url:
        run_script("scale.md", scripts()["scale.md"].text.replace("http://127.0.0.1:9001", url), my_client=Client)


def test_interception_is_as_the_page_on_tests_says() -> None:
    assert run_script("testing.md")["answer"].status_code == 200
