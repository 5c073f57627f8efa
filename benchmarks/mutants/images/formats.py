"""Images that are decoded wrongly, but only some of them."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image, ImageOps
from werkzeug.wrappers import Response

from benchmarks.mutants.server import Bitmap, Call, Json, Kind, redrawn, refusal
from sam3_contract.errors import ImageError
from sam3_contract.images import read_header

mutant = Kind()
MUTANTS = mutant.mutants

_REFUSED = {"message": "Could not load input image. Cause: Malformed base64 input image."}


def value_of(call: Call) -> str:
    """Take the image of a request as it is written; empty if there is none in base64."""
    image = call.body.get("image")
    value = image.get("value") if isinstance(image, dict) and image.get("type") == "base64" else None
    return value if isinstance(value, str) else ""


def content_of(call: Call) -> bytes:
    """Decode the image of a request; empty if there is none in base64."""
    value = value_of(call)
    try:
        return base64.b64decode((value.partition("base64,")[2] or value) + "==")
    except ValueError:
        return b""


def file_of(call: Call) -> Image.Image | None:
    """Open the image of a request; ``None`` if there is none that can be decoded, which the mock refuses."""
    content = content_of(call)
    try:
        Image.open(io.BytesIO(content)).load()  # another one: loading a TIFF turns it and takes its tag away
        return Image.open(io.BytesIO(content))
    except (OSError, SyntaxError):
        return None


def frame_of(call: Call) -> tuple[int, int] | None:
    """Tell the ``(height, width)`` of the image after EXIF orientation."""
    try:
        return read_header(content_of(call)).size
    except ImageError:
        return None


def orientation_of(file: Image.Image) -> int:
    """Read the EXIF orientation."""
    return int(file.getexif().get(0x0112, 1))


def as_image(picture: Image.Image) -> Json:
    """Write a picture as the ``image`` of a request."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return {"type": "base64", "value": base64.b64encode(buffer.getvalue()).decode()}


def decoded_otherwise(
    call: Call, concerns: Callable[[Image.Image], bool], decode: Callable[[Image.Image], Image.Image]
) -> Response:
    """Ask about what a decoder makes of those images that it gets wrong."""
    file = file_of(call)
    if file is None or not concerns(file):
        return call.ask()
    return call.ask(image=as_image(decode(file)))


def without_exif(file: Image.Image) -> Image.Image:
    """Take the pixels as they lie in the file."""
    plain = file.convert("RGB")
    plain.info.pop("exif", None)
    return plain


@mutant
def exif_mirroring_is_not_applied(call: Call) -> Response:
    turned = {2: 1, 4: 3, 5: 6, 7: 8}

    def decode(file: Image.Image) -> Image.Image:
        number = turned[orientation_of(file)]
        file = file.convert("RGB")
        turns = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_270, 8: Image.Transpose.ROTATE_90}
        return file.transpose(turns[number]) if number in turns else file

    return decoded_otherwise(call, lambda file: orientation_of(file) in turned, decode)


@mutant
def exif_upside_down_is_not_applied(call: Call) -> Response:
    return decoded_otherwise(call, lambda file: orientation_of(file) == 3, without_exif)


@mutant
def exif_7_is_turned_as_5(call: Call) -> Response:
    def decode(file: Image.Image) -> Image.Image:
        return file.convert("RGB").transpose(Image.Transpose.TRANSPOSE)

    return decoded_otherwise(call, lambda file: orientation_of(file) == 7, decode)


@mutant
def exif_of_png_is_not_applied(call: Call) -> Response:
    return decoded_otherwise(call, lambda file: file.format == "PNG" and orientation_of(file) > 1, without_exif)


