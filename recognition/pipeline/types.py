"""The values that travel along the road of a picture, one after the other.

Frame of reference everywhere: pixels of the upright picture, origin at its top left corner,
x to the right, y downwards. Landmarks are named image-left first: ``left_eye`` is the eye at the
left of the picture (the person's right eye).
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

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


class Picture:
    """A decoded picture, upright, RGB, with its halvings, each made when it is first wanted.

    ``image`` is the picture of ``size`` (width, height), or the same with its sides halved, and
    ``load`` then returns the full one. ``sha256`` is that of the bytes sent.
    """

    def __init__(
        self,
        image: Image.Image,
        size: tuple[int, int],
        load: Callable[[], Image.Image] | None = None,
        *,
        sha256: str = "",
        format: str = "",
    ) -> None:
        self.width, self.height = size
        self.sha256, self.format = sha256, format
        self._halvings = {round(math.log2(max(size) / max(image.size))): image}
        self._load = load
        self._lock = threading.Lock()  # the detector looks at several levels at once

    @classmethod
    def of(cls, pixels: Pixels) -> Picture:
        """Return the picture with these (H, W, 3) uint8 pixels, red first."""
        image = Image.fromarray(pixels)
        return cls(image, image.size)

    @property
    def finest(self) -> int:
        """How often the finest picture is halved that is there already."""
        return min(self._halvings)

    def part(self, left: int, top: int, right: int, bottom: int) -> Picture:
        """Return what lies between these edges as a picture of its own."""
        image = self.halved(0).crop((left, top, right, bottom))
        return Picture(image, image.size, sha256=self.sha256, format=self.format)

    def halved(self, times: int) -> Image.Image:
        """Return the picture with its sides halved ``times`` and rounded up."""
        with self._lock:
            finer = [held for held in self._halvings if held <= times]
            if not finer:
                assert self._load is not None  # noqa: S101  # or the full one would be held
                self._halvings[0] = self._load()
            held = max(finer, default=0)
            if held < times:
                self._halvings[times] = self._halvings[held].reduce(2 ** (times - held))
            return self._halvings[times]


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
