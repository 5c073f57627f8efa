"""Images that are taken for one another, because too little of them is looked at."""

from __future__ import annotations

from werkzeug.wrappers import Response

from benchmarks.mutants.asked import of_concept
from benchmarks.mutants.kept import cached_without
from benchmarks.mutants.pictures import content_of, frame_of
from benchmarks.mutants.server import Call, Json, Kind

mutant = Kind()
MUTANTS = mutant.mutants


@mutant
def images_alike_in_their_first_kilobyte_are_one(call: Call) -> Response:
    content = content_of(call)
    if not content or not of_concept(call):
        return call.ask()
    first = call.state.kept.setdefault((content[:1024], frame_of(call)), call.body["image"])
    return call.ask(image=first)


@mutant
def images_of_one_size_and_length_are_one(call: Call) -> Response:
    content = content_of(call)
    if not content:
        return call.ask()
    first = call.state.kept.setdefault((len(content) // 64, frame_of(call)), call.body["image"])
    return call.ask(image=first)


@mutant
def cache_that_knows_images_by_their_size(call: Call) -> Response:
    return cached_without(call, lambda body: {**body, "image": frame_of(call)}) if of_concept(call) else call.ask()


@mutant
def cache_that_looks_at_the_beginning_of_the_image(call: Call) -> Response:
    def simplify(body: Json) -> Json:
        return {**body, "image": [content_of(call)[:512].hex(), frame_of(call)]}

    return cached_without(call, simplify)