@mutant
def orientation_of_tiff_is_not_applied(call: Call) -> Response:
    lying = (
        None,
        Image.Transpose.FLIP_LEFT_RIGHT,
        Image.Transpose.ROTATE_180,
        Image.Transpose.FLIP_TOP_BOTTOM,
        Image.Transpose.TRANSPOSE,
        Image.Transpose.ROTATE_90,
        Image.Transpose.TRANSVERSE,
        Image.Transpose.ROTATE_270,
    )

    def decode(file: Image.Image) -> Image.Image:
        turn = lying[orientation_of(file) - 1]
        upright = file.convert("RGB")  # Pillow turns a TIFF whenever it is loaded
        return upright if turn is None else upright.transpose(turn)

    return decoded_otherwise(call, lambda file: file.format == "TIFF" and orientation_of(file) > 1, decode)


@mutant
def palette_is_read_as_grey(call: Call) -> Response:
    return decoded_otherwise(
        call, lambda file: file.mode == "P" and file.format == "PNG", lambda file: Image.fromarray(np.asarray(file))
    )


@mutant
def sixteen_bits_are_cut_to_the_low_byte(call: Call) -> Response:
    def is_deep(file: Image.Image) -> bool:
        return content_of(call)[24:25] == b"\x10" and file.format == "PNG"

    def decode(_: Image.Image) -> Image.Image:
        pixels = cv2.imdecode(np.frombuffer(content_of(call), np.uint8), cv2.IMREAD_UNCHANGED)
        low = (np.asarray(pixels).astype(np.uint32) * 37 & 255).astype(np.uint8)
        return Image.fromarray(low[..., :3] if low.ndim == 3 else low)

    return decoded_otherwise(call, is_deep, decode)


@mutant
def cmyk_is_refused(call: Call) -> Response:
    file = file_of(call)
    return refusal(400, _REFUSED) if file is not None and file.mode == "CMYK" else call.ask()


@mutant
def cmyk_is_inverted(call: Call) -> Response:
    return decoded_otherwise(
        call,
        lambda file: file.mode == "CMYK",
        lambda file: ImageOps.invert(ImageOps.exif_transpose(file).convert("RGB")),
    )


@mutant
def progressive_jpeg_is_refused(call: Call) -> Response:
    file = file_of(call)
    return refusal(400, _REFUSED) if file is not None and file.info.get("progressive") else call.ask()


@mutant
def interlaced_png_is_refused(call: Call) -> Response:
    file = file_of(call)
    return refusal(400, _REFUSED) if file is not None and file.info.get("interlace") else call.ask()


@mutant
def last_frame_of_an_animation_counts(call: Call) -> Response:
    def decode(file: Image.Image) -> Image.Image:
        file.seek(getattr(file, "n_frames", 1) - 1)
        return file.convert("RGB")

    return decoded_otherwise(call, lambda file: getattr(file, "n_frames", 1) > 1, decode)


@mutant
def bmp_is_read_upside_down(call: Call) -> Response:
    return decoded_otherwise(call, lambda file: file.format == "BMP", lambda file: ImageOps.flip(file.convert("RGB")))


@mutant
def grey_with_alpha_is_refused(call: Call) -> Response:
    file = file_of(call)
    return refusal(400, _REFUSED) if file is not None and file.mode in {"LA", "PA"} else call.ask()


@mutant
def one_bit_image_is_black(call: Call) -> Response:
    return decoded_otherwise(call, lambda file: file.mode == "1", lambda file: Image.new("RGB", file.size))


@mutant
def lossy_webp_is_read_as_bgr(call: Call) -> Response:
    def decode(file: Image.Image) -> Image.Image:
        return Image.fromarray(np.ascontiguousarray(np.asarray(file.convert("RGB"))[..., ::-1]))

    return decoded_otherwise(call, lambda file: file.format == "WEBP", decode)


@mutant
def images_below_16_pixels_answer_500(call: Call) -> Response:
    frame = frame_of(call)
    return refusal(500, {"message": "Internal error."}) if frame and min(frame) < 16 else call.ask()


