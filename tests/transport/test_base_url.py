"""Which URLs paths can be put behind, and which are of this machine."""

from __future__ import annotations

import pytest

from sam3_contract import spec
from sam3_contract.errors import UsageError
from sam3_contract.transport.base_url import base_url, is_loopback

CONTRACT = spec.load()


@pytest.mark.parametrize(
    "text",
    ["http://127.0.0.1:9001", "https://serverless.roboflow.com", "http://[::1]:9001", "http://host/behind/a/proxy"],
)
def test_base_url_is_taken_without_the_slash_at_its_end(text: str) -> None:
    assert base_url(text, CONTRACT) == base_url(f"{text}/", CONTRACT) == text


@pytest.mark.parametrize(
    "text",
    ["", "localhost:9001", "ftp://localhost", "http://", "http://[::1", "http://a:b", "http://a:99999", "http://a:0",
     "http://a b", "http://a\n/", "//host", "http://sam..example.com", f"http://{'a' * 64}.example.com", "http://.example.com"],
)  # fmt: skip
def test_what_is_no_url_of_a_server_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no URL of a server; write it like"):
        base_url(text, CONTRACT)


@pytest.mark.parametrize("end", ["?api_key=s3cret-key", "/?", "#top", "/x?api_key=s3cret-key#y"])
def test_query_and_fragment_are_refused_and_not_shown(end: str) -> None:
    with pytest.raises(UsageError, match="with a query or a fragment is no base URL") as refused:
        base_url(f"http://127.0.0.1:9001{end}", CONTRACT)

    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("path", [*(one.path for one in CONTRACT.operations), "/behind/sam3/embed_image/"])
def test_path_of_an_operation_is_refused(path: str) -> None:
    with pytest.raises(UsageError, match="is the URL of an operation; give what comes before /sam3/"):
        base_url(f"http://127.0.0.1:9001{path}", CONTRACT)


def test_name_and_password_are_refused_and_not_shown() -> None:
    with pytest.raises(UsageError, match="the URL of host holds a name or password") as refused:
        base_url("http://me:s3cret@host", CONTRACT)

    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:1", True),
        ("http://127.8.8.8", True),
        ("http://localhost.", True),
        ("http://sam.LOCALHOST:9001", True),
        ("https://[::1]/", True),
        ("http://localhost.example.com", False),
        ("http://192.0.2.1", False),
        ("http://0.0.0.0:9001", False),
    ],
)
def test_loopback_is_told_by_name_and_address(url: str, local: bool) -> None:
    assert is_loopback(url) is local
