"""The examples, run as their readers run them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from PIL import Image

from mock_server import Settings, create_app
from sam3_contract.cases import built_in_images
from tests.faults import KEY
from tests.servers import ROOT, serving


def run_example(name: str, *arguments: str, directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "examples" / name), *arguments],
        cwd=directory,
        env={**os.environ, "API_KEY": KEY},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_docs_sample_prints_the_keys_of_the_answer(tmp_path: Path) -> None:
    photograph = tmp_path / "dog.jpeg"
    photograph.write_bytes(built_in_images()[1].content)

    with serving(create_app(Settings(api_keys=frozenset({KEY})))) as url:
        result = run_example("docs_sample.py", str(photograph), url, directory=tmp_path)

    assert result.stdout.strip() == "['inference_id', 'frame_id', 'time', 'resolved_model', 'prompt_results']"
    assert result.returncode == 0


def test_demo_draws_the_masks_and_verifies_the_mock(tmp_path: Path) -> None:
    result = run_example("demo.py", str(tmp_path / "out"), directory=tmp_path)

    assert result.returncode == 0, result.stdout + result.stderr
    assert "all that could be judged held" in result.stdout
    with (
        Image.open(tmp_path / "out" / "masks.png") as picture,
        Image.open(tmp_path / "out" / "photograph.jpg") as photo,
    ):
        assert picture.size == photo.size == (600, 400)
        assert len(set(zip(*[iter(picture.convert("RGB").tobytes())] * 3, strict=True))) > 1000
