"""Small generated pictures in every format and mode, and files that only look like pictures."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from functools import cache

import numpy as np
import pillow_heif
from PIL import Image

from recognition.pipeline.decode import decode
from recognition.pipeline.types import Picture, Pixels

Size = tuple[int, int]  # width, height

RED, GREEN, BLUE, SAND = (200, 30, 40), (30, 170, 50), (30, 50, 190), (220, 200, 150)
QUARTERS = [RED, GREEN, BLUE, SAND]  # top left, top right, bottom left, bottom right
WHITE = (255, 255, 255)

# How a picture is stored that a viewer turns upright by orientation 1 to 8.
STORED_AS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def quarters(width: int = 96, height: int = 64) -> Image.Image:
    """Return a picture of four plain quarters, none like another."""
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2], pixels[: height // 2, width // 2 :] = RED, GREEN
    pixels[height // 2 :, : width // 2], pixels[height // 2 :, width // 2 :] = BLUE, SAND
    return Image.fromarray(pixels)


def photo(width: int = 96, height: int = 64) -> Image.Image:
    """Return a picture with detail in every block, so that missing parts show."""
    noise = np.random.default_rng(7).integers(0, 256, (height // 4, width // 4, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)


def pixels(picture: Picture) -> Pixels:
    """Return the full picture as an array, (H, W, 3)."""
    return np.asarray(picture.halved(0))


def decoded(data: bytes) -> Pixels:
    return pixels(decode(data))


def centres(picture: Picture) -> list[tuple[int, ...]]:
    """Return the colours in the middle of the four quarters."""
    colours = pixels(picture)
    height, width = colours.shape[:2]
    rows, columns = (height // 4, 3 * height // 4), (width // 4, 3 * width // 4)
    return [tuple(int(band) for band in colours[y, x]) for y in rows for x in columns]


def encode(image: Image.Image, format: str, **options: object) -> bytes:
    """Return ``image`` as a file; in a HEIC ``exif`` (bytes) also becomes ``irot`` and ``imir``."""
    buffer = io.BytesIO()
    if format == "HEIC":
        heic = pillow_heif.from_bytes(image.mode, image.size, image.tobytes())
        heic.info["exif"] = options.pop("exif", None)
        heic.save(buffer, **{"quality": 90} | options)
    else:
        image.save(buffer, format, **options)
    return buffer.getvalue()


def exif(orientation: int, *, order: str = "<", kind: int = 3) -> bytes:
    """Return an EXIF block with a maker and an orientation (``kind``: 3 SHORT, 4 LONG)."""
    head = b"II*\0" if order == "<" else b"MM\0*"
    value = struct.pack(order + {3: "H2x", 4: "I"}[kind], orientation)
    maker = struct.pack(order + "HHI4s", 0x010F, 2, 4, b"ABC\0")
    entry = struct.pack(order + "HHI", 0x0112, kind, 1) + value
    directory = struct.pack(order + "H", 2) + maker + entry + bytes(4)
    return b"Exif\0\0" + head + struct.pack(order + "I", 8) + directory


def turned(format: str, orientation: int) -> bytes:
    """Return the quarters stored so that ``orientation`` makes them upright."""
    turn, image = STORED_AS[orientation], quarters()
    stored = image if turn is None else image.transpose(turn)
    lossless = {"lossless": True} if format == "WEBP" else {}
    return encode(stored, format, exif=exif(orientation), **lossless)


# Chunk by chunk -----------------------------------------------------------------------------------


def chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)


def png(size: Size, depth: int, colour: int, rows: bytes, *, extra: bytes = b"") -> bytes:
    """Return a PNG of unfiltered ``rows`` (each with its leading zero)."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + header + extra + pixels + chunk(b"IEND", b"")


def png_16_bit(array: np.ndarray) -> bytes:
    """Return a 16-bit PNG of (H, W) grey or (H, W, 3 or 4) colour samples."""
    colour = {1: 0, 3: 2, 4: 6}[array[0, 0].size]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)
    return png((array.shape[1], array.shape[0]), 16, colour, rows)


def png_interlaced(image: Image.Image, *, passes: int = 7) -> bytes:
    """Return an Adam7 PNG of an RGB picture; with fewer ``passes`` the rest is missing."""
    grid = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2))
    pixels = np.asarray(image)
    parts = [pixels[y::down, x::right] for x, y, right, down in (*grid, (0, 1, 1, 2))][:passes]
    rows = b"".join(b"\0" + row.tobytes() for part in parts if part.size for row in part)
    plain = png(image.size, 8, 2, rows)
    header = chunk(b"IHDR", plain[16:28] + b"\1")
    return plain[:8] + header + plain[33:]


def jpeg_cmyk_plain() -> bytes:
    """Return a CMYK JPEG without Adobe's marker, whose samples are not inverted."""
    inverted = Image.fromarray(255 - np.asarray(quarters().convert("CMYK")), "CMYK")
    data = encode(inverted, "JPEG", quality=95, subsampling=0)
    at = data.index(b"\xff\xee\0\x0eAdobe")
    return data[:at] + data[at + 16 :]


