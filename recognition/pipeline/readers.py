"""Load the pixels of one file: one function a format, each with the one decoder meant for it.

Every reader opens the file, lets the size that its header states be admitted (``admit`` raises),
loads the pixels and then looks whether they are all there. No other decoder sees an upload, and
Pillow's own limit, which is one number for the whole process, is not used.

A wrong bit inside the coded pixels of a JPEG, HEIC or GIF cannot be told from a picture, since
these formats have no checksum; what is missing, is found.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Callable, Iterator

from PIL import Image, ImageChops
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile
from pillow_heif.as_plugin import HeifImageFile

from recognition.pipeline.formats import unsupported

Size = tuple[int, int]  # width, height
Admit = Callable[[Size], None]

# JPEG ---------------------------------------------------------------------------------------------

# Encoders write at most some 20 scans with a table or two each. A scan costs a pass over the whole
# picture (30 ms and more at 50 megapixels) and can be written in 14 bytes, hence the limit.
_MAX_SCANS, _MAX_SEGMENTS = 50, 200
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # in coded data 0xff is followed by 0, d0-d7
_SCAN, _END = 0xDA, 0xD9
_GREY = {127, 128}  # what libjpeg leaves where coefficients are missing; 127 in inverted CMYK


class _Jpeg(JpegImageFile):
    """Pillow's JPEG reader without its look for a resolution, which warns of odd EXIF blocks."""

    def _read_dpi_from_exif(self) -> None:
        """Leave the EXIF block alone."""


def _read_jpeg(data: bytes, admit: Admit) -> Image.Image:
    """Load a JPEG; of several pictures in one file (MPO) the first."""
    return _load_jpeg(_Jpeg(io.BytesIO(data)), data, admit, halved=False)


def read_halved_jpeg(data: bytes, admit: Admit) -> tuple[Image.Image, Size]:
    """Load a JPEG with its sides halved; return the full one's size as well.

    libjpeg then computes a quarter of the pixels, in little over half the time. In full are loaded:
    odd sides, whose last half pixel would come first once the picture is turned, and progressive
    ones, where damage that shows in the full picture alone would be found too late.
    """
    image = _Jpeg(io.BytesIO(data))
    size = image.size
    even = not (size[0] % 2 or size[1] % 2)
    halved = even and "progressive" not in image.info
    return _load_jpeg(image, data, admit, halved=halved), size


def _load_jpeg(image: _Jpeg, data: bytes, admit: Admit, *, halved: bool) -> Image.Image:
    admit(image.size)
    scan = image.fp.tell() if image.fp else 0
    _check_scans(data, scan)
    _load_pixels(image, halved=halved)
    if _GREY.issuperset(_corner(image)) and not _scan_is_whole(image, data, scan, halved=halved):
        raise EOFError("the coded pixels end too early")
    if image.mode == "CMYK" and "adobe" not in image.info:
        return ImageChops.invert(image)  # Pillow takes every CMYK for Adobe's, which is inverted
    return image


def _load_pixels(image: _Jpeg, *, halved: bool) -> None:
    if halved:
        image.draft(None, (max(image.width // 2, 1), max(image.height // 2, 1)))
    image.load()


def _check_scans(data: bytes, at: int) -> None:
    """Refuse more scans than any encoder writes; ``at`` is where the first one's data start."""
    scans = 1
    for _ in range(_MAX_SEGMENTS):
        marker = _MARKER.search(data, at)
        if marker is None or data[marker.start() + 1] == _END:
            return
        scans += data[marker.start() + 1] == _SCAN
        if scans > _MAX_SCANS:
            break
        at = marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2], "big")
    raise SyntaxError("too many scans")


def _scan_is_whole(image: Image.Image, data: bytes, scan: int, *, halved: bool) -> bool:
    """Tell a grey corner from missing pixels, which libjpeg passes over in silence.

    Further coded data is put at the end of the scan: it changes nothing in a whole picture, and
    in a cut one it becomes the next pixels.
    """
    end = _MARKER.search(data, scan)
    if end is None:
        return False
    more = data[scan : scan + 16].replace(b"\xff", b"") + b"\x5a\x3c\x96\x69" * 8
    longer = _Jpeg(io.BytesIO(data[: end.start()] + more + data[end.start() :]))
    _load_pixels(longer, halved=halved)
    return longer.tobytes() == image.tobytes()


def _corner(image: Image.Image) -> tuple[int, ...]:
    """Return the samples of the pixel that is decoded last, at the bottom right."""
    value = image.getpixel((image.width - 1, image.height - 1))
    return tuple(int(band) for band in value) if isinstance(value, tuple) else (int(value or 0),)


# PNG ----------------------------------------------------------------------------------------------

_KEPT = {b"IHDR", b"PLTE", b"tRNS", b"eXIf", b"IDAT", b"IEND"}
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
_WHOLE = ((0, 0, 1, 1),)  # first column, first row, step to the right, step down
_ADAM7 = (
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)
)  # fmt: skip


