"""Every format and mode that is read, by known colours."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from recognition.pipeline.decode import Limits, decode
from tests.pipeline import pictures
from tests.pipeline.pictures import BLUE, GREEN, QUARTERS, RED, SAND, WHITE, decoded, encode

LOSSLESS = {"png", "png palette", "png alpha", "png 16 bit", "png interlaced", "png animated"} | {
    "webp lossless", "webp alpha", "webp animated", "bmp", "bmp palette", "bmp 32 bit",
    "gif", "gif animated",
}  # fmt: skip


@pytest.mark.parametrize("kind", pictures.FILES)
def test_decode_gives_the_colours_of_every_format(kind):
    picture = decode(pictures.file(kind))
    tolerance = 1 if kind in LOSSLESS else 10
    assert np.abs(np.subtract(pictures.centres(picture), QUARTERS)).max() <= tolerance
    assert picture.format == pictures.name(kind)
    assert picture.width / picture.height in (96 / 64, 256 / 192)


@pytest.mark.parametrize("kind", pictures.FILES)
def test_decode_gives_an_array_of_bytes(kind):
    pixels = decoded(pictures.file(kind))
    assert pixels.dtype == np.uint8
    assert pixels.ndim == 3 and pixels.shape[2] == 3


def test_decode_states_the_digest_of_the_bytes():
    data = pictures.file("jpeg")
    assert decode(data).sha256 == hashlib.sha256(data).hexdigest()


def test_decode_gives_what_pillow_gives():
    data = encode(pictures.photo(640, 480), "JPEG", quality=85)
    with Image.open(io.BytesIO(data)) as image:
        assert np.array_equal(decoded(data), np.asarray(image))


def test_decode_fills_a_large_picture_in_bands():
    source = pictures.photo(4000, 2100)
    picture = decode(encode(source, "BMP"), limits=Limits(max_bytes=1 << 25))
    assert np.array_equal(pictures.pixels(picture), np.asarray(source))


def test_decode_takes_a_picture_of_one_pixel():
    picture = decode(encode(Image.new("RGB", (1, 1), RED), "PNG"))
    assert pictures.pixels(picture).tolist() == [[list(RED)]]


# Grey ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["JPEG", "PNG", "BMP", "GIF", "HEIC", "WEBP"])
def test_decode_makes_grey_three_equal_channels(format):
    grey = Image.fromarray(np.repeat(np.uint8([[10, 90, 170, 250]]), 16, axis=1).repeat(16, axis=0))
    pixels = decoded(encode(grey, format))
    assert np.abs(np.subtract(pixels[8, 8::16, 0].astype(int), [10, 90, 170, 250])).max() <= 6
    assert (np.ptp(pixels.astype(int), axis=2) <= 6).all()


@pytest.mark.parametrize("format", ["PNG", "BMP"])
def test_decode_makes_one_bit_black_and_white(format):
    image = Image.fromarray(np.array([[True, False, True]] * 2))
    assert decoded(encode(image, format))[0, :, 1].tolist() == [255, 0, 255]


def test_decode_scales_16_bit_grey_and_does_not_clip_it():
    ramp = np.array([[0, 255, 256, 0x4000, 0x8000, 0xFFFF]] * 2)
    pixels = decoded(pictures.png_16_bit(ramp))
    assert pixels[0, :, 0].tolist() == [0, 0, 1, 0x40, 0x80, 0xFF]
    assert pixels.shape == (2, 6, 3)


def test_decode_scales_16_bit_colour():
    samples = np.array([[[0, 0x8000, 0xFFFF], [0x0100, 0x7FFF, 0xFEFF]]])
    assert decoded(pictures.png_16_bit(samples)).tolist() == [[[0, 128, 255], [1, 127, 254]]]


# Transparency -------------------------------------------------------------------------------------


def cut_out(mode: str = "RGBA") -> Image.Image:
    """Return the quarters with the left half transparent."""
    image = pictures.quarters().convert(mode)
    alpha = np.full((64, 96), 255, np.uint8)
    alpha[:, :48] = 0
    image.putalpha(Image.fromarray(alpha))
    return image


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(lambda: encode(cut_out(), "PNG"), id="png"),
        pytest.param(lambda: encode(cut_out(), "WEBP"), id="webp"),
        pytest.param(lambda: encode(cut_out(), "HEIC"), id="heic"),
        pytest.param(lambda: encode(cut_out(), "GIF"), id="gif"),
        pytest.param(lambda: encode(cut_out().quantize(8, method=2), "PNG"), id="png palette"),
        pytest.param(
            lambda: pictures.png_16_bit(np.asarray(cut_out()).astype(np.uint16) * 257),
            id="png 16 bit",
        ),
    ],
)
def test_decode_lays_transparent_parts_on_white(data):
    found = pictures.centres(decode(data()))
    assert np.abs(np.subtract(found, [WHITE, GREEN, WHITE, SAND])).max() <= 12


def test_decode_lays_grey_with_alpha_on_white():
    pixels = decoded(encode(cut_out("L"), "PNG"))
    assert pixels[16, 24].tolist() == [255, 255, 255]
    assert pixels[16, 72].tolist() == [pictures.quarters().convert("L").getpixel((72, 16))] * 3


def test_decode_mixes_what_is_half_transparent_with_white():
    image = Image.new("RGBA", (8, 8), (0, 100, 200, 128))
    assert np.abs(decoded(encode(image, "PNG"))[0, 0] - [127.5, 178, 227.5]).max() <= 1.5


@pytest.mark.parametrize("mode", ["P", "RGB", "L"])
def test_decode_lays_a_transparent_colour_on_white(mode):
    image = Image.fromarray(np.uint8([[0, 200]] * 2)).convert(mode)
    key = {"P": 0, "RGB": (0, 0, 0), "L": 0}[mode]
    assert decoded(encode(image, "PNG", transparency=key))[0, :, 0].tolist() == [255, 200]


def test_decode_keeps_the_colour_that_a_16_bit_png_calls_transparent():
    key = pictures.chunk(b"tRNS", bytes(6))
    rows = b"\0" + bytes(6) + b"\0\1" * 3  # black, and black as seen in the high bytes alone
    assert not decoded(pictures.png((2, 1), 16, 2, rows, extra=key)).any()


def test_decode_leaves_the_fourth_channel_of_a_bmp_out():
    assert decoded(pictures.bmp_with_alpha(RED, alpha=0)).tolist() == [[list(RED)] * 2] * 2


# Frames and parts ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["png animated", "webp animated", "gif animated", "jpeg mpo"])
def test_decode_takes_the_first_of_several_frames(kind):
    quarter = decoded(pictures.file(kind))[32:, 48:].mean(axis=(0, 1))
    assert np.abs(quarter - SAND).max() < 3


def test_decode_places_a_gif_frame_that_is_smaller_than_the_screen():
    data = bytearray(encode(Image.new("P", (4, 4), 0), "GIF"))
    data[6:10] = (8).to_bytes(2, "little") * 2
    assert decoded(bytes(data)).shape == (8, 8, 3)


def test_decode_leaves_chunks_alone_that_are_not_the_picture():
    odd = pictures.chunk(b"zTXt", b"Comment\0\0not deflated") + pictures.chunk(b"acTL", bytes(8))
    odd += pictures.chunk(b"iCCP", b"profile\0\0neither") + pictures.chunk(b"fcTL", bytes(3))
    rows = (b"\0" + bytes(BLUE) * 2) * 2
    assert decoded(pictures.png((2, 2), 8, 2, rows, extra=odd))[1, 1].tolist() == list(BLUE)
