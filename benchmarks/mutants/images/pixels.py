"""Files whose pixels are decoded to others: colours, bits, alpha, pages, rows."""

from __future__ import annotations

import io
from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image, ImageFile, ImageOps
from werkzeug.wrappers import Response

from benchmarks.mutants.asked import of_visual
from benchmarks.mutants.pictures import as_image, content_of, decoded_otherwise, exif_of, file_of, frame_of
from benchmarks.mutants.server import Call, Kind, redrawn

mutant = Kind()
MUTANTS = mutant.mutants

BLOCK = 8  # pixels of a side of what a JPEG encodes at once


@mutant
def palette_is_read_as_grey(call: Call) -> Response:
    return decoded_otherwise(
        call, lambda file: file.mode == "P" and file.format == "PNG", lambda file: Image.fromarray(np.asarray(file))
    )


@mutant
def one_bit_image_is_black(call: Call) -> Response:
    return decoded_otherwise(call, lambda file: file.mode == "1", lambda file: Image.new("RGB", file.size))


@mutant
def one_bit_images_are_read_as_zeros_and_ones(call: Call) -> Response:
    def decode(file: Image.Image) -> Image.Image:
        return Image.fromarray(np.asarray(file).astype(np.uint8)).convert("RGB")

    return decoded_otherwise(call, lambda file: file.mode == "1", decode)


@mutant
def images_with_one_bright_and_dark_half_are_inverted(call: Call) -> Response:
    """Of images of one bit, what is masked and what is not are exchanged for clicks and boxes."""
    file = file_of(call)
    one_bit = file is not None and file.mode == "1" and of_visual(call)
    return redrawn(call.ask(), lambda bitmap, _: ~bitmap, size=frame_of(call)) if one_bit else call.ask()


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
def grey_of_16_bits_is_cut_at_255(call: Call) -> Response:
    def decode(_: Image.Image) -> Image.Image:
        pixels = cv2.imdecode(np.frombuffer(content_of(call), np.uint8), cv2.IMREAD_UNCHANGED)
        return Image.fromarray(np.minimum(np.asarray(pixels), 255).astype(np.uint8))

    return decoded_otherwise(call, lambda file: file.mode.startswith("I"), decode)


@mutant
def sixteen_bit_grey_is_clipped_at_255(call: Call) -> Response:
    return grey_of_16_bits_is_cut_at_255(call)