def _read_png(data: bytes, admit: Admit) -> Image.Image:
    """Load a PNG from the chunks that make the picture; of an animation the still picture.

    The rest is left out: deflated texts and profiles (small bombs) and animation chunks.
    """
    chunks = [(kind, chunk) for kind, chunk in _png_chunks(data) if kind in _KEPT]
    image = PngImageFile(io.BytesIO(data[:8] + b"".join(chunk for _, chunk in chunks)))
    admit(image.size)
    image.load()
    depth, interlaced = data[24], data[28]
    if interlaced or not any(_corner(image)):  # Pillow leaves missing rows black, in silence
        coded = b"".join(chunk[8:-4] for kind, chunk in chunks if kind == b"IDAT")
        if _inflated_size(coded) < _png_size(image.size, _CHANNELS[data[25]] * depth, interlaced):
            raise EOFError("the coded pixels end too early")
    if depth == 16:
        image.info.pop("transparency", None)  # a colour of 16 bits: not to be found in 8
    return image


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Yield kind and bytes of every chunk up to the last one, IEND, which must be there."""
    view, at, kind = memoryview(data), 8, b""
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            raise EOFError(f"cut chunk {kind!r}")
        yield kind, view[at:end]
        at = end


def _png_size(size: Size, bits: int, interlaced: int) -> int:
    """Return how many bytes the inflated pixels of a PNG have, filter bytes included."""
    total = 0
    for left, top, right, down in _ADAM7 if interlaced else _WHOLE:
        columns, rows = -((left - size[0]) // right), -((top - size[1]) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * bits + 7) // 8)
    return total


def _inflated_size(coded: bytes) -> int:
    """Return the length of inflated data without keeping it."""
    inflate, total = zlib.decompressobj(), 0
    while piece := inflate.decompress(coded, 1 << 20):
        total, coded = total + len(piece), inflate.unconsumed_tail
    return total


# WebP, GIF, BMP -----------------------------------------------------------------------------------


def _read_webp(data: bytes, admit: Admit) -> Image.Image:
    """Load a WebP. Pillow takes memory for the canvas on opening, hence the size is read here."""
    admit(_webp_size(data))
    image = WebPImageFile(io.BytesIO(data))
    admit(image.size)
    image.load()
    return image


def _webp_size(data: bytes) -> Size:
    """Return width and height. Source: RFC 9649, sections 2.5 to 2.7."""
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF


def _read_gif(data: bytes, admit: Admit) -> Image.Image:
    """Load a GIF's first frame. Pillow takes memory on opening, hence the size is read here."""
    admit(_gif_size(data))
    image = GifImageFile(io.BytesIO(data))
    admit(image.size)
    image.load()
    return image


def _gif_size(data: bytes) -> Size:
    """Return width and height of what holds the screen and the first frame. Source: GIF89a."""
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)  # past the colour table
    while data[at] == 0x21:  # an extension: label, then blocks up to an empty one
        at += 2
        while data[at]:
            at += 1 + data[at]
        at += 1
    left, top, columns, rows = struct.unpack_from("<4H", data, at + 1)
    return max(width, left + columns), max(height, top + rows)


def _read_bmp(data: bytes, admit: Admit) -> Image.Image:
    """Load a BMP; its fourth channel is left out, since most writers leave it at zero.

    Run-length coding is refused: Pillow decodes it in Python (seconds at 10 MB, all threads held).
    """
    image = BmpImageFile(io.BytesIO(data))
    admit(image.size)
    if image.tile[0].codec_name == "bmp_rle":
        raise unsupported("a BMP with run-length coding")
    image.load()
    return image.convert("RGB")


# HEIC ---------------------------------------------------------------------------------------------


def _read_heic(data: bytes, admit: Admit) -> Image.Image:
    """Load a HEIC's primary picture, already turned by libheif (``irot``, ``imir``).

    Each part must state an admissible size (libheif refuses parts that are larger than they
    state), and tiles must not lie outside the picture: libheif would decode them all the same.
    """
    properties = _heic_properties(data)
    for stated in re.finditer(rb"(?=ispe.{4}(.{8}))", properties, re.DOTALL):
        admit(struct.unpack(">II", stated[1]))
    if b"iovl" in properties:
        raise unsupported("a HEIC composed of overlays")
    image = HeifImageFile(io.BytesIO(data))  # type: ignore[no-untyped-call]  # it declares none
    admit(image.size)
    if not _tiles_lie_inside(image.info.get("tiling")):
        raise SyntaxError("tiles outside the picture")
    image.load()  # type: ignore[no-untyped-call]  # it declares none
    image.info.pop("exif", None)  # its orientation only repeats what libheif has done
    return image


def _tiles_lie_inside(tiling: dict[str, int] | None) -> bool:
    return tiling is None or (
        (tiling["num_columns"] - 1) * tiling["tile_width"] < tiling["image_width"]
        and (tiling["num_rows"] - 1) * tiling["tile_height"] < tiling["image_height"]
    )


def _heic_properties(data: bytes) -> bytes:
    """Return the ``meta`` box; a file that ends before its boxes do is refused.

    libheif leaves green tiles where those of a cut file are missing. Source: ISO/IEC 14496-12.
    """
    at, meta = 0, b""
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, at + 8)
        end = at + length if length else len(data)  # 0: up to the end of the file
        if end > len(data) or end < at + 8:
            raise EOFError(f"cut box {kind!r}")
        if kind == b"meta":
            meta = data[at:end]
        at = end
    return meta


READERS: dict[str, Callable[[bytes, Admit], Image.Image]] = {
    "JPEG": _read_jpeg,
    "PNG": _read_png,
    "WebP": _read_webp,
    "GIF": _read_gif,
    "BMP": _read_bmp,
    "HEIC": _read_heic,
}
