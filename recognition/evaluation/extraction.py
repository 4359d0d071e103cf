"""From folders of photographs to embeddings, each photograph once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings

from recognition import runtime
from recognition.errors import RecognitionError
from recognition.evaluation.cache import EmbeddingCache
from recognition.management.jobs import each, progress
from recognition.management.pictures import is_picture
from recognition.pipeline.decode import decode
from recognition.pipeline.extract import Extractor, principal
from recognition.pipeline.types import Face, Floats, Picture

NOTHING: Floats = np.empty(0, np.float32)

Make = Callable[[Extractor, Picture, Face], Floats]
Alter = Callable[[Picture], Picture]


@dataclass(frozen=True, slots=True, eq=False)
class Photograph:
    """One file of one person; ``name`` is ``<person>/<file>``."""

    path: Path
    person: str

    @property
    def name(self) -> str:
        return f"{self.person}/{self.path.name}"


def photographs_in(folder: Path) -> list[Photograph]:
    """Return the pictures of ``<folder>/<person>/``; folders named _ or . are no person's."""
    found = [
        Photograph(path, person.name)
        for person in sorted(folder.iterdir())
        if person.is_dir() and not person.name.startswith(("_", "."))
        for path in sorted(person.iterdir())
        if is_picture(path.name)
    ]
    return found


def embedding(extractor: Extractor, picture: Picture, face: Face) -> Floats:
    """Return the (D,) embedding of a face, as registrations and searches make it."""
    made = extractor.embed(picture, [face])[0].embedding
    assert made is not None  # noqa: S101  # embed() has just made it
    return made


def views(extractor: Extractor, picture: Picture, face: Face) -> Floats:
    """Return (2 D,): the embedding of the crop alone, then that of its mirror image."""
    embedder = extractor.embedder
    network = runtime.network(embedder.id)
    alone = runtime.EMBEDDERS[embedder.id](network, mirrored=False)
    crop = embedder.crop(picture, face.detection)
    return alone.embed(np.stack([crop, crop[:, ::-1]])).ravel()


def extract(
    paths: Sequence[Path],
    embedder: str,
    options: dict[str, Any],
    *,
    how: str = "default",
    make: Make = embedding,
    alter: Alter | None = None,
) -> list[Floats]:
    """Return what ``make`` makes of the principal face of each photograph, empty without a face.

    ``how`` names make and alter in the cache. ``options``: those of the command (jobs, verbosity).
    """
    keys = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    cache = EmbeddingCache.at(settings.DATA_DIR / "evaluate", embedder, how)
    known = cache.known(keys)
    missing = {key: path for key, path in zip(keys, paths, strict=True) if key not in known}
    one = partial(_one, embedder, make, alter)
    with progress(len(missing), options, "photographs") as bar:
        for key, made in zip(
            missing, each(one, missing.values(), jobs=options["jobs"]), strict=True
        ):
            known[key] = made
            cache.keep(key, made)
            bar.update()
    cache.close()
    return [known[key] for key in keys]


def _one(embedder: str, make: Make, alter: Alter | None, path: Path) -> Floats:
    extractor = runtime.extractor(embedder)
    try:
        picture = decode(path.read_bytes(), limits=runtime.limits())
    except RecognitionError:  # what cannot be read has no face; it is counted among those
        return NOTHING
    picture = alter(picture) if alter else picture
    faces = extractor.detect(picture)
    if not faces:
        return NOTHING
    return make(extractor, picture, faces[principal(faces, picture)])