def jpeg_ycck() -> bytes:
    """Return a JPEG in Adobe's YCCK: CMY stored as YCbCr, no black; the marker says 2."""
    inks = np.asarray(Image.fromarray(255 - np.asarray(quarters())).convert("YCbCr"))
    planes = np.dstack([255 - inks, np.zeros(inks.shape[:2], np.uint8)])  # Pillow inverts them
    data = encode(Image.fromarray(planes, "CMYK"), "JPEG", quality=95, subsampling=0)
    at = data.index(b"\xff\xee\0\x0eAdobe")
    return data[: at + 15] + b"\2" + data[at + 16 :]


def heic_10_bit() -> bytes:
    """Return a HEIC with ten bits a sample."""
    samples = np.asarray(quarters()).astype("<u2") << 8
    image = pillow_heif.from_bytes("RGB;16", quarters().size, samples.tobytes())
    buffer = io.BytesIO()
    image.save(buffer, quality=95)
    return buffer.getvalue()


def bmp_run_length() -> bytes:
    """Return an 8-bit BMP of 4 x 1 pixels, run-length coded."""
    palette, pixels = bytes(1024), b"\4\0\0\1"
    head = struct.pack("<2sIII", b"BM", 54 + 1024 + 4, 0, 54 + 1024)
    return head + struct.pack("<IiiHHIIiiII", 40, 4, 1, 1, 8, 1, 4, 0, 0, 0, 0) + palette + pixels


def bmp_with_alpha(colour: tuple[int, int, int], *, alpha: int) -> bytes:
    """Return a BMP of 2 x 2 pixels whose header (version 4) states a mask for alpha."""
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    head = struct.pack("<IiiHHIIiiII", 108, 2, 2, 1, 32, 3, 16, 0, 0, 0, 0) + masks + bytes(52)
    pixels = bytes([*reversed(colour), alpha]) * 4
    return struct.pack("<2sIII", b"BM", 122 + 16, 0, 122) + head + pixels


def ispe_forged(data: bytes, old: Size, new: Size) -> bytes:
    """Return a HEIC in which every size ``old`` is stated as ``new``."""
    stated = b"ispe" + bytes(4) + struct.pack(">II", *old)
    assert stated in data
    return data.replace(stated, b"ispe" + bytes(4) + struct.pack(">II", *new))


# The cast -----------------------------------------------------------------------------------------


def _animated(format: str, **options: object) -> bytes:
    other = Image.new("RGB", (96, 64), "black")
    return encode(quarters(), format, save_all=True, append_images=[other], **options)


def _opaque() -> Image.Image:
    return quarters().convert("RGBA")


FILES: dict[str, Callable[[], bytes]] = {
    "jpeg": lambda: encode(quarters(), "JPEG", quality=95),
    "jpeg progressive": lambda: encode(quarters(), "JPEG", quality=95, progressive=True),
    "jpeg restarts": lambda: encode(quarters(), "JPEG", quality=95, restart_marker_rows=1),
    "jpeg cmyk adobe": lambda: encode(quarters().convert("CMYK"), "JPEG", quality=95),
    "jpeg cmyk plain": jpeg_cmyk_plain,
    "jpeg ycck adobe": jpeg_ycck,
    "jpeg mpo": lambda: _animated("MPO", quality=95),
    "png": lambda: encode(quarters(), "PNG"),
    "png palette": lambda: encode(quarters().quantize(4), "PNG"),
    "png alpha": lambda: encode(_opaque(), "PNG"),
    "png 16 bit": lambda: png_16_bit(np.asarray(quarters()).astype(np.uint16) * 257),
    "png interlaced": lambda: png_interlaced(quarters()),
    "png animated": lambda: _animated("PNG"),
    "webp": lambda: encode(quarters(), "WEBP", quality=95),
    "webp lossless": lambda: encode(quarters(), "WEBP", lossless=True),
    "webp alpha": lambda: encode(_opaque(), "WEBP", lossless=True),
    "webp animated": lambda: _animated("WEBP", lossless=True),
    "bmp": lambda: encode(quarters(), "BMP"),
    "bmp palette": lambda: encode(quarters().quantize(4), "BMP"),
    "bmp 32 bit": lambda: encode(_opaque(), "BMP"),
    "gif": lambda: encode(quarters().quantize(4), "GIF"),
    "gif animated": lambda: _animated("GIF", disposal=2),
    "heic": lambda: encode(quarters(), "HEIC"),
    "heic alpha": lambda: encode(_opaque(), "HEIC"),
    "heic tiled": lambda: encode(quarters(256, 192), "HEIC", tile_size=64),
    "heic 10 bit": heic_10_bit,
}
NAMES = {"jpeg": "JPEG", "png": "PNG", "webp": "WebP", "bmp": "BMP", "gif": "GIF", "heic": "HEIC"}


@cache
def file(kind: str) -> bytes:
    """Return the file of FILES of that name, made once."""
    return FILES[kind]()


def name(kind: str) -> str:
    """Return the format's name as ``Picture.format`` states it."""
    return NAMES[kind.split()[0]]
