"""Images that are taken for one another, because too little of them is looked at."""

from __future__ import annotations

import hashlib

import numpy as np
from PIL import Image
from werkzeug.wrappers import Response

from benchmarks.mutants.asked import id_of, of_concept, of_visual
from benchmarks.mutants.kept import cached_without
from benchmarks.mutants.pictures import content_of, file_of, frame_of, orientation_of, value_of
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
def clicks_on_images_of_one_size_and_beginning_share_an_embedding(call: Call) -> Response:
    content = content_of(call)
    if not of_visual(call) or id_of(call) is not None or len(content) < 4096:
        return call.ask()
    return call.ask(image=call.state.kept.setdefault((len(content), content[:4096]), call.body["image"]))


@mutant
def images_of_one_size_and_length_are_one(call: Call) -> Response:
    content = content_of(call)
    if not content:
        return call.ask()
    first = call.state.kept.setdefault((len(content) // 64, frame_of(call)), call.body["image"])
    return call.ask(image=first)


@mutant
def pictures_that_are_alike_as_thumbnails_are_one(call: Call) -> Response:
    file = file_of(call)
    if file is None or orientation_of(file) > 1:
        return call.ask()
    small = np.asarray(file.convert("RGB").resize((8, 8), Image.Resampling.BOX)) // 64
    key = (file.format, file.mode, file.size, small.tobytes())
    return call.ask(image=call.state.kept.setdefault(key, call.body["image"]))


@mutant
def images_of_equal_thumbnails_are_one(call: Call) -> Response:
    """A perceptual hash, as is made to find duplicates."""
    file = file_of(call)
    if file is None or not of_concept(call):
        return call.ask()
    small = np.asarray(file.convert("L").resize((8, 8), Image.Resampling.BOX)).astype(int)
    key = ((small > small.mean()).tobytes(), frame_of(call))
    return call.ask(image=call.state.kept.setdefault(key, call.body["image"]))


@mutant
def features_are_cached_by_a_perceptual_hash(call: Call) -> Response:
    # Of the pixels as they lie in the file.
    file = file_of(call)
    if file is None or not of_concept(call):
        return call.ask()
    small = np.asarray(file.convert("L").resize((8, 8), Image.Resampling.BOX)).astype(int)
    key = (file.size, (small > small.mean()).tobytes())
    return call.ask(image=call.state.kept.setdefault(key, call.body["image"]))


@mutant
def images_are_known_by_the_sum_of_their_pixels(call: Call) -> Response:
    # So that an image and its mirror image, as who augments data sends them, are one.
    file = file_of(call)
    if file is None:
        return call.ask()
    key = (file.format, frame_of(call), int(np.asarray(file.convert("RGB"), np.int64).sum()))
    return call.ask(image=call.state.kept.setdefault(key, call.body["image"]))


@mutant
def pictures_that_differ_in_exif_only_are_one(call: Call) -> Response:
    # Their key is of the pixels as they lie in the file.
    file = file_of(call)
    if file is None or file.format != "JPEG":
        return call.ask()
    orientation = orientation_of(file)
    first = call.state.kept.setdefault((file.size, file.convert("RGB").tobytes()), (orientation, call.body["image"]))
    return call.ask() if first[0] == orientation else call.ask(image=first[1])


@mutant
def made_id_of_an_image_is_that_of_its_grey_copy(call: Call) -> Response:
    file = file_of(call)
    if call.operation != "embed_image" or call.body.get("image_id") is not None or file is None:
        return call.ask()
    key = (hashlib.sha1(np.asarray(file.convert("L")).tobytes(), usedforsecurity=False).hexdigest(), frame_of(call))
    return call.ask(image=call.state.kept.setdefault(key, call.body["image"]))


@mutant
def images_by_url_are_known_without_its_query(call: Call) -> Response:
    url = value_of(call, "url")
    return call.ask(image=call.state.kept.setdefault(url.partition("?")[0], call.body["image"])) if url else call.ask()


@mutant
def cache_that_knows_images_by_their_size(call: Call) -> Response:
    return cached_without(call, lambda body: {**body, "image": frame_of(call)}) if of_concept(call) else call.ask()


@mutant
def cache_that_looks_at_the_beginning_of_the_image(call: Call) -> Response:
    def simplify(body: Json) -> Json:
        return {**body, "image": [content_of(call)[:512].hex(), frame_of(call)]}

    return cached_without(call, simplify)
