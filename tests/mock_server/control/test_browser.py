"""A web page of another origin, in a real browser, that tries to read and to change a mock on this machine."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from mock_server import control_of, create_app
from tests.servers import serving

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SECRET = "a prompt that nobody else may read"

PAGE = """<!doctype html><title>foreign</title><pre id="found">nothing</pre><script>
const mock = "{mock}", found = {{}};
async function attempt(name, path, options) {{
  try {{
    const answer = await fetch(mock + path, options);
    found[name] = answer.type + " " + answer.status + " " + (await answer.text());
  }} catch (error) {{ found[name] = "refused"; }}
}}
const faults = JSON.stringify({{faults: ["status:503"]}});
(async () => {{
  await attempt("read", "/_mock/requests");
  await attempt("read with cookies", "/_mock/requests", {{credentials: "include"}});
  await attempt("read blindly", "/_mock/requests", {{mode: "no-cors"}});
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/json"])
    for (const method of ["POST", "PUT"])
      for (const mode of ["cors", "no-cors"])
        await attempt(method + " " + type + " " + mode, "/_mock/faults",
                      {{method, mode, body: faults, headers: {{"Content-Type": type}}}});
  await attempt("empty", "/_mock/requests", {{method: "DELETE"}});
  await attempt("reset", "/_mock/reset", {{method: "POST", mode: "no-cors"}});
  navigator.sendBeacon(mock + "/_mock/scenarios", new Blob([JSON.stringify({{strict: true}})], {{type: "text/plain"}}));
  const form = document.createElement("form");
  form.method = "POST"; form.action = mock + "/_mock/reset"; form.target = "frame";
  const frame = document.createElement("iframe");
  frame.name = "frame"; frame.src = mock + "/_mock/requests";
  document.body.append(frame, form);
  await new Promise((loaded) => {{ frame.onload = loaded; }});
  form.submit();
  await new Promise((loaded) => {{ frame.onload = loaded; }});
  await attempt("the service itself", "/sam3/embed_image?api_key=any", {{
    method: "POST", headers: {{"Content-Type": "application/json"}},
    body: JSON.stringify({{image: {{type: "url", value: "https://example.com/a.jpg"}}}})
  }});
  document.getElementById("found").textContent = JSON.stringify(found);
}})();
</script>"""


@pytest.mark.skipif(BROWSER is None, reason="needs Chromium: apt-get install chromium")
def test_page_of_another_origin_can_neither_read_nor_change(tmp_path: Path) -> None:
    app = create_app()
    control = control_of(app)
    image = {"type": "url", "value": "https://example.com/a.jpg"}
    app.test_client().post("/sam3/concept_segment?api_key=any", json={"image": image, "prompts": [{"text": SECRET}]})

    with serving(app) as mock:
        page = Flask("foreign")
        page.add_url_rule("/", "page", lambda: PAGE.format(mock=mock))
        with serving(page) as foreign:
            found = looked_at(foreign, tmp_path)

    # What the service offers browsers works, so the page was able to reach the mock at all.
    assert "image_id" in found.pop("the service itself")
    assert set(found.values()) <= {"refused", "opaque 0 "}
    assert control.faults == ()
    assert not control.scenarios.plan.plays
    assert control.journal.requests[0].texts == [SECRET]


def looked_at(url: str, profile: Path) -> dict[str, Any]:
    """Open a page in a browser of its own; return what it found."""
    command = [
        str(BROWSER),
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        f"--user-data-dir={profile}",
        "--virtual-time-budget=20000",
        "--dump-dom",
        url,
    ]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    text = re.search(r'<pre id="found">(.*?)</pre>', shown, re.DOTALL)
    assert text is not None, shown
    found: dict[str, Any] = json.loads(unescape(text[1]))
    return found
