"""Runs to report, made by hand: a photograph, an answer with masks, and what was found in it."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

from PIL import Image, ImageDraw

from sam3_contract.checks import Breach, Check, Judgement, Violation
from sam3_contract.checks.check import Shown
from sam3_contract.exchanges.exchange import Case, Exchange
from sam3_contract.images import read_header
from sam3_contract.masks import rle_from_bitmap
from sam3_contract.spec import load
from sam3_contract.testing import bitmap_from_drawing
from sam3_contract.verification.runner import CheckOutcome, Run

CONTRACT = load()
KEY = "rf_s3cret/key+of&tests"
SQUARE = rle_from_bitmap(bitmap_from_drawing(("......", ".####.", ".####.", "......")))
TALL = rle_from_bitmap(bitmap_from_drawing(("......", "..##..", "..##..", "..##..")))


def photograph(width: int = 6, height: int = 4) -> bytes:
    image = Image.new("RGB", (width, height), (200, 190, 170))
    ImageDraw.Draw(image).rectangle((1, 1, width - 2, height - 2), fill=(40, 90, 180))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def prediction(masks: Any = SQUARE, **fields: Any) -> dict[str, Any]:
    return {"masks": masks, "confidence": 0.75, "format": "rle", **fields}


def exchange(
    predictions: Any = None,
    *,
    name: str = "concept_segment/scene/rle",
    status: int = 200,
    body: bytes | None = None,
    image: Any = None,
    **fields: Any,
) -> Exchange:
    """An answered `concept_segment` on a photograph of 6 x 4 pixels."""
    content = photograph()
    sent = {
        "image": image or {"type": "base64", "value": base64.b64encode(content).decode()},
        "prompts": [{"type": "text", "text": "dog"}],
        "format": "rle",
    }
    header = None if image else read_header(content)
    case = Case(name, "concept_segment", "asks for dogs", sent, image=header)
    listed = [prediction()] if predictions is None else predictions
    answer = {"time": 0.2, "prompt_results": [{"prompt_index": 0, "echo": {"text": "dog"}, "predictions": listed}]}
    octets = json.dumps(answer).encode() if body is None else body
    headers = fields.pop("headers", {"content-type": "application/json"})
    return Exchange(case, status, headers, octets, 0.25, KEY, **fields)


def check(code: str = "M03", **fields: Any) -> Check:
    return Check(
        code=code,
        name=fields.pop("name", f"law_of_{code.lower()}"),
        law=fields.pop("law", f"What {code} says holds."),
        source="docs",
        rule="#/components/schemas/Rle",
        mend="Do as the law says.",
        judge=lambda _exchanges, _contract: Judgement(0, ()),
        **fields,
    )


def violation(of: Check, in_: Exchange | None = None, **fields: Any) -> Violation:
    where = in_ or exchange()
    breach = Breach(
        fields.pop("at", "$.prompt_results[0].predictions[0].masks.size"),
        fields.pop("found", "[6, 4]"),
        fields.pop("expected", "[4, 6]"),
        exchange=where,
        **fields,
    )
    return Violation(of, breach, where)


def run(*outcomes: CheckOutcome, **fields: Any) -> Run:
    found = [one for outcome in outcomes for one in (*outcome.violations, *outcome.accepted, *outcome.deviating)]
    exchanges = tuple(dict.fromkeys(one.exchange for one in found)) or (exchange(),)
    return Run(fields.pop("target", "http://127.0.0.1:9001"), exchanges, outcomes, **fields)


def broken_run(**fields: Any) -> Run:
    """A run with every kind of outcome."""
    hard, odd, rate = check("M03"), check("M08", severity="warning"), check("V03", kind="statistical")
    shown = Shown((TALL,), (SQUARE,), (4, 6))
    answered = exchange()
    return run(
        CheckOutcome(check("S01"), 9, ()),
        CheckOutcome(
            hard,
            4,
            (violation(hard, answered, why="it is swapped", masks=shown), violation(hard, exchange(name="other"))),
            accepted=(violation(hard, answered, at="$.accepted"),),
            deviating=(violation(hard, answered, at="$.known", deviation="binary_answers_500"),),
        ),
        CheckOutcome(odd, 3, (violation(odd, answered, found="a slow answer"),)),
        CheckOutcome(rate, 8, (violation(rate, answered, found="a click outside"),), least=0.75),
        CheckOutcome(check("V04", needs="a box"), 0, ()),
        seed=4021,
        stopped="the budget of 60 calls is used up",
        unsent=("visual_segment/scene/box",),
        retries=2,
        deviations_seen=("binary_answers_500",),
        deviations_absent=("other_methods",),
        stale=("M01 gone/case $.x",),
        **fields,
    )


def held_run(**fields: Any) -> Run:
    return run(CheckOutcome(check("S01"), 9, ()), CheckOutcome(check("M03"), 4, ()), **fields)
