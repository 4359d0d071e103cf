"""The first stage of the road: the bytes that were sent become an upright RGB picture.

What the file is, ``formats.py`` tells by its bytes; ``readers.py`` loads it once the size in its
header is admitted; colour, orientation and the array are made here, the same for all formats.

Choices:

- Transparent parts become white: that is what the sender sees on a page and what passport
  photographs have; the colours hidden under alpha are arbitrary and would give false edges.
- ICC profiles are not applied: a conversion costs five times the decoding (12 ms against 2.5 ms
  at 640x480), hands an untrusted profile to one more parser, and the networks were trained on
  pixels that were not converted either.
- AVIF is refused like TIFF: it is not in the contract, and its decoder is one more to expose.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from PIL import Image

from recognition.errors import RecognitionError
from recognition.pipeline.formats import RESEND, identify
from recognition.pipeline.readers import READERS, read_halved_jpeg
from recognition.pipeline.types import Picture

_SCALE = "Scale the picture down: a face needs no more than a few hundred pixels."


@dataclass(frozen=True, slots=True)
class Limits:
    """What is admitted: size of the file in bytes, of the picture in pixels, of a side in pixels.

    ``max_side`` is the most a JPEG can have; it keeps pictures of one row and 50 million columns
    away from everything that scales them.
    """

    max_bytes: int = 10 * 1024 * 1024
    max_pixels: int = 50_000_000
    max_side: int = 65_535

    def admit_file(self, length: int) -> None:
        """Raise ``image_too_large`` for a file of more than ``max_bytes`` bytes."""
        if length > self.max_bytes:
            detail = f"The file has {length:,} bytes, more than the {self.max_bytes:,} allowed."
            raise _too_large(detail, length, self.max_bytes)

    def admit(self, size: tuple[int, int]) -> None:
        """Raise ``image_too_large`` for a picture whose header states such a (width, height)."""
        pixels, side = size[0] * size[1], max(size)
        stated = f"The picture is {size[0]:,} x {size[1]:,} pixels"
        if pixels > self.max_pixels:
            detail = f"{stated}: {pixels:,} in all, more than the {self.max_pixels:,} allowed."
            raise _too_large(detail, pixels, self.max_pixels)
        if side > self.max_side:
            detail = f"{stated}; no side may be longer than {self.max_side:,}."
            raise _too_large(detail, side, self.max_side)


DEFAULT = Limits()

# What decoders raise on malformed input. OSError: Pillow's usual refusal; SyntaxError: a header it
# does not accept; EOFError: pixels that are missing; ValueError, RuntimeError: libheif; the others
# come from parsers that trust lengths, indices and tags found in the file. Not MemoryError: sizes
# are checked before, so it would be the machine's fault and no reason to blame the picture.
_BROKEN: tuple[type[Exception], ...] = (
    OSError, SyntaxError, EOFError, ValueError, RuntimeError, IndexError, KeyError, TypeError,
    OverflowError, struct.error, zlib.error, Image.DecompressionBombError,
)  # fmt: skip


# Bytes from which a JPEG is decoded halved at first: it has a million pixels or so then. Faces
# from 40 px on are sought in the halved picture, and where they are large the full one is never
# wanted. By bytes, since that needs no look into the file.
HALVED_FROM = 150_000


def decode(data: bytes, *, limits: Limits = DEFAULT) -> Picture:
    """Read one picture: the first frame, upright, as RGB.

    Raises RecognitionError: ``invalid_image``, ``unsupported_image`` or ``image_too_large``.
    """
    limits.admit_file(len(data))
    name = identify(data)
    sha256 = hashlib.sha256(data).hexdigest()

    def load() -> Image.Image:
        with _damage_told(name):
            return _as_seen(READERS[name](data, limits.admit))

    if name != "JPEG" or len(data) < HALVED_FROM:
        image = load()
        return Picture(image, image.size, sha256=sha256, format=name)
    with _damage_told(name):
        half, size = read_halved_jpeg(data, limits.admit)
        sideways = _turn(half.info.get("exif")) in _SIDEWAYS
        size = size[::-1] if sideways else size
        return Picture(_as_seen(half), size, load, sha256=sha256, format=name)


@contextmanager
def _damage_told(name: str) -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        detail = f"The {name} file is damaged or incomplete."
        raise RecognitionError("invalid_image", detail, hint=RESEND) from error


def _too_large(detail: str, measured: int, limit: int) -> RecognitionError:
    return RecognitionError("image_too_large", detail, hint=_SCALE, measured=measured, limit=limit)


def _as_seen(image: Image.Image) -> Image.Image:
    """Return ``image`` upright and as RGB."""
    turn = _turn(image.info.get("exif"))
    return _rgb(image) if turn is None else _rgb(image).transpose(turn)


def _rgb(image: Image.Image) -> Image.Image:
    """Return ``image`` as 8-bit RGB, laid on white where it is transparent."""
    if image.mode == "I;16":  # Pillow would clip at 255
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        cut_out = image.convert("RGBA")
        image = Image.new("RGB", image.size, "white")
        image.paste(cut_out, mask=cut_out)
    return image if image.mode == "RGB" else image.convert("RGB")


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = {_TURNS[orientation] for orientation in (5, 6, 7, 8)}
_ORIENTATION = 0x0112
_BYTE_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_INTEGERS = {1: "B", 3: "H", 4: "I"}  # EXIF types that hold a whole number


def _turn(exif: bytes | None) -> Image.Transpose | None:
    """Return what an EXIF block says is to be done; None where it is missing or broken."""
    try:
        return _TURNS.get(_orientation((exif or b"").removeprefix(b"Exif\0\0")))
    except struct.error:  # the block ends early: a broken note is no reason to refuse the picture
        return None


def _orientation(exif: bytes) -> int:
    """Read the tag from the first directory of a TIFF block. Source: TIFF 6.0, section 2.

    Pillow's reader goes through all tags, which takes time, and warns of odd ones.
    """
    order = _BYTE_ORDERS.get(exif[:4])
    if order is None:
        return 1
    (at,) = struct.unpack_from(f"{order}I", exif, 4)
    (count,) = struct.unpack_from(f"{order}H", exif, at)
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        tag, kind = struct.unpack_from(f"{order}HH", exif, entry)
        if tag == _ORIENTATION and kind in _INTEGERS:
            return int(struct.unpack_from(order + _INTEGERS[kind], exif, entry + 8)[0])
    return 1
