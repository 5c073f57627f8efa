"""A score as files: JSON for programs, JUnit XML for build servers, one HTML page for people."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET  # written only

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from sam3_contract.files.atomic import write_atomically
from sam3_contract.mutation.score import FaultVerdict, Score
from sam3_contract.mutation.verdict import Verdict
from sam3_contract.terminal import plain

__all__ = ["MOST_PICTURED", "as_html", "as_json", "as_junit", "write_files"]

MOST_PICTURED: Final = 24
"""Faults with pictures, so that the page stays one that opens."""


def write_files(score: Score, folder: Path) -> list[Path]:
    """Write ``mutation.json``, ``mutation.xml`` and ``mutation.html`` into a folder, which is made if need be.

    Raises:
        OutputError: If one cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    texts = {"mutation.json": as_json(score), "mutation.xml": as_junit(score), "mutation.html": as_html(score)}
    for name, text in texts.items():
        write_atomically(folder / name, text.encode())
    return [folder / name for name in texts]


def as_json(score: Score) -> str:
    """Write a score for programs; pictures are in the page alone."""
    value = {
        "version": 1,
        "score": None if score.percent is None else round(score.percent, 1),
        "felt": score.felt,
        "verdicts": {verdict.value: number for verdict, number in score.counts.items()},
        "families": {family: {"good": good, "felt": felt} for family, (good, felt) in sorted(score.families.items())},
        "calls": score.calls,
        "seconds": round(score.seconds, 2),
        "untried": list(score.untried),
        "faults": [
            {
                "fault": one.fault,
                "family": one.family,
                "verdict": one.verdict.value,
                "calls": one.calls,
                "runs": [{"code": run.code, "says": run.says} for run in one.runs],
            }
            for one in score.faults
        ],
    }
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def as_junit(score: Score) -> str:
    """Write a score as JUnit XML: a test case for each fault, skipped if the client could not feel it."""
    cases = ET.Element("testsuite", {"name": "sam3-contract.mutation", "time": f"{score.seconds:.3f}"})
    for one in score.faults:
        case = ET.SubElement(cases, "testcase", {"classname": one.family, "name": one.fault, "time": "0"})
        if not one.verdict.counts:
            ET.SubElement(case, "skipped", {"message": one.verdict.value})
        elif not one.verdict.is_good:
            failure = ET.SubElement(case, "failure", {"message": one.verdict.value, "type": one.verdict.name.lower()})
            failure.text = plain("\n".join([one.verdict.meaning, *(f"{run.code}: {run.says}" for run in one.runs)]))
    cases.set("errors", "0")
    for name, tag in (("tests", "testcase"), ("failures", "failure"), ("skipped", "skipped")):
        cases.set(name, str(len(list(cases.iter(tag)))))
    root = ET.Element("testsuites", {"name": "sam3-contract"})
    root.append(cases)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def as_html(score: Score) -> str:
    """Write a score as a page of its own, which loads nothing."""
    pictured = [one for one in score.faults if one.verdict is Verdict.SILENT and _pictures(one)][:MOST_PICTURED]
    pictures = {one.fault: _pictures(one) for one in pictured}
    return _template().render(score=score, verdicts=list(Verdict), pictures=pictures)


def _pictures(one: FaultVerdict) -> dict[str, str]:
    return next((dict(run.pictures) for run in one.runs if run.pictures), {})


@cache
def _template() -> Template:
    loader = PackageLoader("sam3_contract.mutation")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.get_template("mutation.html.j2")
