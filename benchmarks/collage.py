"""A picture of 12 megapixels with one large face and eight small ones, as JPEG."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageOps

from benchmarks.photographs import FIXTURES, as_jpeg

SIZE = (4000, 3000)
LARGE, SMALL = 900, 48  # px, the shorter side of a face
AROUND = 0.6  # of a face's sides, what is shown on each side of it
GREY = (120, 110, 100)
SEED = 12
#: Left, top, width and height of the face in each photograph, as facenet-pytorch finds it.
FACES = {
    "obama": (260, 58, 171, 236),
    "obama2": (132, 143, 184, 283),
    "obama3": (219, 86, 94, 123),
    "biden": (157, 61, 103, 144),
    "astronaut": (180, 60, 89, 113),
}
Edges = tuple[float, float, float, float]


def collage(*, plain: bool) -> tuple[bytes, list[Edges]]:
    """Return the JPEG and the edges of its nine faces: left, top, right, bottom.

    The ground is of one colour, or clouds of seeded random numbers with the grain of a camera.
    """
    canvas = Image.new("RGB", SIZE, GREY) if plain else _clouds()
    edges = [_put(canvas, "obama", LARGE, (1300, 1500), mirrored=False)]
    for index, centre in enumerate(_places()):
        name = list(FACES)[index % len(FACES)]
        edges.append(_put(canvas, name, SMALL, centre, mirrored=index >= len(FACES)))
    return as_jpeg(canvas), edges


def _places() -> Iterator[tuple[int, int]]:
    """Return where the small faces are: two columns at the right."""
    for row in range(4):
        yield 2900, 400 + row * 700
        yield 3600, 650 + row * 700


def _put(
    canvas: Image.Image, name: str, size: int, centre: tuple[int, int], *, mirrored: bool
) -> Edges:
    """Paste what is around a face and return the edges of the face."""
    x, y, width, height = FACES[name]
    factor = size / min(width, height)
    with Image.open(FIXTURES / f"{name}.jpg") as photograph:
        picture = photograph.convert("RGB")
    left, top = max(0, x - AROUND * width), max(0, y - AROUND * height)
    right = min(picture.width, x + (1 + AROUND) * width)
    bottom = min(picture.height, y + (1 + AROUND) * height)
    shape = round((right - left) * factor), round((bottom - top) * factor)
    tile = picture.resize(shape, Image.Resampling.LANCZOS, (left, top, right, bottom))
    at = round(centre[0] - shape[0] / 2), round(centre[1] - shape[1] / 2)
    canvas.paste(ImageOps.mirror(tile) if mirrored else tile, at)
    inner = right - x - width if mirrored else x - left
    face_left, face_top = at[0] + inner * factor, at[1] + (y - top) * factor
    return face_left, face_top, face_left + width * factor, face_top + height * factor


def _clouds() -> Image.Image:
    random = np.random.default_rng(SEED)
    clouds = Image.fromarray(random.integers(40, 216, (9, 12, 3), np.uint8))
    smooth = np.asarray(clouds.resize(SIZE, Image.Resampling.BICUBIC), np.float32)
    grain = random.standard_normal((SIZE[1], SIZE[0], 1), np.float32) * 4
    return Image.fromarray(np.clip(smooth + grain, 0, 255).astype(np.uint8))
