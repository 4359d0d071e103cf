"""The road of one picture through detection, quality, alignment and embedding."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from recognition.pipeline.detect import Detector
from recognition.pipeline.embed import Embedder
from recognition.pipeline.quality import QualityLimits, measure
from recognition.pipeline.types import Box, Detection, Face, Picture

#: Where no face is found at all, smaller ones are sought, so that the answer can be "too small".
SMALLEST_FACE = 20
#: A given box is enlarged by this share of its size on each side before a face is sought in it
#: alone: MTCNN wants to see what is around a face.
AROUND = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Extractor:
    """Finds faces and makes their embeddings; thread-safe. ``limits`` are the caller's to apply."""

    detector: Detector
    embedder: Embedder
    limits: QualityLimits

    def detect(
        self, picture: Picture, *, min_face_size: int = 40, box: Box | None = None
    ) -> list[Face]:
        """Return the faces of a picture, largest first, with their quality.

        With ``box`` only faces whose centre lies inside it. Only where there would be none are
        faces down to 20 pixels returned.
        """
        found = self._search(picture, min_face_size, box)
        if not found and min_face_size > SMALLEST_FACE:
            found = self._search(picture, SMALLEST_FACE, box)
        return [Face(detection, measure(picture, detection)) for detection in found]

    def embed(self, picture: Picture, faces: list[Face]) -> list[Face]:
        """Return the same faces with crops and embeddings."""
        if not faces:
            return []
        crops = np.stack([self.embedder.crop(picture, face.detection) for face in faces])
        embeddings = self.embedder.embed(crops)
        return [
            replace(face, crop=crop, embedding=embedding)
            for face, crop, embedding in zip(faces, crops, embeddings, strict=True)
        ]

    def _search(self, picture: Picture, min_face_size: int, box: Box | None) -> list[Detection]:
        found = self.detector.detect(picture, min_face_size=min_face_size)
        if box is None:
            return found
        inside = [face for face in found if box.contains(face.box.centre)]
        return inside or self._search_around(picture, min_face_size, box)

    def _search_around(self, picture: Picture, min_face_size: int, box: Box) -> list[Detection]:
        """Look at the box and what is around it alone, where other faces cannot come between."""
        left, right = (
            int(np.clip(edge, 0, picture.width))
            for edge in (box.x - AROUND * box.width, box.x + (1 + AROUND) * box.width)
        )
        top, bottom = (
            int(np.clip(edge, 0, picture.height))
            for edge in (box.y - AROUND * box.height, box.y + (1 + AROUND) * box.height)
        )
        if right <= left or bottom <= top:
            return []
        around = picture.part(left, top, right, bottom)
        found = self.detector.detect(around, min_face_size=min_face_size)
        faces = [face.shifted(left, top) for face in found]
        return [face for face in faces if box.contains(face.box.centre)]


def principal(faces: list[Face], picture: Picture) -> int:
    """Return the index of the face that is meant where none is named.

    The greatest of area - 2 x (distance of its centre from the picture's)^2, in pixels.
    Source: facenet-pytorch's ``center_weighted_size``.
    """

    def weight(index: int) -> float:
        x, y = faces[index].box.centre
        dx, dy = x - picture.width / 2, y - picture.height / 2
        return faces[index].box.area - 2 * (dx * dx + dy * dy)

    return max(range(len(faces)), key=weight)
