"""A face with what is around it, to be kept: from it any embedder's crop can be cut."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from recognition.pipeline.resample import halvings
from recognition.pipeline.types import Box, Detection, Floats, Picture

AROUND = 0.5  # of the detector's box, on each side: crops turned upright reach so far
SIDE = 400  # px at most: then the face has about 200, more than any embedder takes
QUALITY = 95  # JPEG; embeddings are made from this


@dataclass(frozen=True, slots=True)
class Place:
    """Where a context lies: its corner in the picture and its scale; and the detector's outline.

    A point p of the picture is (p - corner) * scale in the context.
    """

    left: float
    top: float
    scale_x: float
    scale_y: float
    outline: tuple[float, float, float, float]


def context_of(picture: Picture, detection: Detection) -> tuple[bytes, Place]:
    """Return what is around a face as JPEG, and where it lies."""
    box = detection.outline
    left = int(np.clip(box.x - AROUND * box.width, 0, picture.width - 1))
    top = int(np.clip(box.y - AROUND * box.height, 0, picture.height - 1))
    right = int(np.clip(box.x + (1 + AROUND) * box.width, left + 1, picture.width))
    bottom = int(np.clip(box.y + (1 + AROUND) * box.height, top + 1, picture.height))
    scale = min(1.0, SIDE / max(right - left, bottom - top))
    size = max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))
    times = halvings(1 / scale)
    edges = tuple(edge / 2**times for edge in (left, top, right, bottom))
    part = picture.halved(times).resize(size, Image.Resampling.LANCZOS, box=edges)
    buffer = BytesIO()
    part.save(buffer, "JPEG", quality=QUALITY, subsampling=0)
    outline = (box.x, box.y, box.width, box.height)
    place = Place(left, top, size[0] / (right - left), size[1] / (bottom - top), outline)
    return buffer.getvalue(), place


def place_of(stored: Mapping[str, Any]) -> Place:
    """Return a place from its JSON."""
    return Place(**{**stored, "outline": tuple(stored["outline"])})


def face_in(context: bytes, place: Place, landmarks: Floats) -> tuple[Picture, Detection]:
    """Return the context as a picture, and the face in it; landmarks (5, 2) are the picture's."""
    with Image.open(BytesIO(context)) as image:
        pixels = np.asarray(image.convert("RGB"))
    scale = np.array([place.scale_x, place.scale_y], np.float32)
    corner = np.array([place.left, place.top], np.float32)
    # Landmarks count from the centre of a pixel.
    moved = (landmarks + 0.5 - corner) * scale - 0.5
    x, y, width, height = place.outline
    box = Box(
        (x - place.left) * place.scale_x,
        (y - place.top) * place.scale_y,
        width * place.scale_x,
        height * place.scale_y,
    )
    return Picture.of(pixels), Detection(box, moved.astype(np.float32), 1.0, outline=box)
