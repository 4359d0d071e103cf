"""Too large is refused by bytes and by the header's size, before memory for pixels is taken."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib

import pytest
from PIL import Image

from recognition.errors import RecognitionError
from recognition.pipeline.decode import DEFAULT, Limits, decode
from tests.pipeline import pictures
from tests.pipeline.pictures import encode


def refusal(data: bytes, limits: Limits = DEFAULT) -> RecognitionError:
    with pytest.raises(RecognitionError) as caught:
        decode(data, limits=limits)
    return caught.value


def png_bomb() -> bytes:
    """Return a real PNG of 50,001 x 1,001 pixels in less than 7 KB."""
    rows = (b"\0" + bytes(50_001 // 8 + 1)) * 1_001
    data = pictures.png((50_001, 1_001), 1, 0, rows)
    assert len(data) < 7_000
    return data


def png_forged() -> bytes:
    data = pictures.file("png")
    header = pictures.chunk(b"IHDR", struct.pack(">II", 60_000, 60_000) + data[24:29])
    return data[:8] + header + data[33:]


def jpeg_forged() -> bytes:
    data = pictures.file("jpeg")
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", 65_000, 65_000) + data[at + 4 :]


def gif_forged(at: int = 6) -> bytes:
    """Forge the screen; at the place of the frame's size, the frame."""
    data = pictures.file("gif")
    return data[:at] + struct.pack("<HH", 65_000, 65_000) + data[at + 4 :]


def gif_frame_forged() -> bytes:
    data = pictures.file("gif")
    frame = data.index(b"," + bytes(4) + struct.pack("<HH", 96, 64))
    dispose = b"!\xf9\4\x08\0\0\0\0"  # asks for the frame's area to be filled on opening
    return gif_forged(frame + 5)[:frame] + dispose + gif_forged(frame + 5)[frame:]


def bmp_forged(height: int = 65_000) -> bytes:
    data = pictures.file("bmp")
    return data[:18] + struct.pack("<ii", 65_000, height) + data[26:]


def webp_forged(kind: str) -> bytes:
    data = bytearray(pictures.file(kind))
    if data[12:16] == b"VP8X":
        data[24:30] = (16_000).to_bytes(3, "little") * 2
    elif data[12:16] == b"VP8L":
        data[21:25] = struct.pack("<I", 16_000 | 16_000 << 14)
    else:
        data[26:30] = struct.pack("<HH", 16_000, 16_000)
    return bytes(data)


def heic_forged() -> bytes:
    return pictures.ispe_forged(pictures.file("heic"), (96, 64), (30_000, 30_000))


BOMBS = {
    "png": png_bomb,
    "png forged": png_forged,
    "jpeg forged": jpeg_forged,
    "gif forged": gif_forged,
    "gif frame forged": gif_frame_forged,
    "bmp forged": bmp_forged,
    "bmp upside down": lambda: bmp_forged(-65_000),
    "webp": lambda: webp_forged("webp"),
    "webp lossless": lambda: webp_forged("webp lossless"),
    "webp animated": lambda: webp_forged("webp animated"),
    "heic": heic_forged,
}


@pytest.mark.parametrize("kind", BOMBS)
def test_decode_refuses_a_size_in_the_header_before_it_reads_pixels(kind, recwarn):
    error = refusal(BOMBS[kind]())
    assert error.code == "image_too_large"
    assert error.limit == 50_000_000 < int(error.measured or 0)
    assert "pixels" in error.detail and error.hint
    assert not recwarn.list


def test_decode_states_the_size_of_the_bomb():
    error = refusal(png_bomb())
    assert error.measured == 50_001 * 1_001
    assert "50,001 x 1,001" in error.detail


CHILD = """
import resource, sys
from pathlib import Path
from recognition.pipeline.decode import decode
from recognition.errors import RecognitionError
pages = int(Path("/proc/self/statm").read_text().split()[0])
most = pages * resource.getpagesize() + (64 << 20)
resource.setrlimit(resource.RLIMIT_AS, (most, most))
for path in sys.argv[1:]:
    try:
        decode(Path(path).read_bytes())
    except RecognitionError as error:
        print(error.code)
"""


def test_decode_takes_no_memory_for_what_it_refuses(tmp_path):
    paths = [tmp_path / str(number) for number in range(len(BOMBS))]
    for path, bomb in zip(paths, BOMBS.values(), strict=True):
        path.write_bytes(bomb())
    run = [sys.executable, "-W", "error", "-c", CHILD, *map(str, paths)]
    child = subprocess.run(run, capture_output=True, text=True, timeout=60, check=False)
    assert child.stdout.split() == ["image_too_large"] * len(BOMBS), child.stderr


def test_decode_refuses_a_file_of_11_megabytes_by_its_length():
    error = refusal(pictures.file("jpeg") + bytes(11_000_000))
    assert error.code == "image_too_large"
    assert (error.measured, error.limit) == (11_000_000 + len(pictures.file("jpeg")), 10 << 20)
    assert "bytes" in error.detail and error.hint


def test_decode_takes_what_is_just_within_the_limits():
    data = pictures.file("png")
    assert decode(data, limits=Limits(len(data), 96 * 64, 96)).width == 96


@pytest.mark.parametrize("limits", [Limits(max_pixels=96 * 64 - 1), Limits(max_side=95)])
@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "bmp", "gif", "heic"])
def test_decode_refuses_what_is_just_past_a_limit(kind, limits):
    assert refusal(pictures.file(kind), limits).code == "image_too_large"


def test_decode_refuses_a_single_row_of_a_million_pixels():
    error = refusal(encode(Image.new("L", (1_000_000, 1)), "PNG"))
    assert (error.code, error.measured, error.limit) == ("image_too_large", 1_000_000, 65_535)


# Small files that would cost much -----------------------------------------------------------------


def test_decode_refuses_a_large_part_in_a_small_heic():
    data = pictures.ispe_forged(pictures.file("heic tiled"), (64, 64), (20_000, 20_000))
    assert refusal(data).code == "image_too_large"


def test_decode_refuses_heic_tiles_that_lie_outside_the_picture():
    data = pictures.ispe_forged(pictures.file("heic tiled"), (256, 192), (64, 64))
    old, new = struct.pack(">HH", 256, 192), struct.pack(">HH", 64, 64)
    grid = b"\0\0\2\3"  # version, flags, rows less one, columns less one
    assert grid + old in data
    assert refusal(data.replace(grid + old, grid + new)).code == "invalid_image"


def test_decode_refuses_a_heic_that_hides_its_real_size():
    data = encode(pictures.quarters(1200, 800), "HEIC")
    assert refusal(pictures.ispe_forged(data, (1200, 800), (64, 64))).code == "invalid_image"


def test_decode_refuses_a_jpeg_of_a_thousand_scans():
    data = pictures.file("jpeg progressive")
    last = data.rindex(b"\xff\xda")
    assert refusal(data[:-2] + data[last:-2] * 1_000 + data[-2:]).code == "invalid_image"


def test_decode_inflates_no_text():
    text = b"Comment\0\0" + zlib.compress(bytes(1_000_000))
    rows = (b"\0" + bytes(6)) * 2
    data = pictures.png((2, 2), 8, 2, rows, extra=pictures.chunk(b"zTXt", text) * 80)
    assert decode(data).width == 2  # Pillow alone refuses more than 64 MB of text
