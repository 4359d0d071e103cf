"""From folders of photographs to embeddings, each photograph once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import astuple, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings

from recognition import runtime
from recognition.errors import RecognitionError
from recognition.evaluation.cache import EmbeddingCache
from recognition.evaluation.samples import NO_FACE, Taken
from recognition.evaluation.watching import Watch
from recognition.management.jobs import each, progress
from recognition.management.pictures import is_picture, shown
from recognition.pipeline.decode import decode
from recognition.pipeline.extract import Extractor, principal
from recognition.pipeline.quality import QualityLimits, faults
from recognition.pipeline.types import Face, Floats, Picture, Quality
from recognition.services.registration import RIVAL_AREA

NOTHING: Floats = np.empty(0, np.float32)
MEASURES = len(fields(Quality))
BESIDE = 2  # numbers about the greatest other face

# From a picture with its faces, and the place of the principal one, to a row of numbers.
Make = Callable[[Extractor, Picture, list[Face], int], Floats]
Alter = Callable[[Picture, Path], Picture]


@dataclass(frozen=True, slots=True, eq=False)
class Photograph:
    """One file of one person; ``name`` is ``<person>/<file>``."""

    path: Path
    person: str

    @property
    def name(self) -> str:
        return f"{self.person}/{self.path.name}"


def photographs_in(folder: Path) -> list[Photograph]:
    """Return the pictures of ``<folder>/<person>/``; folders named _ or . are no person's, and
    hidden files and folders no photographs."""
    found = [
        Photograph(path, person.name)
        for person in sorted(folder.iterdir())
        if person.is_dir() and not person.name.startswith(("_", "."))
        for path in sorted(person.iterdir())
        if is_picture(path.name) and not path.name.startswith(".") and not path.is_dir()
    ]
    return found


def views(extractor: Extractor, picture: Picture, faces: list[Face], place: int) -> Floats:
    """Return (2 D,): the embedding of the crop alone, then that with the mirror image."""
    embedder = extractor.embedder
    network, kind = runtime.network(embedder.id), runtime.EMBEDDERS[embedder.id]
    crops = embedder.crop(picture, faces[place].detection)[None]
    both = [kind(network, mirrored=mirrored).embed(crops) for mirrored in (False, True)]
    return np.concatenate(both, axis=None)


def measured(extractor: Extractor, picture: Picture, faces: list[Face], place: int) -> Floats:
    """Return (8 + D,): what the face measures, then size and share of area of the greatest other
    face, 0 without one, then the embedding as registrations and searches make it."""
    face = faces[place]
    others = [other for other in faces if other is not face]
    rival = max(others, key=lambda other: other.box.area, default=None)
    beside = (rival.quality.size, rival.box.area / face.box.area) if rival else (0.0, 0.0)
    made = extractor.embed(picture, [face])[0].embedding
    assert made is not None  # noqa: S101  # embed() has just made it
    return np.array([*astuple(face.quality), *beside, *made], np.float32)


def taken_as(row: Floats, limits: QualityLimits) -> Taken:
    """Return what the service makes of a photograph, by what ``measured`` returned of it."""
    if not len(row):
        return Taken(NOTHING, NO_FACE, NO_FACE)
    values = [round(float(value), 3) for value in row[:MEASURES]]  # as they were before float32
    size, share = row[MEASURES : MEASURES + BESIDE]
    found = faults(Quality(*values), limits)
    refused = found[0].code if found else ""
    rivals = "multiple_faces" if share > RIVAL_AREA and size >= limits.min_size else ""
    return Taken(row[MEASURES + BESIDE :], refused, refused or rivals)


def take(
    paths: Sequence[Path],
    embedder: str,
    options: dict[str, Any],
    *,
    how: str = "",
    alter: Alter | None = None,
) -> list[Taken]:
    """Return the principal face of each photograph, and whether the service would take it."""
    named = f"measured-{settings.FACE_MIN_SIZE:g}-{settings.FACE_DETECTION_CONFIDENCE:g}"
    named += f"-{how}" if how else ""
    rows = extract(paths, embedder, options, how=named, make=measured, alter=alter)
    # Not before: networks are loaded with as many threads as are set then, and ``each`` sets one.
    limits = runtime.extractor(embedder).limits
    return [taken_as(row, limits) for row in rows]


def extract(
    paths: Sequence[Path],
    embedder: str,
    options: dict[str, Any],
    *,
    how: str,
    make: Make,
    alter: Alter | None = None,
) -> list[Floats]:
    """Return what ``make`` makes of the principal face of each photograph, empty without a face.

    ``how`` names make and alter in the cache. ``options``: those of the command (jobs, verbosity),
    and what the bar counts (unit). Raises ``invalid_image`` for a file that cannot be opened.
    """
    keys = [_digest(path) for path in paths]
    cache = EmbeddingCache.at(settings.DATA_DIR / "evaluate", embedder, how)
    known = cache.known(keys)
    missing = {key: path for key, path in zip(keys, paths, strict=True) if key not in known}
    one = partial(_one, embedder, make, alter)
    made = each(one, missing.values(), jobs=options["jobs"])
    with closing(cache), progress(len(missing), options, options.get("unit", "photographs")) as bar:
        for key, row in zip(missing, made, strict=True):
            known[key] = NOTHING if row is None else row
            if row is not None:
                cache.keep(key, row)
            bar.update()
    return [known[key] for key in keys]


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        sentence = f"{shown(path)} cannot be read: {error.strerror}."
        hint = "Check the path and who may read it."
        raise RecognitionError("invalid_image", sentence, hint=hint) from error


def watched_by(options: Mapping[str, Any]) -> Watch:
    """Return what shows a bar, as the ``options`` of the command (verbosity) allow."""

    def watch(items: Sequence[Any], unit: str) -> Iterator[Any]:
        with progress(len(items), dict(options), unit) as bar:
            for item in items:
                yield item
                bar.update()

    return watch


def _one(embedder: str, make: Make, alter: Alter | None, path: Path) -> Floats | None:
    """Return what is made of one photograph, None of one that cannot be read: it is counted as
    one without a face, and not kept, for another limit of size may let it be read."""
    extractor = runtime.extractor(embedder)
    try:
        picture = decode(path.read_bytes(), limits=runtime.limits())
    except RecognitionError:
        return None
    picture = alter(picture, path) if alter else picture
    faces = extractor.detect(picture, min_face_size=int(extractor.limits.min_size))
    if not faces:
        return NOTHING
    return make(extractor, picture, faces, principal(faces, picture))
