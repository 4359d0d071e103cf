"""The same probes spoilt, each kind in five steps, and how many of them are still recognised."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from recognition.evaluation.choosing import SEED
from recognition.evaluation.extraction import Alter
from recognition.evaluation.samples import Taken
from recognition.pipeline.types import Face, Picture

Spoil = Callable[[Image.Image, Face, float], Image.Image]

# Each kind in five steps, from a little to much.
STEPS: dict[str, tuple[float, ...]] = {
    "turned": (10, 20, 30, 40, 50),  # degrees
    "darkened": (0.6, 0.4, 0.25, 0.15, 0.08),  # share of the light
    "brightened": (1.5, 2, 3, 4, 6),  # times the light
    "blurred": (0.02, 0.04, 0.06, 0.08, 0.12),  # sigma in widths of the face
    "recompressed": (50, 30, 20, 10, 5),  # JPEG quality
    "reduced": (160, 80, 60, 40, 20),  # px of the face
    "lower half covered": (0.2, 0.4, 0.6, 0.8, 1.0),  # share of the lower half, from below
    "eyes covered": (0.2, 0.4, 0.6, 0.8, 1.0),  # share of a bar as wide as the face
}


def turned(image: Image.Image, face: Face, degrees: float) -> Image.Image:
    return image.rotate(degrees, Image.Resampling.BILINEAR, center=face.box.centre)


def lit(image: Image.Image, face: Face, factor: float) -> Image.Image:
    return image.point(lambda value: min(255, value * factor))


def blurred(image: Image.Image, face: Face, sigma: float) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(sigma * face.box.width))


def recompressed(image: Image.Image, face: Face, quality: float) -> Image.Image:
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=int(quality))
    return Image.open(buffer).convert("RGB")


def reduced(image: Image.Image, face: Face, pixels: float) -> Image.Image:
    factor = min(1.0, pixels / face.box.size)
    size = max(1, round(image.width * factor)), max(1, round(image.height * factor))
    return image.resize(size, Image.Resampling.LANCZOS)


def lower_half_covered(image: Image.Image, face: Face, share: float) -> Image.Image:
    box, half = face.box, face.box.height / 2
    top = box.y + box.height - half * share
    return _covered(image, (box.x, top, box.x + box.width, box.y + box.height * 1.1))


def eyes_covered(image: Image.Image, face: Face, share: float) -> Image.Image:
    left, right = face.detection.landmarks[:2]
    middle, half = (left + right) / 2, face.box.width * share / 2
    tall = float(np.hypot(*(right - left))) * 0.3
    edges = (middle[0] - half, middle[1] - tall, middle[0] + half, middle[1] + tall)
    return _covered(image, tuple(map(float, edges)))


def _covered(image: Image.Image, edges: tuple[float, ...]) -> Image.Image:
    covered = image.copy()
    ImageDraw.Draw(covered).rectangle(list(edges), fill="black")
    return covered


SPOIL: dict[str, Spoil] = {
    "turned": turned,
    "darkened": lit,
    "brightened": lit,
    "blurred": blurred,
    "recompressed": recompressed,
    "reduced": reduced,
    "lower half covered": lower_half_covered,
    "eyes covered": eyes_covered,
}


class Faces:
    """The face that is meant of each photograph, found once for all that is done to it."""

    def __init__(self, find: Callable[[Picture], Face | None]) -> None:
        self._find = find
        self._found: dict[Path, Face | None] = {}

    def of(self, picture: Picture, path: Path) -> Face | None:
        if path not in self._found:
            self._found[path] = self._find(picture)
        return self._found[path]


def alteration(kind: str, step: float, faces: Faces) -> Alter:
    """Return what spoils a picture; one without a face stays as it is."""

    def alter(picture: Picture, path: Path) -> Picture:
        face = faces.of(picture, path)
        if face is None:
            return picture
        image = SPOIL[kind](picture.halved(0).convert("RGB"), face, step)
        return Picture(image, image.size)

    return alter


def probes_of(people: list[str], taken: list[Taken], most: int) -> tuple[dict[str, int], list[int]]:
    """Return the photograph that stands for each person, and the places of ``most`` others."""
    registered: dict[str, int] = {}
    others = []
    for place, (person, one) in enumerate(zip(people, taken, strict=True)):
        if len(one.embedding) and registered.setdefault(person, place) != place:
            others.append(place)
    chosen = np.random.default_rng(SEED).permutation(len(others))[:most]
    return registered, [others[n] for n in sorted(chosen.tolist())]
