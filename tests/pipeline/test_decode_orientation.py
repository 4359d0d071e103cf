"""Pictures come out upright, whatever their EXIF block says and however broken it is."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from recognition.pipeline.decode import decode
from tests.pipeline import pictures
from tests.pipeline.pictures import QUARTERS, decoded, encode, exif

STORED = np.asarray(pictures.quarters())
UPSIDE_DOWN = np.rot90(STORED, 2)


def png_with(block: bytes) -> bytes:
    return encode(pictures.quarters(), "PNG", exif=block)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "HEIC"])
def test_decode_turns_all_eight_orientations_upright(format, orientation):
    picture = decode(pictures.turned(format, orientation))
    assert (picture.width, picture.height) == (96, 64)
    assert np.abs(np.subtract(pictures.centres(picture), QUARTERS)).max() <= 10


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["PNG", "WEBP"])
def test_decode_gives_the_same_pixels_for_all_orientations(format, orientation):
    pixels = decoded(pictures.turned(format, orientation))
    assert np.array_equal(pixels, STORED)
    assert pixels.flags.c_contiguous


def test_decode_turns_a_heic_once_though_two_notes_ask_for_it():
    data = pictures.turned("HEIC", 6)
    assert b"irot" in data and exif(6)[6:] in data
    assert decode(data).height == 64


@pytest.mark.parametrize("orientation", range(1, 9))
def test_decode_turns_a_long_heic_of_tiles(orientation):
    turn, long = pictures.STORED_AS[orientation], pictures.quarters(640, 128)
    stored = long if turn is None else long.transpose(turn)
    picture = decode(encode(stored, "HEIC", exif=exif(orientation), tile_size=64))
    assert (picture.width, picture.height) == (640, 128)
    assert np.abs(np.subtract(pictures.centres(picture), QUARTERS)).max() <= 10


@pytest.mark.parametrize("kind", [3, 4])
@pytest.mark.parametrize("order", ["<", ">"])
def test_decode_reads_an_orientation_in_either_byte_order(order, kind):
    block = exif(3, order=order, kind=kind)
    assert np.array_equal(decoded(png_with(block)), UPSIDE_DOWN)


def test_decode_reads_an_exif_block_after_the_pixels():
    plain, block = png_with(b""), pictures.chunk(b"eXIf", exif(3)[6:])
    assert np.array_equal(decoded(plain[:-12] + block + plain[-12:]), UPSIDE_DOWN)


@pytest.mark.parametrize("orientation", [0, 9, 255, 65535])
def test_decode_ignores_an_orientation_that_does_not_exist(orientation):
    assert np.array_equal(decoded(png_with(exif(orientation))), STORED)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_decode_passes_over_an_exif_block_that_ends_early(format, recwarn):
    for length in range(6, len(exif(1)), 3):
        picture = decode(encode(pictures.quarters(), format, exif=exif(1)[:length]))
        assert np.abs(np.subtract(pictures.centres(picture), QUARTERS)).max() <= 16
    assert not recwarn.list


@pytest.mark.parametrize(
    "block",
    [
        b"Exif\0\0",
        b"Exif\0\0" + bytes(200),
        b"Exif\0\0II*\0" + b"\xff" * 200,
        b"Exif\0\0II*\0" + struct.pack("<IH", 8, 65535) + bytes(30),
        b"no EXIF block at all, but text where one is expected",
    ],
)
def test_decode_passes_over_an_exif_block_of_nonsense(block, recwarn):
    picture = decode(encode(pictures.quarters(), "JPEG", exif=block, quality=95))
    assert np.abs(np.subtract(pictures.centres(picture), QUARTERS)).max() <= 10
    assert not recwarn.list


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(96, 64), (97, 64), (96, 65)])
def test_a_jpeg_decoded_halved_is_the_full_one_halved(orientation, size, monkeypatch):
    data = encode(
        pictures.photo().resize((6, 4)).resize(size), "JPEG", quality=95, exif=exif(orientation)
    )
    full = decode(data)
    monkeypatch.setattr("recognition.pipeline.decode.HALVED_FROM", 0)
    halved = decode(data)
    assert (halved.width, halved.height) == (full.width, full.height)
    expected = np.asarray(full.halved(1), float)
    assert np.abs(np.asarray(halved.halved(1), float) - expected).mean() < 1
    assert np.array_equal(pictures.pixels(halved), pictures.pixels(full))
