"""What ``verify`` is asked to send: chosen by its options, listed, and estimated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sam3_contract import cases
from sam3_contract.cases import Plan
from sam3_contract.cli.concepts import check_concepts
from sam3_contract.errors import UsageError
from sam3_contract.exchanges.exchange import Photograph
from sam3_contract.report.words import count_of
from sam3_contract.terminal import say
from sam3_contract.transport.credits import credits_for

NEXT: Final = 12  # cases beyond the budget that are listed


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the options chose to ask, and how to say so again."""

    plan: Plan
    options: tuple[str, ...]


def choose(
    images: Sequence[str],
    urls: Sequence[str],
    texts: Sequence[str],
    points: Sequence[tuple[float, float]],
    operations: Sequence[str],
    only: Sequence[str],
    *,
    seed: int = 0,
) -> Chosen:
    """Plan what the options ask for.

    Raises:
        UsageError: If there are too many texts, an empty one, a URL without a file, or a case that is not in the plan.
        ImageError: If a file is no image.
    """
    check_concepts(texts)
    photographs = tuple(map(cases.photograph_from_file, images)) or cases.built_in_images()
    whole = cases.plan(photographs, texts=texts, points=points, urls=dict(map(_by_url, urls)), seed=seed)
    unknown = [name for name in only if whole.named(name) is None]
    if unknown:
        raise UsageError(f"no case {unknown[0]!r} in this plan; --dry-run lists them")
    plan = whole.of_cases(only) if only else whole.of_operations(operations)
    given = [*(("--image", image) for image in images), *(("--text", text) for text in texts)]
    given += [("--image-url", url) for url in urls]
    given += [("--point", f"{x:g},{y:g}") for x, y in points]
    return Chosen(plan, tuple(word for pair in given for word in pair))


def _by_url(text: str) -> tuple[str, Photograph]:
    url, found, path = text.rpartition("=")
    if not found or "://" not in url or not path:
        raise UsageError(f"--image-url {text!r} has to be URL=FILE, such as https://example.com/bus.jpg=bus.jpg")
    return url, cases.photograph_from_file(path)


def show_plan(plan: Plan, max_calls: int, price: float | None) -> None:
    """List what would be sent, in its order, and what the next calls would look at."""
    listed = plan.entries[: max_calls + NEXT]
    width = max(len(entry.id) for entry in listed)
    for number, entry in enumerate(listed, start=1):
        if number == max_calls + 1:
            say(f"---- over the budget of {max_calls} calls; the next ones would look at ----")
        say(f"{number:3}  {entry.id:{width}}  {entry.asks}")
    if len(plan) > len(listed):
        say(f"---- and {len(plan) - len(listed)} more ----")
    say(estimate(plan, max_calls, price))


def estimate(plan: Plan, max_calls: int, price: float | None) -> str:
    """Say what a run will cost, as far as that is known: the good requests, by their price or by the least there is."""
    sent = plan.entries[:max_calls]
    good = sum(200 in getattr(entry, "expected", {200}) for entry in sent)
    refused = len(sent) - good
    words = f"{count_of(len(sent), 'call')}, {refused or 'none'} of them to be refused"
    if price is None:
        return f"{words}; at least {credits_for(good):g} credits, more where the service works longer than 0.1 s"
    return f"{words}; about {good * price:g} credits if only the others are charged"
