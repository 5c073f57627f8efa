"""The cases of a verification: each serves many checks, those that a call can find the most with come first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from sam3_contract.cases import (
    boundaries,
    concept,
    follow_ups,
    memory,
    overlaps,
    refused,
    sweep,
    visual,
)
from sam3_contract.cases.dressing import dressed, named
from sam3_contract.cases.questions import CONCEPT, ORIGIN, Asks, Made, Questions
from sam3_contract.cases.variants import Variants
from sam3_contract.exchanges.exchange import Case, Exchange, Photograph, as_base64

AT_ONCE = "all at once"


@dataclass(frozen=True)
class FollowUp:
    """A case that is made when its turn comes: of earlier answers, or only if it is sent at all.

    Attributes:
        id: Of the case.
        operation: The ``operationId``.
        question: What it asks, in one sentence, or what writes that.
        make: Makes it of the answers so far, by their cases' ids; ``None`` if they hold nothing to ask about.
        beside: Ids of the cases it is made of, or compared with.
    """

    id: str
    operation: str
    question: Asks
    make: Callable[[Mapping[str, Exchange]], Case | None]
    beside: tuple[str, ...] = ()

    @property
    def asks(self) -> str:
        """The question it puts, in one sentence."""
        return self.question if isinstance(self.question, str) else self.question()


@dataclass(frozen=True)
class Plan:
    """What to ask.

    Attributes:
        entries: Everything, in the order in which it is asked: what finds the most for a call comes first.
        variants: What the last entries are drawn from, and can be made plainer by.
    """

    entries: tuple[Case | FollowUp, ...]
    variants: Variants | None = None

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def cases(self) -> tuple[Case, ...]:
        """What is asked whatever is answered."""
        return tuple(entry for entry in self.entries if isinstance(entry, Case))

    @property
    def follow_ups(self) -> tuple[FollowUp, ...]:
        """What is made when its turn comes."""
        return tuple(entry for entry in self.entries if isinstance(entry, FollowUp))

    def of_operations(self, operations: Iterable[str]) -> Plan:
        """Keep what asks these operations, and what that builds on."""
        kept = frozenset(operations)
        if not kept:
            return self
        return self._of({entry.id for entry in self.entries if entry.operation in kept})

    def of_cases(self, ids: Iterable[str]) -> Plan:
        """Keep these cases, what they build on, and what their answers are compared with."""
        wanted = set(ids)
        planned = {entry.id for entry in self.entries}
        plainer = [self.named(name) for name in sorted(wanted - planned)]
        kept = self._of(wanted)
        return replace(kept, entries=(*kept.entries, *(case for case in plainer if case is not None)))

    def named(self, name: str) -> Case | FollowUp | None:
        """Find what has an id: an entry, or a variant made plainer; ``None`` if there is none."""
        planned = next((entry for entry in self.entries if entry.id == name), None)
        return planned or (self.variants.named(name) if self.variants else None)

    def _of(self, ids: set[str]) -> Plan:
        entries = {entry.id: entry for entry in self.entries}
        wanted, queue = set[str](), list(ids)
        for name in queue:
            if name in entries and name not in wanted:
                wanted.add(name)
                queue += _partners(entries[name])
        return replace(self, entries=tuple(entry for entry in self.entries if entry.id in wanted))


def plan(
    photographs: Sequence[Photograph],
    *,
    texts: Sequence[str] = (),
    points: Sequence[tuple[float, float]] = (),
    urls: Mapping[str, Photograph] | None = None,
    seed: int = 0,
) -> Plan:
    """Plan a verification.

    Args:
        photographs: The images to send, at least one; scenes of which the truth is known serve more checks.
        texts: The concepts to ask for, up to 16; by default what is drawn in the scenes.
        points: Positive clicks, ``(x, y)`` in pixels of every image; by default on what is drawn there.
        urls: Where the server can fetch images that are at hand as well, to compare what it makes of either.
        seed: Of the combinations that come last.
    """
    questions = Questions(tuple(photographs), tuple(texts), tuple(points))
    variants = Variants(questions, seed)
    entries = (*_first(questions, urls or {}), *_then(questions), *_made(variants.made()))
    first: dict[str, Case | FollowUp] = {}
    for entry in entries:
        first.setdefault(entry.id, entry)
    plain = as_base64(questions.lead)
    return Plan(tuple(_dressed(entry, plain, seed) for entry in first.values()), variants)


def _dressed(entry: Case | FollowUp, plain: Mapping[str, str], seed: int) -> Case | FollowUp:
    """Say beside good requests what changes nothing, but for those of the lead, which are plain."""
    if isinstance(entry, Case):
        return entry if entry.sent.get("image") == plain else dressed(entry, seed)

    def make(seen: Mapping[str, Exchange]) -> Case | None:
        made = entry.make(seen)
        return made if made is None or made.sent.get("image") == plain else dressed(made, seed)

    return replace(entry, make=make)


def _first(questions: Questions, urls: Mapping[str, Photograph]) -> Iterator[Case | FollowUp]:
    """What a run of the default budget asks."""
    main, others = questions.lead, questions.photographs[1:]
    yield next(concept.main_cases(questions, main))
    # Another image in both formats: it shows more of what is hard to outline.
    yield from concept.main_cases(questions, (others or (main,))[0])
    yield from _made(follow_ups.other_prompts(questions))
    yield from visual.main_cases(questions, main)
    yield from memory.memory_cases(questions)
    yield from _in_turns(overlaps.overlap_cases(questions), refused.most_telling(questions))
    again, *rest = concept.detail_cases(questions)
    yield from rest
    yield from visual.shape_cases(questions)
    unlocked, *bad = refused.of_concept(questions)
    bad += refused.of_models_and_formats(questions)
    yield from _in_turns([*visual.detail_cases(questions), *_made(follow_ups.follow_ups(questions))], bad)
    yield from boundaries.click_case(questions)
    yield from boundaries.box_case(questions)
    yield from concept.further_scene_cases(questions)
    yield from overlaps.written_out_case(questions)
    yield from _at_once(questions, again, unlocked)
    for url, at_hand in urls.items():
        yield from concept.url_cases(questions, url, at_hand)
    yield refused.preflight("preflight", CONCEPT)
    yield from _made(concept.large_scene_case(questions))


def _then(questions: Questions) -> Iterator[Case | FollowUp]:
    """What a longer run asks as well."""
    good: tuple[Case | FollowUp, ...] = (
        *concept.described_case(questions),
        *_made(follow_ups.further_follow_ups(questions)),
        *memory.logits_cases(questions),
        *memory.unnamed_cases(questions),
        *_made(memory.follow_ups(questions)),
        *memory.exchanged_boxes_case(questions),
    )
    yield from _in_turns(good, refused.of_others(questions))
    good = (
        *visual.form_cases(questions),
        *concept.exemplar_case(questions),
        *concept.blank_case(questions),
        *boundaries.mixed_case(questions),
        *_made(boundaries.large_case(questions)),
        *overlaps.threshold_cases(questions),
    )
    yield from _in_turns(good, refused.the_rest(questions))
    yield from sweep.orders(questions)
    yield from _made(follow_ups.retold(questions))
    yield from boundaries.other_clicks_case(questions)
    yield from _made(sweep.neighbours(questions))
    yield from _made(sweep.ids(questions))
    yield from _visual_at_once(questions)
    yield from memory.embedded_at_once_case(questions)
    yield from _made(sweep.sizes(questions))
    yield from overlaps.few_prompts(questions)
    yield from _made(overlaps.further_follow_ups(questions))
    yield from sweep.pairs(questions)
    yield from overlaps.hidden_prompt(questions)
    yield from _made(overlaps.late_follow_ups(questions))
    yield from _made(sweep.encodings(questions))
    yield from refused.of_model_sizes(questions)
    yield from sweep.defaults(questions)
    yield from sweep.further_shades(questions)
    yield from concept.main_cases(questions, questions.lead)
    yield from overlaps.polygon_case(questions)


def _at_once(questions: Questions, again: Case, refused_one: Case) -> Iterator[Case]:
    """Send other views of the scene at once, other things with them, and again what was asked alone before."""
    main = _again(next(concept.main_cases(questions, questions.lead)))
    objects = [case for other in questions.photographs[1:2] for case in visual.object_cases(questions, other)]
    others, (alike, *views) = [*concept.crowd_cases(questions)], concept.view_cases(questions)
    unlike = [*others[1:], *objects, *visual.view_cases(questions), *views]
    # The last asks what none of the others does, so that it shows where others are answered as the latest.
    wave = [main, again, *unlike, refused_one, alike, *others[:1], *overlaps.certain_case(questions)]
    # What others are compared with is not among them.
    yield from _under_way(wave)


def _visual_at_once(questions: Questions) -> Iterator[Case]:
    """Click again what was clicked alone before, and use image_ids meanwhile, beside what has to be refused."""
    clicks = _again(next(visual.main_cases(questions, questions.lead)))
    others = [*memory.named_cases(questions), *sweep.outlines(questions), *sweep.archive_case(questions)]
    bad = [*refused.at_once(questions), *refused.by_query(questions)]
    yield from _under_way([clicks, *others, *visual.archive_case(questions), *bad])


def _under_way(cases: Iterable[Case]) -> Iterator[Case]:
    """Send cases at once, some of them from different origins."""
    for number, case in enumerate(cases):
        origin = {"origin": f"https://{number}.example.org"} if number % 2 else {}
        yield named(replace(case, at_once=AT_ONCE, headers={**origin, **case.headers}), number)


def _in_turns(good: Iterable[Case | FollowUp], bad: Iterable[Case]) -> Iterator[Case | FollowUp]:
    """Put something good after each refusal, as long as there is: what a refusal leaves behind shows there."""
    for pair in zip_longest(good, (_from_elsewhere(case, number) for number, case in enumerate(bad))):
        yield from (entry for entry in pair if entry is not None)


def _from_elsewhere(case: Case, number: int) -> Case:
    """Send a case from a page of another origin, which has to be able to read why it is refused."""
    return named(replace(case, headers={"origin": ORIGIN, **case.headers}), number)


def _again(case: Case) -> Case:
    asks = f"{case.asks}, while others are under way"
    return replace(case, id=f"{case.id}_at_once", asks=asks, beside=(case.id,))


def _made(follow_ups: Iterable[Made]) -> Iterator[FollowUp]:
    for name, asks, make, beside in follow_ups:
        yield FollowUp(name, name.partition("/")[0], asks, make, beside)


def _partners(entry: Case | FollowUp) -> list[str]:
    if isinstance(entry, FollowUp):
        return list(entry.beside)
    return [*entry.after, *entry.beside, *([entry.twin.of] if entry.twin else [])]
