"""Register many people in one process: ``write_many.py FIRST COUNT``; run by a test, four at once.

The test is about the database alone, so the faces are made up and no network runs.
"""

from __future__ import annotations

import os
import sys

import django
import numpy as np

os.environ["DJANGO_SETTINGS_MODULE"] = "facesite.settings"
django.setup()

from recognition import services  # noqa: E402  # Django comes first
from recognition.pipeline.types import Box, Detection, Face, Quality  # noqa: E402  # Django comes first
from recognition.services import registration  # noqa: E402  # Django comes first
from recognition.services.results import Actor, Selection, Upload  # noqa: E402  # Django comes first


def made_up_face(upload: Upload, embedder: str, selection: Selection) -> tuple[Face, None]:
    vector = np.random.default_rng(list(upload.data)).normal(size=128).astype(np.float32)
    box = Box(0, 0, 50, 50)
    detection = Detection(box, np.zeros((5, 2), np.float32), 1.0, outline=box)
    quality = Quality(*(1.0,) * len(Quality.__dataclass_fields__))
    return Face(detection, quality, embedding=vector / np.linalg.norm(vector)), None


def main(first: int, count: int) -> None:
    registration._registrable = made_up_face
    gallery = services.find_gallery("default")
    for number in range(first, first + count):
        upload = Upload("made-up.jpg", f"picture {number}".encode())
        options = services.RegisterOptions()
        services.register(gallery, f"user{number}", [upload], options, Actor("command:test"))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
