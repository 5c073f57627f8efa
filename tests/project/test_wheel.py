"""What is built: the wheel holds both packages, the document and the types, and works without the checkout."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return next(folder.glob("*.whl"))


def test_wheel_holds_packages_document_and_types(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())

    wanted = {"sam3_contract/_data/sam3.yaml", "sam3_contract/py.typed", "mock_server/py.typed", "mock_server/app.py"}
    wanted |= {"sam3_contract/report/templates/report.html.j2", "sam3_contract/report/report-1.schema.json"}
    assert wanted <= names
    assert not any(name.startswith(("tests/", "benchmarks/", "openapi/")) for name in names)


def test_wheel_finds_its_document_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from sam3_contract import spec; from mock_server import create_app\n"
        "print(spec.packaged_path()); create_app()"
    )

    result = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )

    assert result.stdout.strip() == str(tmp_path / "sam3_contract" / "_data" / "sam3.yaml")


def test_source_archive_holds_all_that_the_tests_look_at() -> None:
    included = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]
    patterns = [pattern.removeprefix("/") for pattern in included["sdist"]["include"]]
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py")]
    named = {name for source in sources for name in re.findall(r"\bROOT / \"([^\"/]+)", source)}

    always = {"pyproject.toml", ".venv-clients"}  # hatchling's own rule; and what `make clients` makes
    missing = {name for name in named - always if not any(fnmatch(name, pattern) for pattern in patterns)}
    assert len(named) > 8
    assert missing == set()
