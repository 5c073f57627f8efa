"""Files of some kinds, or written in some way, that are refused or not survived."""

from __future__ import annotations

import numpy as np
from werkzeug.wrappers import Response

from benchmarks.mutants.asked import of_concept, of_visual
from benchmarks.mutants.pictures import content_of, file_of, frame_of, value_of
from benchmarks.mutants.server import Call, Kind, failure, refusal, unloadable

mutant = Kind()
MUTANTS = mutant.mutants


@mutant
def cmyk_is_refused(call: Call) -> Response:
    file = file_of(call)
    return unloadable() if file is not None and file.mode == "CMYK" else call.ask()


@mutant
def progressive_jpeg_is_refused(call: Call) -> Response:
    file = file_of(call)
    return unloadable() if file is not None and file.info.get("progressive") else call.ask()


@mutant
def progressive_jpegs_are_refused(call: Call) -> Response:
    return progressive_jpeg_is_refused(call)


@mutant
def interlaced_png_is_refused(call: Call) -> Response:
    file = file_of(call)
    return unloadable() if file is not None and file.info.get("interlace") else call.ask()


@mutant
def grey_with_alpha_is_refused(call: Call) -> Response:
    file = file_of(call)
    return unloadable() if file is not None and file.mode in {"LA", "PA"} else call.ask()


@mutant
def grey_with_alpha_is_an_internal_error(call: Call) -> Response:
    # Channels are reshaped to one, three or four.
    file = file_of(call)
    return failure() if file is not None and file.mode == "LA" else call.ask()


@mutant
def alpha_beside_a_palette_is_refused(call: Call) -> Response:
    file = file_of(call)
    both = file is not None and file.mode == "P" and "transparency" in file.info
    return refusal(400, {"message": "Could not load input image."}) if both else call.ask()


@mutant
def lossless_webp_is_refused(call: Call) -> Response:
    content = content_of(call)
    lossless = content[8:12] == b"WEBP" and b"VP8L" in content[:64]
    return unloadable() if lossless else call.ask()


@mutant
def compressed_tiff_is_refused(call: Call) -> Response:
    file = file_of(call)
    packed = file is not None and file.format == "TIFF" and file.info.get("compression", "raw") != "raw"
    return unloadable() if packed else call.ask()


@mutant
def tiff_in_big_endian_is_refused(call: Call) -> Response:
    return unloadable() if content_of(call).startswith(b"MM\0*") else call.ask()


@mutant
def jpeg_with_bytes_after_its_end_is_refused(call: Call) -> Response:
    # Where telephones put the film of a moving photo.
    content = content_of(call)
    behind = content.startswith(b"\xff\xd8") and not content.endswith(b"\xff\xd9") and file_of(call) is not None
    return unloadable() if behind else call.ask()


@mutant
def jpeg_with_something_after_its_end_is_refused(call: Call) -> Response:
    content = content_of(call)
    return unloadable() if content.startswith(b"\xff\xd8") and content[-2:] != b"\xff\xd9" else call.ask()


@mutant
def bmp_is_refused_by_visual(call: Call) -> Response:
    file = file_of(call)
    is_bmp = of_visual(call) and file is not None and file.format == "BMP"
    return refusal(400, {"message": "Could not load input image."}) if is_bmp else call.ask()


@mutant
def gif_is_refused_by_visual(call: Call) -> Response:
    file = file_of(call)
    is_gif = of_visual(call) and file is not None and file.format == "GIF"
    return refusal(400, {"message": "Could not load input image."}) if is_gif else call.ask()


@mutant
def data_uri_of_jpeg_is_refused(call: Call) -> Response:
    return unloadable() if value_of(call).startswith("data:image/jpeg") else call.ask()


@mutant
def data_uri_of_gif_or_bmp_is_refused(call: Call) -> Response:
    plain = value_of(call).startswith(("data:image/gif", "data:image/bmp"))
    return refusal(400, {"message": "Could not load input image."}) if plain else call.ask()


@mutant
def data_uri_of_webp_is_refused(call: Call) -> Response:
    return unloadable() if value_of(call).startswith("data:image/webp") else call.ask()


@mutant
def base64_with_line_breaks_is_refused(call: Call) -> Response:
    return refusal(400, {"message": "Could not load input image."}) if "\n" in value_of(call) else call.ask()


@mutant
def base64_in_lines_is_refused(call: Call) -> Response:
    return unloadable() if "\n" in value_of(call).strip() else call.ask()


@mutant
def images_above_three_megabytes_are_refused(call: Call) -> Response:
    return refusal(413, {"message": "too large"}) if len(value_of(call)) > 3_000_000 else call.ask()


@mutant
def images_below_16_pixels_answer_500(call: Call) -> Response:
    frame = frame_of(call)
    return failure() if frame and min(frame) < 16 else call.ask()


@mutant
def images_of_one_colour_answer_500(call: Call) -> Response:
    file = file_of(call)
    try:
        pixels = None if file is None else np.asarray(file.convert("RGB"))
    except OSError:
        pixels = None
    plain = pixels is not None and bool((pixels == pixels[0, 0]).all())
    return failure() if plain else call.ask()


@mutant
def colour_profile_answers_500(call: Call) -> Response:
    file = file_of(call)
    return failure() if file and file.info.get("icc_profile") else call.ask()


@mutant
def png_with_a_long_note_answers_500(call: Call) -> Response:
    # As programs that make pictures keep all their settings in them.
    file = file_of(call)
    notes = file.info.values() if file is not None and file.format == "PNG" else ()
    return failure() if any(isinstance(note, str) and len(note) > 10_000 for note in notes) else call.ask()


@mutant
def grey_jpeg_answers_500(call: Call) -> Response:
    file = file_of(call)
    grey = file is not None and file.format == "JPEG" and file.mode == "L"
    return failure() if grey else call.ask()


@mutant
def webp_of_several_frames_answers_500(call: Call) -> Response:
    file = file_of(call)
    several = file is not None and file.format == "WEBP" and getattr(file, "n_frames", 1) > 1
    return failure() if several else call.ask()


@mutant
def embedding_of_a_jpeg_answers_500(call: Call) -> Response:
    file = file_of(call)
    is_jpeg = call.operation == "embed_image" and file is not None and file.format == "JPEG"
    return failure() if is_jpeg else call.ask()


@mutant
def boxes_in_grey_images_answer_500(call: Call) -> Response:
    file = file_of(call) if of_visual(call) and any(prompt.get("box") for prompt in call.prompts) else None
    grey = file is not None and file.mode in {"L", "LA", "I;16"}
    return failure() if grey else call.ask()


@mutant
def exemplars_in_images_with_alpha_answer_500(call: Call) -> Response:
    file = file_of(call) if of_concept(call) and any(prompt.get("boxes") for prompt in call.prompts) else None
    return failure() if file is not None and "A" in file.mode else call.ask()
