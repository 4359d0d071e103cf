"""Photographs of people, and pictures made from them, as arrays and as the pipeline has them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from recognition.pipeline.types import Box, Detection, Picture

FIXTURES = Path(__file__).parent.parent / "fixtures"
#: Photographs that lie beside a developer's clone; absent elsewhere.
SHARED = Path(__file__).parents[3] / "shared" / "data" / "small" / "compreface"
NAMES = ("obama", "obama2", "obama3", "biden", "obama_partial_face", "astronaut")


@cache
def photo(name: str) -> Image.Image:
    return Image.open(FIXTURES / f"{name}.jpg").convert("RGB")


def picture(image: Image.Image) -> Picture:
    return Picture.of(np.asarray(image))


def detection(box: tuple[float, ...], landmarks: np.ndarray | None = None) -> Detection:
    """Return a made-up detection with the given box (x, y, width, height)."""
    points = np.zeros((5, 2)) if landmarks is None else landmarks
    return Detection(Box(*box), points.astype(np.float32), 1.0, outline=Box(*box))


def scaled(name: str, longest: int) -> Image.Image:
    image = photo(name)
    factor = longest / max(image.size)
    return image.resize((round(image.width * factor), round(image.height * factor)))


def turned(name: str, longest: int, degrees: float) -> Image.Image:
    return scaled(name, longest).rotate(degrees, Image.Resampling.BICUBIC, expand=True)


def mirrored(name: str, longest: int) -> Image.Image:
    return ImageOps.mirror(scaled(name, longest))


def collage(faces: int, width: int) -> Image.Image:
    """Return ``faces`` photographs in a grid, every other one mirrored."""
    columns = int(np.ceil(faces**0.5))
    rows = -(-faces // columns)
    cell = (width // columns, width * 3 // 4 // rows)
    canvas = Image.new("RGB", (width, width * 3 // 4), (120, 110, 100))
    for index in range(faces):
        tile = ImageOps.contain(photo(NAMES[index % len(NAMES)]), cell)
        tile = ImageOps.mirror(tile) if index % 2 else tile
        canvas.paste(tile, (index % columns * cell[0], index // columns * cell[1]))
    return canvas


#: Twenty pictures of every size and kind that MTCNN is compared on.
MADE: dict[str, Callable[[], Image.Image]] = {
    "obama, 200 px": lambda: scaled("obama", 200),
    "obama2 mirrored, 260 px": lambda: mirrored("obama2", 260),
    "obama3, 340 px": lambda: scaled("obama3", 340),
    "biden, 450 px": lambda: scaled("biden", 450),
    "partial face mirrored, 600 px": lambda: mirrored("obama_partial_face", 600),
    "astronaut, 800 px": lambda: scaled("astronaut", 800),
    "obama, 1100 px": lambda: scaled("obama", 1100),
    "obama2 mirrored, 1500 px": lambda: mirrored("obama2", 1500),
    "obama3, 2000 px": lambda: scaled("obama3", 2000),
    "biden, 3000 px": lambda: scaled("biden", 3000),
    "obama turned by 7": lambda: turned("obama", 500, 7),
    "obama2 turned by -12": lambda: turned("obama2", 900, -12),
    "obama3 turned by 20": lambda: turned("obama3", 1400, 20),
    "biden turned by -25": lambda: turned("biden", 700, -25),
    "collage of 2": lambda: collage(2, 500),
    "collage of 3": lambda: collage(3, 900),
    "collage of 4": lambda: collage(4, 1300),
    "collage of 6": lambda: collage(6, 1800),
    "collage of 9": lambda: collage(9, 2600),
    "collage of 9, small": lambda: collage(9, 1200),
}


def _beside(path: Path) -> Callable[[], Image.Image]:
    """Return a function that opens a photograph, at most 2,000 px large."""
    return lambda: ImageOps.contain(
        ImageOps.exif_transpose(Image.open(path)), (2000, 2000)
    ).convert("RGB")


COMPARED = MADE | {
    f"{path.parent.name}/{path.name}": _beside(path) for path in sorted(SHARED.glob("*/*.jpg"))
}
