"""``/metrics``: what a mock was asked and how it answered."""

from __future__ import annotations

import sys

import pytest

from mock_server import Settings, control_of, create_app
from sam3_contract.errors import UsageError
from tests.mock_server.client import IMAGE

parser = pytest.importorskip("prometheus_client.parser", reason="the extra `metrics` is not installed")


def samples_of(text: str) -> dict[tuple[str, tuple[str, ...]], float]:
    """Read what Prometheus would, by its own parser: values by name and the values of labels."""
    return {
        (one.name, tuple(one.labels.values())): one.value
        for family in parser.text_string_to_metric_families(text)
        for one in family.samples
    }


def test_metrics_tell_operations_statuses_seconds_faults_and_memory() -> None:
    app = create_app(Settings(metrics=True))
    client = app.test_client()

    def ask(path: str, key: str = "any", **headers: str) -> None:
        client.post(f"{path}?api_key={key}", json={"image": IMAGE}, headers={"X-Mock-Fault": headers.get("fault", "")})

    ask("/sam3/embed_image")
    ask("/s/one/sam3/embed_image", fault="time_negative,status:503:1")
    ask("/s/one/sam3/embed_image", fault="time_negative,status:503:1")
    ask("/sam3/embed_image", key="wrong-key")
    ask("/nowhere")
    answer = client.get("/metrics")
    found = samples_of(answer.get_data(as_text=True))

    assert answer.mimetype == "text/plain"
    requests_by = {labels: value for (name, labels), value in found.items() if name == "sam3_mock_requests_total"}
    assert requests_by == {
        ("embed_image", "200"): 2, ("embed_image", "503"): 1, ("embed_image", "401"): 1, ("other", "404"): 1,
    }  # fmt: skip
    assert found["sam3_mock_request_seconds_count", ("embed_image",)] == 4
    assert 0 < found["sam3_mock_request_seconds_sum", ("embed_image",)] < 60
    assert found["sam3_mock_faults_total", ("status",)] == 1
    assert found["sam3_mock_faults_total", ("time_negative",)] >= 1
    assert found["sam3_mock_memory_bytes", ()] > 1000
    assert [entry.path for entry in control_of(app).journal.requests] == [
        "/sam3/embed_image",
        "/sam3/embed_image",
        "/nowhere",
    ]


def test_there_are_no_metrics_unless_asked_for() -> None:
    assert create_app().test_client().get("/metrics?api_key=any").status_code == 404


def test_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)

    with pytest.raises(UsageError, match=r"pip install 'sam3-contract\[metrics\]'"):
        create_app(Settings(metrics=True))
