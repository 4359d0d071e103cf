"""Bring faces to the place and size that an embedder was trained on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from recognition.pipeline.resample import halvings, side
from recognition.pipeline.types import Box, Floats, Picture, Pixels

#: Where MTCNN's landmarks of a frontal face lie in dlib's own chip of 150 pixels, (5, 2); means
#: over 500 photographs of LFW View 1.
PLACES = np.array(
    [[48.0, 45.9], [102.0, 45.9], [74.8, 78.0], [50.9, 105.3], [98.4, 105.4]], dtype=np.float64
)
PLACES_SIZE = 150


def similarity_transform(
    points: NDArray[np.floating], places: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Return the (2, 3) turn, scale and shift that bring ``points`` nearest to ``places``.

    Least squares over the (N, 2) points, without reflection. Points that all coincide get scale 1.
    """
    source, target = (array.astype(np.float64) @ (1, 1j) for array in (points, places))
    centred = source - source.mean()
    spread = float(np.vdot(centred, centred).real)
    turn = complex(np.vdot(centred, target)) / spread if spread else 1 + 0j
    shift = target.mean() - turn * source.mean()
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def aligned(picture: Picture, landmarks: Floats, *, size: int = PLACES_SIZE) -> Pixels:
    """Return a (size, size, 3) crop with the landmarks on ``PLACES``; black outside the picture."""
    # Landmarks count from the centre of a pixel, Pillow from its corner: hence the halves.
    places = (PLACES + 0.5) * (size / PLACES_SIZE)
    to_crop = np.vstack([similarity_transform(landmarks + 0.5, places), (0, 0, 1)])
    if abs(np.linalg.det(to_crop)) < 1e-12:  # the landmarks say nothing about place and size
        return np.zeros((size, size, 3), dtype=np.uint8)
    to_picture = np.linalg.inv(to_crop)
    times = halvings(float(np.hypot(to_picture[0, 0], to_picture[1, 0])))
    crop = picture.halved(times).transform(
        (size, size),
        Image.Transform.AFFINE,
        tuple((to_picture[:2] / 2**times).ravel()),
        Image.Resampling.BILINEAR,
    )
    return np.asarray(crop)


def with_margin(picture: Picture, outline: Box, *, size: int, margin: int) -> Pixels:
    """Return (size, size, 3): the detector's box with ``margin`` pixels of the crop around it.

    The arithmetic, stretching included, is that of facenet-pytorch's ``extract_face`` (MIT), on
    whose crops its embedder was evaluated. ``outline`` may reach beyond the picture.
    """
    width, height = picture.width, picture.height
    extra_x = margin * outline.width / (size - margin) / 2
    extra_y = margin * outline.height / (size - margin) / 2
    left, top = int(max(outline.x - extra_x, 0)), int(max(outline.y - extra_y, 0))
    right = int(min(outline.x + outline.width + extra_x, width))
    bottom = int(min(outline.y + outline.height + extra_y, height))
    left, top = min(left, width - 1), min(top, height - 1)
    edges = (left, top, max(right, left + 1), max(bottom, top + 1))
    times = halvings(side(edges) / size)
    left, top, right, bottom = (edge >> times for edge in edges)
    # Cut first: scaled from the whole picture, the crop's edge would mix with what is beyond it.
    region = picture.halved(times).crop((left, top, right, bottom))
    return np.asarray(region.resize((size, size), Image.Resampling.BILINEAR))
