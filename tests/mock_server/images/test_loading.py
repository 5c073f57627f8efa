"""Images of requests: what is loaded, what is refused, and in which words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.mock_server.client import IMAGE, Client, Json, image

CLIENT = Client()
OPERATIONS = ["concept_segment", "visual_segment", "embed_image"]
MALFORMED = "Malformed base64 input image."
EMPTY = "Empty image payload."
NOT_HTTPS = "Providing images via non https:// URL is not supported in this configuration of `inference`."
NO_FQDN = "Providing images via URL without FQDN is not supported in this configuration of `inference`."
INVALID = "Provided image URL is invalid"
NOT_FETCHED = "Data pointed by URL could not be decoded into image."


def body_with(sent: Json, operation: str) -> Json:
    return {"image": sent} | ({"prompts": [{"text": "dog"}]} if operation == "concept_segment" else {})


def url(value: str) -> Json:
    return {"type": "url", "value": value}


def base64(value: str) -> Json:
    return {"type": "base64", "value": value}


REFUSED: dict[str, tuple[Json, str]] = {
    "no image": (base64("bm8gaW1hZ2U="), MALFORMED),
    "missing padding": (base64("bm8gaW1hZ2U"), MALFORMED),
    "not ASCII": (base64("é"), MALFORMED),
    "cut short": (base64(IMAGE["value"][:-20]), MALFORMED),
    "svg": (base64("data:image/svg+xml;base64," + IMAGE["value"]), MALFORMED),
    "upper case data URI": (base64("DATA:image/png;base64," + IMAGE["value"]), MALFORMED),
    "data URI with a parameter": (base64("data:image/png;charset=utf-8;base64," + IMAGE["value"]), MALFORMED),
    "data URI of no image": (base64("data:application/octet-stream;base64," + IMAGE["value"]), MALFORMED),
    "space before a data URI": (base64(" data:image/png;base64," + IMAGE["value"]), MALFORMED),
    "too many pixels": (image(2**15, 2**14), MALFORMED),
    "nothing": (base64(""), EMPTY),
    "illegal characters only": (base64("!!"), EMPTY),
    "data URI of nothing": (base64("data:image/png;base64,"), EMPTY),
    "empty URL": (url(""), INVALID),
    "words": (url("not a url"), INVALID),
    "backslash": (url("https://example.com\\@evil.com/a.png"), INVALID),
    "space in the URL": (url("https://example.com/a b.png"), INVALID),
    "port that is no number": (url("https://example.com:abc/a.png"), INVALID),
    "no host": (url("https:///a.png"), INVALID),
    "open bracket": (url("https://[/a.png"), INVALID),
    "ftp": (url("ftp://example.com/a.png"), NOT_HTTPS),
    "file": (url("file:///etc/passwd"), NOT_HTTPS),
    "data": (url("data:image/png;base64," + IMAGE["value"]), NOT_HTTPS),
    "localhost": (url("https://localhost/a.png"), NO_FQDN),
    "single label with a dot": (url("https://intranet./a.png"), NO_FQDN),
    "loopback": (url("https://127.0.0.1/a.png"), NO_FQDN),
    "private network": (url("https://192.168.0.1:8080/a.png"), NO_FQDN),
    "cloud metadata": (url("https://169.254.169.254/latest"), NO_FQDN),
    "loopback of version 6": (url("https://[::1]/a.png"), NO_FQDN),
    "reserved name": (url("https://pictures.invalid/a.png"), NO_FQDN),
    "reserved for tests": (url("https://cdn.example.test/a.png"), NO_FQDN),
    "name of a local network": (url("https://nas.local/a.png"), NO_FQDN),
    "name that is a number": (url("https://999.999.999.999/a.png"), NO_FQDN),
    "empty part before the last": (url("https://example..com/a.png"), NO_FQDN),
    "empty part": (url("https://a..example.com/a.png"), NOT_FETCHED),
    "part of 64 characters": (url(f"https://{'a' * 64}.example.com/a.png"), NOT_FETCHED),
    "name of 255 characters": (url(f"https://{'a.' * 122}example.com/a.png"), NOT_FETCHED),
}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("name", REFUSED)
def test_image_is_refused_in_the_server_s_words(name: str, operation: str) -> None:
    sent, cause = REFUSED[name]

    answer = CLIENT.post(operation, body_with(sent, operation))

    assert answer.status_code == 400
    assert answer.get_json() == {"message": f"Could not load input image. Cause: {cause}"}


TAKEN = {
    "as it is": base64(IMAGE["value"]),
    "data URI": base64("data:image/png;base64," + IMAGE["value"]),
    "data URI of another type": base64("data:image/jpeg;base64," + IMAGE["value"]),
    "line breaks": base64("\r\n".join(IMAGE["value"][at : at + 10] for at in range(0, len(IMAGE["value"]), 10))),
    "illegal characters": base64("*" + IMAGE["value"] + "!"),
    "more padding": base64(IMAGE["value"] + "=="),
}


@pytest.mark.parametrize("name", TAKEN)
def test_same_content_is_the_same_image_however_it_is_written(name: str) -> None:
    found = CLIENT.concept([{"text": "dog"}, {"text": "cat"}], image=TAKEN[name])

    assert found == CLIENT.concept([{"text": "dog"}, {"text": "cat"}])


def test_image_may_have_nearly_as_many_pixels_as_run_lengths_can_count() -> None:
    (prediction, *_) = CLIENT.visual(None, image=image(2**15 - 1, 2**14))

    assert prediction["masks"]["size"] == [2**14, 2**15 - 1]


@pytest.mark.parametrize(
    "address",
    [
        "https://media.roboflow.com/inference/people-walking.jpg",
        "https://example.com",
        "https://example.com:8443/a.png?size=1#top",
        "https://user@example.co.uk/a",
        "https://[2606:2800:220:1:248:1893:25c8:1946]/a.jpg",
    ],
)
def test_url_stands_for_a_photograph_of_its_own(address: str) -> None:
    first, again = (CLIENT.visual(None, image=url(address)) for _ in range(2))

    other = CLIENT.visual(None, image=url(address + "x"))
    assert first == again != other
    assert min(first[0]["masks"]["size"]) >= 480


def test_photographs_come_in_several_sizes() -> None:
    sizes = {
        tuple(CLIENT.visual(None, image=url(f"https://example.com/{number}"))[0]["masks"]["size"])
        for number in range(40)
    }

    assert len(sizes) == 5


@pytest.mark.parametrize("kind", ["url", "base64"])
@given(value=st.text(max_size=40) | st.text("https:/.[]@\\#?%1a ", max_size=30).map(lambda rest: "https://" + rest))
def test_any_value_is_loaded_or_refused(kind: str, value: Any) -> None:
    answer = CLIENT.post("embed_image", {"image": {"type": kind, "value": value}})

    assert answer.status_code in {200, 400}