@mutant
def grey_png_of_few_bits_is_not_spread_to_eight(call: Call) -> Response:
    def concerns(file: Image.Image) -> bool:
        return file.format == "PNG" and content_of(call)[24:26] in {b"\x02\x00", b"\x04\x00"}

    def decode(file: Image.Image) -> Image.Image:
        most = 2 ** content_of(call)[24] - 1
        return Image.fromarray((np.asarray(file.convert("L")) // (255 // most)).astype(np.uint8))

    return decoded_otherwise(call, concerns, decode)


@mutant
def cmyk_is_inverted(call: Call) -> Response:
    return decoded_otherwise(
        call,
        lambda file: file.mode == "CMYK",
        lambda file: ImageOps.invert(ImageOps.exif_transpose(file).convert("RGB")),
    )


@mutant
def cmyk_jpegs_are_read_inverted(call: Call) -> Response:
    # And as they lie in the file.
    return decoded_otherwise(call, lambda file: file.mode == "CMYK", lambda file: ImageOps.invert(file.convert("RGB")))


@mutant
def jpeg_that_is_stored_in_rgb_is_taken_for_ycbcr(call: Call) -> Response:
    def concerns(file: Image.Image) -> bool:
        return file.format == "JPEG" and file.mode == "RGB" and file.info.get("adobe_transform") == 0

    def decode(file: Image.Image) -> Image.Image:
        upright = ImageOps.exif_transpose(file)
        return Image.frombytes("YCbCr", upright.size, upright.convert("RGB").tobytes()).convert("RGB")

    return decoded_otherwise(call, concerns, decode)


@mutant
def lossy_webp_is_read_as_bgr(call: Call) -> Response:
    def decode(file: Image.Image) -> Image.Image:
        return Image.fromarray(np.ascontiguousarray(np.asarray(file.convert("RGB"))[..., ::-1]))

    return decoded_otherwise(call, lambda file: file.format == "WEBP", decode)


@mutant
def tiff_channels_are_exchanged(call: Call) -> Response:
    def decode(file: Image.Image) -> Image.Image:
        return Image.fromarray(
            np.ascontiguousarray(np.asarray(ImageOps.exif_transpose(file.convert("RGB")))[:, :, ::-1])
        )

    return decoded_otherwise(call, lambda file: file.format == "TIFF" and file.mode == "RGB", decode)


@mutant
def gamma_of_png_is_applied(call: Call) -> Response:
    def decode(file: Image.Image) -> Image.Image:
        light = (np.asarray(file.convert("RGB")) / 255) ** 2.2
        return Image.fromarray((255 * light).astype(np.uint8))

    return decoded_otherwise(call, lambda file: "gamma" in file.info, decode)


def _multiplied(file: Image.Image) -> Image.Image:
    """Multiply colours with their alpha, so that what is transparent is black."""
    pixels = np.asarray(file.convert("RGBA")).astype(np.uint32)
    return Image.fromarray((pixels[..., :3] * pixels[..., 3:] // 255).astype(np.uint8))


def _laid_on(grey: int) -> Callable[[Image.Image], Image.Image]:
    """Make a decoder that lays what is transparent on a background."""

    def decode(file: Image.Image) -> Image.Image:
        over = file.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", over.size, (grey, grey, grey, 255)), over).convert("RGB")

    return decode


def _has_alpha(file: Image.Image) -> bool:
    return file.mode in {"RGBA", "LA"} or "transparency" in file.info


@mutant
def alpha_is_multiplied_in(call: Call) -> Response:
    return decoded_otherwise(call, _has_alpha, _multiplied)


@mutant
def alpha_of_webp_is_multiplied_in(call: Call) -> Response:
    return decoded_otherwise(call, lambda file: file.format == "WEBP" and file.mode == "RGBA", _multiplied)


@mutant
def webp_with_alpha_is_laid_on_black(call: Call) -> Response:
    return decoded_otherwise(call, lambda file: file.format == "WEBP" and file.mode == "RGBA", _laid_on(0))


@mutant
def transparent_colour_of_a_png_becomes_white(call: Call) -> Response:
    def concerns(file: Image.Image) -> bool:
        return file.format == "PNG" and file.mode == "RGB" and isinstance(file.info.get("transparency"), tuple)

    def decode(file: Image.Image) -> Image.Image:
        pixels = np.array(ImageOps.exif_transpose(file).convert("RGB"))
        pixels[(pixels == np.array(file.info["transparency"], np.uint8)).all(axis=-1)] = 255
        return Image.fromarray(pixels)

    return decoded_otherwise(call, concerns, decode)


@mutant
def palette_with_a_transparent_colour_is_laid_on_white(call: Call) -> Response:
    return decoded_otherwise(call, lambda file: file.mode == "P" and "transparency" in file.info, _laid_on(255))


@mutant
def images_with_alpha_are_trimmed_to_what_is_opaque(call: Call) -> Response:
    def is_cut_out(file: Image.Image) -> bool:
        return file.mode == "RGBA" and file.getchannel("A").getbbox() not in {None, (0, 0, *file.size)}

    def decode(file: Image.Image) -> Image.Image:
        return file.convert("RGB").crop(file.getchannel("A").getbbox())

    return decoded_otherwise(call, is_cut_out, decode)


@mutant
def last_frame_of_an_animation_counts(call: Call) -> Response:
    def decode(file: Image.Image) -> Image.Image:
        file.seek(getattr(file, "n_frames", 1) - 1)
        return file.convert("RGB")

    return decoded_otherwise(call, lambda file: getattr(file, "n_frames", 1) > 1, decode)


def _last_frame(file: Image.Image) -> Image.Image:
    file.seek(getattr(file, "n_frames", 1) - 1)
    return file.convert("RGB")


@mutant
def animated_gifs_are_answered_for_their_last_frame(call: Call) -> Response:
    return decoded_otherwise(call, lambda file: file.format == "GIF" and getattr(file, "n_frames", 1) > 1, _last_frame)


@mutant
def last_page_of_a_tiff_counts(call: Call) -> Response:
    return decoded_otherwise(call, lambda file: file.format == "TIFF" and getattr(file, "n_frames", 1) > 1, _last_frame)


@mutant
def gif_whose_frame_is_smaller_than_its_screen_is_cut_to_it(call: Call) -> Response:
    def extent(file: Image.Image) -> tuple[int, ...]:
        return tuple(file.tile[0][1] or ()) if isinstance(file, ImageFile.ImageFile) and file.tile else ()

    def concerns(file: Image.Image) -> bool:
        return file.format == "GIF" and extent(file) not in {(), (0, 0, *file.size)}

    def decode(file: Image.Image) -> Image.Image:
        left, top, right, bottom = extent(file)
        return file.convert("RGB").crop((left, top, right, bottom))

    return decoded_otherwise(call, concerns, decode)


@mutant
def tiff_with_a_predictor_is_left_as_differences(call: Call) -> Response:
    def concerns(file: Image.Image) -> bool:
        return file.format == "TIFF" and file.mode in {"L", "RGB"} and file.getexif().get(317) == 2

    def decode(file: Image.Image) -> Image.Image:
        pixels = np.asarray(file.convert("RGB"))
        return Image.fromarray(np.diff(pixels, axis=1, prepend=np.zeros_like(pixels[:, :1])))

    return decoded_otherwise(call, concerns, decode)


@mutant
def bmp_is_read_upside_down(call: Call) -> Response:
    return decoded_otherwise(call, lambda file: file.format == "BMP", lambda file: ImageOps.flip(file.convert("RGB")))


@mutant
def rows_of_bmp_are_read_without_their_padding(call: Call) -> Response:
    content = content_of(call)

    def concerns(file: Image.Image) -> bool:
        plain = file.format == "BMP" and content[28:30] == b"\x18\x00" and content[25:26] == b"\x00"
        return plain and file.width * 3 % 4 > 0

    def decode(file: Image.Image) -> Image.Image:
        start = int.from_bytes(content[10:14], "little")
        pixels = np.frombuffer(content, np.uint8, file.width * file.height * 3, start)
        return Image.fromarray(np.ascontiguousarray(pixels.reshape(file.height, file.width, 3)[::-1, :, ::-1]))

    return decoded_otherwise(call, concerns, decode)


@mutant
def frames_of_jpegs_end_with_whole_blocks(call: Call) -> Response:
    def decode(file: Image.Image) -> Image.Image:
        pixels = np.asarray(ImageOps.exif_transpose(file).convert("RGB"))
        missing = [(0, -length % BLOCK) for length in pixels.shape[:2]]
        return Image.fromarray(np.pad(pixels, (*missing, (0, 0)), mode="edge"))

    def concerns(file: Image.Image) -> bool:
        return file.format == "JPEG" and any(length % BLOCK for length in file.size)

    return decoded_otherwise(call, concerns, decode)


@mutant
def odd_sides_are_rounded_down_to_even_ones(call: Call) -> Response:
    def decode(file: Image.Image) -> Image.Image:
        upright = ImageOps.exif_transpose(file).convert("RGB")
        return upright.crop((0, 0, max(upright.width & ~1, 2), max(upright.height & ~1, 2)))

    return decoded_otherwise(call, lambda file: min(file.size) > 2 and bool((file.width | file.height) & 1), decode)


@mutant
def jpeg_of_unequal_densities_is_stretched(call: Call) -> Response:
    def densities(file: Image.Image) -> tuple[int, int]:
        across, down = file.info.get("jfif_density", (1, 1))
        return int(across), int(down)

    def concerns(file: Image.Image) -> bool:
        across, down = densities(file)
        return file.format == "JPEG" and across > 0 and down > 0 and across != down

    def decode(file: Image.Image) -> Image.Image:
        across, down = densities(file)
        upright = ImageOps.exif_transpose(file).convert("RGB")
        return upright.resize((upright.width, max(1, upright.height * across // down)))

    return decoded_otherwise(call, concerns, decode)


@mutant
def jpeg_with_a_thumbnail_is_taken_for_it(call: Call) -> Response:
    file = file_of(call)
    _before, start, rest = (exif_of(file) if file is not None else b"").partition(b"\xff\xd8\xff")
    if file is None or file.format != "JPEG" or not start:
        return call.ask()
    try:
        return call.ask(image=as_image(Image.open(io.BytesIO(start + rest)).convert("RGB")))
    except OSError:
        return call.ask()


@mutant
def jpeg_that_holds_a_thumbnail_is_read_as_it(call: Call) -> Response:
    content = content_of(call)
    start = content.find(b"\xff\xd8\xff", 2, 65536)
    if not content.startswith(b"\xff\xd8") or start < 0:
        return call.ask()
    try:
        return call.ask(image=as_image(Image.open(io.BytesIO(content[start:])).convert("RGB")))
    except OSError:
        return call.ask()
