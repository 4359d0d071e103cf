"""The values that travel along the road of a picture, one after the other.

Frame of reference everywhere: pixels of the upright picture, origin at its top left corner,
x to the right, y downwards. Landmarks are named image-left first: ``left_eye`` is the eye at the
left of the picture (the person's right eye).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]  # (H, W, 3) RGB
Floats = NDArray[np.float32]

LANDMARKS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels of the upright picture; ``x`` and ``y`` are its top left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def area(self) -> float:
        return self.width * self.height

    @property
    def centre(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height / 2

    @property
    def size(self) -> float:
        """The shorter side, which the limits on face size are about."""
        return min(self.width, self.height)

    def shifted(self, x: float, y: float) -> Box:
        """Return the same box further right and down."""
        return Box(self.x + x, self.y + y, self.width, self.height)

    def contains(self, point: tuple[float, float]) -> bool:
        return (
            self.x <= point[0] <= self.x + self.width and self.y <= point[1] <= self.y + self.height
        )


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture: ``pixels`` (H, W, 3) uint8 RGB, upright; ``sha256`` of the bytes sent."""

    pixels: Pixels
    sha256: str
    format: str

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """One face as the detector found it; ``landmarks`` (5, 2) float32 in the order LANDMARKS.

    ``box`` lies inside the picture; ``outline`` is the detector's own box, which may reach beyond.
    """

    box: Box
    landmarks: Floats
    probability: float
    outline: Box

    def shifted(self, x: float, y: float) -> Detection:
        """Return the same face further right and down."""
        landmarks = self.landmarks + np.array([x, y], dtype=np.float32)
        return Detection(
            self.box.shifted(x, y), landmarks, self.probability, self.outline.shifted(x, y)
        )


@dataclass(frozen=True, slots=True)
class Quality:
    """Measured values of one face, before any limit is applied.

    ``size``: shorter side of the box, px. ``sharpness`` and ``brightness``: see ``quality.py``.
    ``yaw``, ``pitch``, ``roll``: degrees estimated from the landmarks, 0 is frontal and upright.
    """

    size: float
    sharpness: float
    brightness: float
    yaw: float
    pitch: float
    roll: float


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face ready for a decision.

    ``crop``: (S, S, 3) uint8, aligned for the embedder. ``embedding``: (D,) float32 of length 1,
    or None where the face was not embedded (too small, too poor, or only detection was asked).
    """

    detection: Detection
    quality: Quality
    crop: Pixels | None = None
    embedding: Floats | None = None

    @property
    def box(self) -> Box:
        return self.detection.box


class Network(Protocol):
    """A converted network: one input array in, its output arrays out."""

    def run(self, inputs: Floats) -> list[Floats]: ...
