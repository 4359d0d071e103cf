"""The photographs: one of a president (public domain), and others where they are at hand."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "tests" / "fixtures"
ONE_FACE = FIXTURES / "obama.jpg"
#: Photographs of people that are not the project's to hand on; absent on most machines.
SHARED = Path(os.environ.get("FACESITE_BENCH_DATA", ROOT.parent / "shared" / "data"))
REAL = SHARED / "small" / "compreface" / "A"
GROUPS = SHARED / "small" / "compreface" / "_groups"
VIEW_1 = SHARED / "lfw-view1"
SMALL, LARGE, ENLARGED = "640x480", "2048 px", "2048 px, enlarged"
LONGEST = 2048
QUALITY = 90
SOME = 3  # of the real ones: some contestants take many seconds for each


@dataclass(frozen=True, slots=True)
class Photographs:
    """JPEG files of one size, used in turn: ``photographs[round]``."""

    size: str
    files: tuple[bytes, ...]

    def __getitem__(self, round_: int) -> bytes:
        return self.files[round_ % len(self.files)]


def small() -> Photographs:
    """Return one face in 640 x 480 pixels, cut from the photograph and not scaled."""
    return Photographs(SMALL, (as_jpeg(_one_face()),))


def large() -> Photographs:
    """Return photographs of a camera, 2048 pixels on the longer side, else the enlarged one."""
    paths = sorted(REAL.glob("*.jpg"))[:SOME]
    return Photographs(LARGE, tuple(map(_scaled, paths))) if paths else enlarged()


def enlarged() -> Photographs:
    """Return the small one enlarged to 2048 x 1536: smooth, so there is less to be looked at."""
    size = (LONGEST, LONGEST * 3 // 4)
    picture = _one_face().resize(size, Image.Resampling.LANCZOS)
    return Photographs(ENLARGED, (as_jpeg(picture),))


def _one_face() -> Image.Image:
    with Image.open(ONE_FACE) as photograph:
        return photograph.convert("RGB").crop((0, 0, 640, 480))


def _scaled(path: Path) -> bytes:
    with Image.open(path) as photograph:
        photograph.draft("RGB", (LONGEST, LONGEST))
        picture = photograph.convert("RGB")
    picture.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
    return as_jpeg(picture)


def as_jpeg(picture: Image.Image) -> bytes:
    """Return a picture as the bytes of a file."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()
