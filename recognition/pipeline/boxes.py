"""Arithmetic on many boxes at once; a box is a row ``left, top, right, bottom`` in pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recognition.pipeline.types import Floats

Indices = NDArray[np.intp]

#: Boxes compared with all the others at once while suppressing: bounds memory in a crowd.
BLOCK = 256


def squared(boxes: Floats) -> Floats:
    """Return (N, 4) squares with the longer side of each box, about the same centre."""
    sizes = boxes[:, 2:] - boxes[:, :2]
    sides = sizes.max(axis=1, keepdims=True)
    corners = boxes[:, :2] + sizes * np.float32(0.5) - sides * np.float32(0.5)
    return np.concatenate([corners, corners + sides], axis=1)


def shifted(boxes: Floats, offsets: Floats, *, inclusive: bool) -> Floats:
    """Move each edge by its share of the box's size; ``inclusive`` counts both edge pixels."""
    sizes = boxes[:, 2:] - boxes[:, :2] + np.float32(inclusive)
    return boxes + offsets * np.tile(sizes, 2)


def suppress(
    boxes: Floats, probabilities: Floats, limit: float, *, nested: bool = False
) -> Indices:
    """Return the rows to keep, likeliest first, none overlapping a likelier one beyond ``limit``.

    Overlap is the intersection over the union, or with ``nested`` over the smaller box, where
    edge pixels count as part of the box: so facenet-pytorch has it in its last stage.
    """
    order = np.argsort(-probabilities, kind="stable")
    kept: list[Indices] = []
    while order.size:
        block, order = order[:BLOCK], order[BLOCK:]
        clear = overlaps(boxes[block], boxes[block], nested=nested) <= limit
        alive = np.ones(len(block), dtype=bool)
        for row in range(len(block)):
            if alive[row]:
                alive[row + 1 :] &= clear[row, row + 1 :]
        kept.append(block[alive])
        if order.size:
            clear = overlaps(boxes[block[alive]], boxes[order], nested=nested).max(axis=0) <= limit
            order = order[clear]
    return np.concatenate(kept) if kept else np.empty(0, dtype=np.intp)


def overlaps(ones: Floats, others: Floats, *, nested: bool = False) -> Floats:
    """Return the (N, M) overlaps of N boxes with M others, 0 to 1; see ``suppress``."""
    edge = np.float32(nested)
    left, top, right, bottom = ones.T[:, :, None]  # (N, 1) each
    other_left, other_top, other_right, other_bottom = others.T[:, None]  # (1, M) each
    shared: Floats = np.minimum(right, other_right) - np.maximum(left, other_left) + edge
    heights = np.minimum(bottom, other_bottom) - np.maximum(top, other_top) + edge
    np.maximum(shared, 0, out=shared)
    shared *= np.maximum(heights, 0, out=heights)  # (N, M)
    area = (right - left + edge) * (bottom - top + edge)
    other_area = (other_right - other_left + edge) * (other_bottom - other_top + edge)
    whole = np.minimum(area, other_area) if nested else area + other_area - shared
    shared /= np.maximum(whole, np.finfo(np.float32).tiny)
    return shared
