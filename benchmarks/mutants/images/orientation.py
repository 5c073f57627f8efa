"""What libraries do to pictures that nobody asked for: gamma, profiles, alpha, pages, frames of their own."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image
from werkzeug.wrappers import Response

from benchmarks.mutants.images.formats import (
    as_image,
    content_of,
    decoded_otherwise,
    file_of,
    frame_of,
    orientation_of,
    without_exif,
)
from benchmarks.mutants.server import Bitmap, Call, Json, Kind, redrawn, refusal

mutant = Kind()
MUTANTS = mutant.mutants


def _has_alpha(file: Image.Image) -> bool:
    return file.mode in {"RGBA", "LA"} or "transparency" in file.info


def _multiplied(file: Image.Image) -> Image.Image:
    """Multiply colours with their alpha, so that what is transparent is black."""
    pixels = np.asarray(file.convert("RGBA")).astype(np.uint32)
    return Image.fromarray((pixels[..., :3] * pixels[..., 3:] // 255).astype(np.uint8))


def _last_frame(file: Image.Image) -> Image.Image:
    file.seek(getattr(file, "n_frames", 1) - 1)
    return file.convert("RGB")


@mutant
def gamma_of_png_is_applied(call: Call) -> Response:
    def decode(file: Image.Image) -> Image.Image:
        light = (np.asarray(file.convert("RGB")) / 255) ** 2.2
        return Image.fromarray((255 * light).astype(np.uint8))

    return decoded_otherwise(call, lambda file: "gamma" in file.info, decode)


@mutant
def colour_profile_answers_500(call: Call) -> Response:
    file = file_of(call)
    return refusal(500, {"message": "Internal error."}) if file and file.info.get("icc_profile") else call.ask()


@mutant
def alpha_is_multiplied_in(call: Call) -> Response:
    return decoded_otherwise(call, _has_alpha, _multiplied)


@mutant
def alpha_of_webp_is_multiplied_in(call: Call) -> Response:
    return decoded_otherwise(call, lambda file: file.format == "WEBP" and file.mode == "RGBA", _multiplied)


@mutant
def grey_of_16_bits_is_cut_at_255(call: Call) -> Response:
    def decode(_: Image.Image) -> Image.Image:
        pixels = cv2.imdecode(np.frombuffer(content_of(call), np.uint8), cv2.IMREAD_UNCHANGED)
        return Image.fromarray(np.minimum(np.asarray(pixels), 255).astype(np.uint8))

    return decoded_otherwise(call, lambda file: file.mode.startswith("I"), decode)


@mutant
def last_page_of_a_tiff_counts(call: Call) -> Response:
    return decoded_otherwise(call, lambda file: file.format == "TIFF" and getattr(file, "n_frames", 1) > 1, _last_frame)


@mutant
def visual_does_not_apply_exif(call: Call) -> Response:
    file = file_of(call)
    lies = call.operation == "visual_segment" and file is not None and orientation_of(file) > 1
    return call.ask(image=as_image(file.convert("RGB"))) if lies and file else call.ask()


@mutant
def embeddings_are_of_what_lies_in_the_file(call: Call) -> Response:
    file = file_of(call)
    lies = call.operation == "embed_image" and file is not None and orientation_of(file) > 1
    return call.ask(image=as_image(file.convert("RGB"))) if lies and file else call.ask()


@mutant
def masks_of_square_images_are_transposed(call: Call) -> Response:
    def turn(bitmap: Bitmap, _: Json) -> Bitmap:
        return bitmap.T if bitmap.shape[0] == bitmap.shape[1] else bitmap

    return redrawn(call.ask(), turn, size=frame_of(call))


@mutant
def masks_of_narrow_images_are_off_by_one(call: Call) -> Response:
    def move(bitmap: Bitmap, _: Json) -> Bitmap:
        return np.roll(bitmap, 1, axis=1) if bitmap.shape[1] < 48 else bitmap

    return redrawn(call.ask(), move, size=frame_of(call))


@mutant
def masks_of_tall_images_keep_some_padding(call: Call) -> Response:
    def move(bitmap: Bitmap, _: Json) -> Bitmap:
        height, width = bitmap.shape
        return np.roll(bitmap, height // 40, axis=0) if height > 2 * width else bitmap

    return redrawn(call.ask(), move, size=frame_of(call))


@mutant
def exif_of_images_with_an_id_is_not_applied(call: Call) -> Response:
    file = file_of(call)
    lies = call.body.get("image_id") is not None and file is not None and orientation_of(file) > 1
    return call.ask(image=as_image(file.convert("RGB"))) if lies and file and file.format == "JPEG" else call.ask()


@mutant
def exif_of_data_uris_is_not_applied(call: Call) -> Response:
    file = file_of(call)
    as_uri = isinstance(call.body.get("image"), dict) and str(call.body["image"].get("value")).startswith("data:")
    lies = as_uri and file is not None and orientation_of(file) > 1
    return call.ask(image=as_image(file.convert("RGB"))) if lies and file and file.format == "JPEG" else call.ask()


@mutant
def grey_jpeg_answers_500(call: Call) -> Response:
    file = file_of(call)
    grey = file is not None and file.format == "JPEG" and file.mode == "L"
    return refusal(500, {"message": "Internal error."}) if grey else call.ask()


@mutant
def alpha_beside_a_palette_is_refused(call: Call) -> Response:
    file = file_of(call)
    both = file is not None and file.mode == "P" and "transparency" in file.info
    return refusal(400, {"message": "Could not load input image."}) if both else call.ask()


@mutant
def webp_of_several_frames_answers_500(call: Call) -> Response:
    file = file_of(call)
    several = file is not None and file.format == "WEBP" and getattr(file, "n_frames", 1) > 1
    return refusal(500, {"message": "Internal error."}) if several else call.ask()


def _unturned(call: Call, concerns: Callable[[bytes], bool]) -> Response:
    """Pass over the orientation of those files, by how they are written."""
    return decoded_otherwise(call, lambda file: concerns(content_of(call)) and orientation_of(file) > 1, without_exif)


def _byte_order_of_exif(jpeg: bytes) -> bytes:
    start = jpeg.find(b"Exif\0\0") if jpeg.startswith(b"\xff\xd8") else -1
    return jpeg[start + 6 : start + 8] if start > 0 else b""


@mutant
def exif_in_big_endian_is_not_read(call: Call) -> Response:
    return _unturned(call, lambda content: _byte_order_of_exif(content) == b"MM")


@mutant
def exif_in_little_endian_is_not_read(call: Call) -> Response:
    return _unturned(call, lambda content: _byte_order_of_exif(content) == b"II")


@mutant
def exif_without_jfif_before_it_is_not_read(call: Call) -> Response:
    return _unturned(call, lambda content: content.startswith(b"\xff\xd8\xff\xe1"))


@mutant
def exif_behind_a_profile_is_not_read(call: Call) -> Response:
    def concerns(file: Image.Image) -> bool:
        profile, exif = (content_of(call).find(marker) for marker in (b"ICC_PROFILE", b"Exif\0\0"))
        return file.format == "JPEG" and 0 < profile < exif and orientation_of(file) > 1

    return decoded_otherwise(call, concerns, without_exif)


@mutant
def exif_of_jpeg_is_applied_twice_where_it_says_3(call: Call) -> Response:
    """Two half turns are none."""
    return decoded_otherwise(call, lambda file: file.format == "JPEG" and orientation_of(file) == 3, without_exif)