@mutant
def very_wide_images_are_cut_to_a_square(call: Call) -> Response:
    frame = frame_of(call)

    def cut(bitmap: Bitmap, _: Json) -> Bitmap:
        changed = bitmap.copy()
        height, width = bitmap.shape
        if width > 2 * height:
            changed[:, : (width - 2 * height) // 2] = False
            changed[:, width - (width - 2 * height) // 2 :] = False
        return changed

    return redrawn(call.ask(), cut, size=frame)


@mutant
def masks_move_where_the_width_is_no_multiple_of_8(call: Call) -> Response:
    def move(bitmap: Bitmap, _: Json) -> Bitmap:
        return np.roll(bitmap, 2, axis=1) if bitmap.shape[1] % 8 else bitmap

    return redrawn(call.ask(), move, size=frame_of(call))


@mutant
def masks_of_odd_heights_miss_their_last_row(call: Call) -> Response:
    def cut(bitmap: Bitmap, _: Json) -> Bitmap:
        changed = bitmap.copy()
        if bitmap.shape[0] % 2 and bitmap.any():
            changed[np.flatnonzero(bitmap.any(axis=1))[-1]] = False
        return changed

    return redrawn(call.ask(), cut, size=frame_of(call))


@mutant
def large_images_have_coarse_masks(call: Call) -> Response:
    def coarsen(bitmap: Bitmap, _: Json) -> Bitmap:
        height, width = bitmap.shape
        if height * width < 1_500_000:
            return bitmap
        small = cv2.resize(bitmap.view(np.uint8), (width // 16, height // 16), interpolation=cv2.INTER_NEAREST)
        return cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST).astype(bool)

    return redrawn(call.ask(), coarsen, size=frame_of(call))


@mutant
def portrait_masks_are_squeezed(call: Call) -> Response:
    def squeeze(bitmap: Bitmap, _: Json) -> Bitmap:
        height, width = bitmap.shape
        if height <= width:
            return bitmap
        matrix = np.array([[1, 0, 0], [0, 0.96, 0]], float)
        return cv2.warpAffine(bitmap.view(np.uint8), matrix, (width, height), flags=cv2.INTER_NEAREST).astype(bool)

    return redrawn(call.ask(), squeeze, size=frame_of(call))


@mutant
def data_uri_of_jpeg_is_refused(call: Call) -> Response:
    return refusal(400, _REFUSED) if value_of(call).startswith("data:image/jpeg") else call.ask()


@mutant
def images_alike_in_their_first_kilobyte_are_one(call: Call) -> Response:
    content = content_of(call)
    if not content or call.operation != "concept_segment":
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
def data_uri_of_gif_or_bmp_is_refused(call: Call) -> Response:
    plain = value_of(call).startswith(("data:image/gif", "data:image/bmp"))
    return refusal(400, {"message": "Could not load input image."}) if plain else call.ask()


@mutant
def base64_with_line_breaks_is_refused(call: Call) -> Response:
    return refusal(400, {"message": "Could not load input image."}) if "\n" in value_of(call) else call.ask()


@mutant
def images_above_three_megabytes_are_refused(call: Call) -> Response:
    return refusal(413, {"message": "too large"}) if len(value_of(call)) > 3_000_000 else call.ask()


@mutant
def data_uri_of_webp_is_refused(call: Call) -> Response:
    return refusal(400, _REFUSED) if value_of(call).startswith("data:image/webp") else call.ask()


@mutant
def exif_4_of_jpeg_is_not_applied(call: Call) -> Response:
    return decoded_otherwise(call, lambda file: file.format == "JPEG" and orientation_of(file) == 4, without_exif)


@mutant
def images_of_one_colour_answer_500(call: Call) -> Response:
    file = file_of(call)
    try:
        pixels = None if file is None else np.asarray(file.convert("RGB"))
    except OSError:
        pixels = None
    plain = pixels is not None and bool((pixels == pixels[0, 0]).all())
    return refusal(500, {"message": "Internal error."}) if plain else call.ask()
