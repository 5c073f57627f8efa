"""The page for people: complete, made from the document, and nothing on it comes from elsewhere."""

from __future__ import annotations

import json
import re
import shlex
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest

from mock_server import Settings, create_app
from mock_server.engines.specimens import SPECIMENS
from sam3_contract import spec

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
CONTRACT = spec.load()


class Page(HTMLParser):
    """What is on a page: its tags with their attributes, and its text."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def page(**options: Any) -> str:
    answer = create_app().test_client().get("/docs", **options)
    assert (answer.status_code, answer.content_type) == (200, "text/html; charset=utf-8")
    return answer.text


def test_page_tells_every_operation_and_every_field_of_a_request() -> None:
    shown = page()
    text = Page(shown).text

    for operation in CONTRACT.operations:
        assert f"{operation.method} {operation.path}" in text
        for field in CONTRACT.document["components"]["schemas"][operation.request_schema]["properties"]:
            assert f"<code>{field}</code>" in shown
    for name in SPECIMENS:
        assert f"specimen:{name}" in text


def test_links_lead_to_what_is_there() -> None:
    tags = Page(page()).tags
    places = {attributes["id"] for _, attributes in tags if "id" in attributes}

    links = [attributes["href"] for tag, attributes in tags if tag == "a"]
    assert {link for link in links if link is None or link.removeprefix("#") not in places} == {"/openapi.json"}
    assert {"#concept_segment", "#Image", "#TopLeftBox", "#CornerBox", "#Point"} <= set(links)


def test_page_loads_nothing() -> None:
    answer = create_app().test_client().get("/docs")

    loading = {"script", "link", "img", "iframe", "object", "embed", "base", "meta"}
    found = [(tag, attributes) for tag, attributes in Page(answer.text).tags if tag in loading]
    assert [tag for tag, attributes in found if "name" not in attributes and "charset" not in attributes] == []
    assert "@import" not in answer.text
    assert "url(" not in answer.text
    assert answer.headers["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'"


def test_examples_are_answered() -> None:
    client = create_app().test_client()
    examples = [unescape(found) for found in re.findall(r"<pre>(.*?)</pre>", page(), re.DOTALL)]

    assert len(examples) == len(CONTRACT.operations)
    for example in examples:
        _, _, _, method, url, _, header, _, body = shlex.split(example.replace("\\\n", ""))
        answer = client.open(url, method=method, data=body, content_type=header.partition(": ")[2])
        assert answer.status_code == 200, json.loads(body)


def test_examples_name_this_server() -> None:
    shown = page(base_url="http://mock.example.com:1234")

    assert shown.count("http://mock.example.com:1234/sam3/") == len(CONTRACT.operations)
    assert "serverless.roboflow.com/sam3" not in shown


@pytest.mark.parametrize(
    ("accepted", "kind"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("application/json, text/plain, */*", "application/json"),
        (BROWSER, "text/html"),
        ("text/html", "text/html"),
        ("image/png", "application/json"),
    ],
)
def test_front_page_is_for_programs_unless_a_browser_asks(accepted: str | None, kind: str) -> None:
    headers = {} if accepted is None else {"Accept": accepted}

    answer = create_app().test_client().get("/", headers=headers)

    assert (answer.status_code, answer.mimetype) == (200, kind)
    assert answer.headers["vary"] == "Accept, Origin"


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_need_no_key(path: str) -> None:
    client = create_app(Settings(api_keys=frozenset({"one"}))).test_client()

    assert client.get(path, headers={"Accept": BROWSER}).status_code == 200


def test_what_a_client_sends_is_not_markup() -> None:
    shown = page(headers={"Host": "a'><script>alert(1)</script>"})

    assert "<script" not in shown
