"""Scale a picture, and parts of it, to what the networks look at.

Each result comes from the picture halved as often as leaves it enough pixels: a halving costs
little, and a large JPEG is decoded halved. What is left, less than a factor of two, is averaged.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from recognition.pipeline.types import Floats, Picture

Size = tuple[int, int]  # width, height
Edges = Sequence[float]  # left, top, right, bottom

#: What is cut out may become so much larger before a finer picture is taken.
ENLARGED = 1.25


def halvings(shrinkage: float) -> int:
    """Return how often to halve what is shrunk by ``shrinkage`` in all: never to too few pixels."""
    return max(0, math.floor(math.log2(max(shrinkage, 1.0))))


def level_rows(picture: Picture, size: Size, first: int, last: int) -> Floats:
    """Return rows [first, last) of the picture scaled to ``size``: (3, last - first, width)."""
    times = halvings(picture.width / size[0])
    right, down = picture.width / 2**times, picture.height / 2**times / size[1]
    box = (0.0, first * down, right, last * down)
    rows = picture.halved(times).resize((size[0], last - first), Image.Resampling.BOX, box=box)
    return planar(np.asarray(rows))


def crops(
    picture: Picture, rectangles: NDArray[np.int64], size: int, *, spared_from: float
) -> Floats:
    """Return (N, 3, size, size) for (N, 4) rows ``left, top, right, bottom`` in the picture.

    Rectangles with sides from ``spared_from`` on are not worth that the full picture be decoded.
    """
    sheet = Image.new("RGB", (size, size * len(rectangles)))  # one array of all is quicker made
    for row, edges in enumerate(rectangles.tolist()):
        times = halvings(side(edges) / size * ENLARGED)
        if side(edges) >= spared_from:
            times = max(times, picture.finest)
        source = picture.halved(times)
        left, top, right, bottom = (edge / 2**times for edge in edges)
        box = (left, top, min(right, source.width), min(bottom, source.height))
        part = source.resize((size, size), Image.Resampling.BOX, box=box)
        sheet.paste(part, (0, row * size))
    return planar(np.asarray(sheet).reshape(-1, size, size, 3))


def side(edges: Edges) -> float:
    """Return the longer side of a rectangle."""
    left, top, right, bottom = edges
    return max(right - left, bottom - top)


def planar(pixels: NDArray[np.uint8]) -> Floats:
    """Return (..., H, W, 3) uint8 as (..., 3, H, W) float32, 0 to 255."""
    return np.moveaxis(pixels, -1, -3).astype(np.float32, order="C")
