"""Pictures that are turned: EXIF orientation that is not read, read wrongly, or not applied to everything."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image
from werkzeug.wrappers import Response

from benchmarks.mutants.asked import clicks_changed, is_number, of_concept, of_visual, with_prompts
from benchmarks.mutants.pictures import (
    as_image,
    content_of,
    decoded_otherwise,
    exif_of,
    file_of,
    frame_of,
    orientation_of,
    without_exif,
)
from benchmarks.mutants.server import Bitmap, Call, Json, Kind, failure, redrawn, refusal

mutant = Kind()
MUTANTS = mutant.mutants


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
def mirrored_exif_orientations_are_left_as_they_lie(call: Call) -> Response:
    # Only the three rotations are known, which telephones write.
    return decoded_otherwise(call, lambda file: orientation_of(file) in {2, 4, 5, 7}, without_exif)


@mutant
def exif_upside_down_is_not_applied(call: Call) -> Response:
    return decoded_otherwise(call, lambda file: orientation_of(file) == 3, without_exif)


@mutant
def exif_7_is_turned_as_5(call: Call) -> Response:
    def decode(file: Image.Image) -> Image.Image:
        return file.convert("RGB").transpose(Image.Transpose.TRANSPOSE)

    return decoded_otherwise(call, lambda file: orientation_of(file) == 7, decode)


@mutant
def exif_4_of_jpeg_is_not_applied(call: Call) -> Response:
    return decoded_otherwise(call, lambda file: file.format == "JPEG" and orientation_of(file) == 4, without_exif)


@mutant
def exif_of_jpeg_is_applied_twice_where_it_says_3(call: Call) -> Response:
    """Two half turns are none."""
    return decoded_otherwise(call, lambda file: file.format == "JPEG" and orientation_of(file) == 3, without_exif)


@mutant
def exif_orientation_of_zero_answers_500(call: Call) -> Response:
    file = file_of(call)
    unknown = file is not None and orientation_of(file) == 0
    return failure() if unknown else call.ask()


@mutant
def exif_of_png_is_not_applied(call: Call) -> Response:
    return decoded_otherwise(call, lambda file: file.format == "PNG" and orientation_of(file) > 1, without_exif)


@mutant
def exif_orientation_is_applied_to_jpegs_only(call: Call) -> Response:
    return decoded_otherwise(call, lambda file: file.format != "JPEG" and orientation_of(file) > 1, without_exif)


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
def visual_does_not_apply_exif(call: Call) -> Response:
    file = file_of(call)
    lies = of_visual(call) and file is not None and orientation_of(file) > 1
    return call.ask(image=as_image(file.convert("RGB"))) if lies and file else call.ask()


@mutant
def embeddings_are_of_what_lies_in_the_file(call: Call) -> Response:
    file = file_of(call)
    lies = call.operation == "embed_image" and file is not None and orientation_of(file) > 1
    return call.ask(image=as_image(file.convert("RGB"))) if lies and file else call.ask()


@mutant
def binary_masks_of_turned_pictures_lie_as_in_the_file(call: Call) -> Response:
    file = file_of(call) if of_visual(call) and call.body.get("format") == "binary" else None
    turned = file is not None and file.format == "JPEG" and orientation_of(file) > 1
    return call.ask(image=as_image(file.convert("RGB"))) if file is not None and turned else call.ask()


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
def exif_written_big_endian_is_not_applied(call: Call) -> Response:
    def concerns(file: Image.Image) -> bool:
        # As telephones write it.
        return file.format == "JPEG" and exif_of(file)[6:8] == b"MM" and orientation_of(file) > 1

    return decoded_otherwise(call, concerns, lambda file: file.convert("RGB"))


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
def boxes_are_not_turned_with_a_jpeg(call: Call) -> Response:
    file = file_of(call) if of_visual(call) and any(prompt.get("box") for prompt in call.prompts) else None
    turned = file is not None and file.format == "JPEG" and orientation_of(file) in {6, 8}

    def change(_: int, prompt: Json) -> Json:
        box = prompt.get("box")
        if isinstance(box, dict):
            prompt["box"] = {"x": box["y"], "y": box["x"], "width": box["height"], "height": box["width"]}
        return prompt

    return with_prompts(call, change) if turned else call.ask()


@mutant
def clicks_on_turned_photos_are_taken_in_the_frame_of_the_file(call: Call) -> Response:
    file = file_of(call)
    orientation = 1 if file is None else orientation_of(file)

    def change(point: Json, frame: tuple[int, int]) -> None:
        x, y = point["x"], point["y"]
        if is_number(x) and is_number(y):
            point.update(x=frame[1] - 1 - y, y=x) if orientation == 6 else point.update(x=y, y=frame[0] - 1 - x)

    return clicks_changed(call, change) if orientation in {6, 8} else call.ask()


@mutant
def exemplars_in_turned_jpegs_are_refused(call: Call) -> Response:
    file = file_of(call) if of_concept(call) and any(prompt.get("boxes") for prompt in call.prompts) else None
    turned = file is not None and file.format == "JPEG" and orientation_of(file) > 1
    return refusal(400, {"message": "Box is not inside of the image."}) if turned else call.ask()


@mutant
def visual_masks_of_turned_images_are_smoothed(call: Call) -> Response:
    file = file_of(call)

    def smooth(bitmap: Bitmap, _: Json) -> Bitmap:
        return cv2.medianBlur(bitmap.astype(np.uint8), 5).astype(bool)

    if not of_visual(call) or file is None or orientation_of(file) == 1:
        return call.ask()
    return redrawn(call.ask(), smooth, size=frame_of(call))
