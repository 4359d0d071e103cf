"""What is no picture, and pictures that are cut or damaged."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from recognition.errors import RecognitionError
from recognition.pipeline.decode import decode
from tests.pipeline import pictures
from tests.pipeline.pictures import BLUE, decoded, encode

JPEG_OPTIONS = {
    "plain": {},
    "restarts": {"restart_marker_rows": 1},
    "optimised": {"optimize": True},
    "full colour": {"subsampling": 0},
}


@pytest.fixture(autouse=True, params=["in full", "halved"])
def first_decoded(request, monkeypatch):
    """Decode every JPEG as a small one is, and as a large one."""
    if request.param == "halved":
        monkeypatch.setattr("recognition.pipeline.decode.HALVED_FROM", 0)


def refusal(data: bytes) -> RecognitionError:
    with pytest.raises(RecognitionError) as caught:
        decode(data)
    assert caught.value.detail.endswith(".") and caught.value.hint
    return caught.value


# Not a picture ------------------------------------------------------------------------------------

STRANGERS = {
    "text": (b"just some words, named photo.jpg\n", "text"),
    "text of another tongue": ("Füße, œuvre, лицо".encode(), "text"),
    "text that begins like a BMP": (b"BMW makes cars, and this is no picture", "text"),
    "base64": (b"/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQ", "text"),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
    "svg with a prologue": (b'<?xml version="1.0"?>\n<!-- drawn --><svg/>', "SVG"),
    "html": (b"<!DOCTYPE html><html><body>404</body></html>", "HTML"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", "PDF"),
    "icon": (struct.pack("<3H", 0, 1, 1) + bytes(40), "icon"),
    "psd": (b"8BPS\0\1" + bytes(40), "Photoshop"),
    "jpeg 2000": (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(40), "JPEG 2000"),
    "jpeg xl": (b"\xff\x0a" + bytes(40), "JPEG XL"),
    "avif": (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf" + bytes(40), "AVIF"),
    "avif under a common brand": (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif" + bytes(40), "AVIF"),
    "video": (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(40), "video"),
    "raw photograph": (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + bytes(40), "raw"),
    "sound": (b"RIFF\x24\0\0\0WAVEfmt " + bytes(40), "sound"),
    "zip": (b"PK\3\4\x14\0" + bytes(40), "ZIP"),
    "windows program": (b"MZ\x90\0" + bytes(40), "program"),
    "linux program": (b"\x7fELF\2\1\1" + bytes(40), "program"),
    "netpbm": (b"P6 2 2 255\n" + bytes(12), "Netpbm"),
    "tga": (bytes(2) + b"\2" + bytes(40) + b"TRUEVISION-XFILE.\0", "TGA"),
    "noise": (np.random.default_rng(3).bytes(500), "no picture"),
    "zeros": (bytes(500), "no picture"),
}


@pytest.mark.parametrize("kind", STRANGERS)
def test_decode_names_what_it_does_not_read(kind):
    data, word = STRANGERS[kind]
    error = refusal(data)
    assert error.code == "unsupported_image"
    assert word in error.detail
    assert "HEIC" in error.hint


@pytest.mark.parametrize("format, word", [("TIFF", "TIFF"), ("TGA", "TGA"), ("ICO", "icon")])
def test_decode_leaves_pillows_other_formats_alone(format, word):
    error = refusal(encode(pictures.quarters(), format))
    assert error.code == "unsupported_image" and word in error.detail


def test_decode_does_not_read_run_length_coding():
    assert refusal(pictures.bmp_run_length()).code == "unsupported_image"


def test_decode_does_not_read_a_heic_of_overlays():
    data = pictures.file("heic tiled")
    assert data.count(b"grid") == 1
    assert refusal(data.replace(b"grid", b"iovl")).code == "unsupported_image"


def test_decode_refuses_an_empty_file():
    error = refusal(b"")
    assert error.code == "invalid_image" and "empty" in error.detail


# Cut ----------------------------------------------------------------------------------------------

SEVERAL = ["jpeg mpo", "gif animated"]  # cut late, their first picture may still be whole


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97])
@pytest.mark.parametrize("kind", [kind for kind in pictures.FILES if kind not in SEVERAL])
def test_decode_refuses_a_cut_file(kind, share):
    data = pictures.file(kind)
    error = refusal(data[: max(int(len(data) * share), 32)])
    assert error.code == "invalid_image"
    assert pictures.name(kind) in error.detail


@pytest.mark.parametrize("kind", [kind for kind in pictures.FILES if kind not in [*SEVERAL, "gif"]])
def test_decode_refuses_a_file_that_lacks_its_last_byte(kind):
    data = pictures.file(kind)
    assert refusal(data[:-1]).code == "invalid_image"


@pytest.mark.parametrize("length", [1, 2, 3, 8, 16])
@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_decode_refuses_a_mere_beginning(kind, length):
    assert refusal(pictures.file(kind)[:length]).code == "invalid_image"


@pytest.mark.parametrize("share", [0.4, 0.6, 0.95])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("options", JPEG_OPTIONS)
def test_decode_refuses_a_cut_jpeg_that_was_given_an_end(options, mode, share):
    data = encode(pictures.photo().convert(mode), "JPEG", **JPEG_OPTIONS[options])
    start = data.index(b"\xff\xda") + 14
    cut = start + int((len(data) - start) * share)
    assert refusal(data[:cut] + b"\xff\xd9").code == "invalid_image"


def test_decode_refuses_a_progressive_jpeg_cut_in_its_first_scan():
    data = encode(pictures.photo(), "JPEG", progressive=True)
    first = data.index(b"\xff\xda") + 14
    assert refusal(data[: first + 40] + b"\xff\xd9").code == "invalid_image"


def test_decode_refuses_a_jpeg_whose_tail_is_zeros():
    data = encode(pictures.photo(), "JPEG")
    assert refusal(data[: len(data) // 2].ljust(len(data), b"\0")).code == "invalid_image"


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_decode_takes_a_jpeg_that_is_grey_in_its_corner(mode, progressive):
    pixels = np.array(pictures.photo())
    pixels[32:, 48:] = 128
    data = encode(Image.fromarray(pixels).convert(mode), "JPEG", progressive=progressive)
    assert np.abs(decoded(data)[40:, 60:].astype(int) - 128).max() <= 3


def test_decode_takes_a_jpeg_with_something_behind_its_end():
    trailer = np.random.default_rng(5).bytes(300_000)
    assert decode(pictures.file("jpeg") + trailer).width == 96


# Damaged ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [20, 40, 60, 100])
def test_decode_refuses_a_png_with_a_wrong_bit(at):
    data = bytearray(encode(pictures.photo(), "PNG"))
    data[at] ^= 16
    assert refusal(bytes(data)).code == "invalid_image"


def test_decode_refuses_a_png_with_too_few_rows():
    rows = (b"\0" + bytes(BLUE) * 8) * 5
    assert refusal(pictures.png((8, 8), 8, 2, rows)).code == "invalid_image"


@pytest.mark.parametrize("passes", range(7))
def test_decode_refuses_an_interlaced_png_with_too_few_passes(passes):
    data = pictures.png_interlaced(pictures.photo(12, 9), passes=passes)
    assert refusal(data).code == "invalid_image"


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 5), (8, 8), (13, 9)])
def test_decode_takes_an_interlaced_png_of_any_size(size):
    image = pictures.quarters(*size) if min(size) > 1 else Image.new("RGB", size, BLUE)
    assert np.array_equal(decoded(pictures.png_interlaced(image)), np.asarray(image))


@pytest.mark.parametrize("depth, colour", [(1, 0), (2, 0), (4, 0), (8, 0), (16, 2), (8, 6), (4, 3)])
def test_decode_takes_a_black_png_of_any_depth(depth, colour):
    samples = {0: 1, 2: 3, 3: 1, 6: 4}[colour]
    rows = (b"\0" + bytes((5 * depth * samples + 7) // 8)) * 3
    palette = pictures.chunk(b"PLTE", bytes(48)) if colour == 3 else b""
    data = pictures.png((5, 3), depth, colour, rows, extra=palette)
    assert decoded(data).shape == (3, 5, 3)


def test_decode_refuses_a_png_whose_pixels_do_not_inflate():
    data = pictures.png((8, 8), 8, 2, b"")
    broken = data.replace(zlib.compress(b""), b"no zlib!")
    start, end = broken.index(b"IDAT"), broken.index(b"no zlib!") + 8
    check = struct.pack(">I", zlib.crc32(broken[start:end]))
    assert refusal(broken[:end] + check + broken[end + 4 :]).code == "invalid_image"


@pytest.mark.parametrize("kind", ["png", "jpeg", "gif", "bmp", "webp", "heic"])
def test_decode_refuses_a_signature_with_nonsense_behind(kind):
    error = refusal(pictures.file(kind)[:18] + b"\x7f" * 200)
    assert error.code in ("invalid_image", "image_too_large")  # nonsense may state a size


@pytest.mark.parametrize("kind", SEVERAL)
def test_decode_takes_a_whole_first_picture_of_a_cut_file(kind):
    data = pictures.file(kind)
    assert decode(data[:-5]).width == 96
