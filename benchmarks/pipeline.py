"""Facesite's own stages without the web, in a process of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.contestant import become_facesite
from benchmarks.libraries import BEST
from benchmarks.people import templates
from benchmarks.timing import Clock, Turn

if TYPE_CHECKING:
    from recognition.pipeline.embed import Embedder


class Pipeline:
    """The extractor that serves with these settings, stage by stage, and the exact index."""

    def __init__(self, environment: dict[str, str], embedder: str, people: int) -> None:
        become_facesite(environment)
        from recognition import runtime
        from recognition.gallery.exact import ExactIndex

        self._extractor = runtime.extractor(embedder)
        self._limits = runtime.limits()
        self._min_face_size = int(self._extractor.limits.min_size)
        dimension = self._extractor.embedder.dimension
        self._index = ExactIndex(dimension)
        self._index.put(np.arange(1, people + 1), templates(people, dimension))

    def __call__(self, jpeg: bytes) -> Turn:
        from recognition.pipeline.decode import decode

        clock = Clock()
        embedder: Embedder = self._extractor.embedder
        with clock.lap("decode"):
            picture = decode(jpeg, limits=self._limits)
        with clock.lap("detect"):
            faces = self._extractor.detect(picture, min_face_size=self._min_face_size)
        with clock.lap("align"):
            crops = [embedder.crop(picture, face.detection) for face in faces]
        with clock.lap("embed"):
            embeddings = embedder.embed(np.stack(crops))
        with clock.lap("search"):
            self._index.search(embeddings, limit=BEST)
        return Turn(clock.laps, len(faces))
