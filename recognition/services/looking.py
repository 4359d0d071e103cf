"""The first half of every service: from the bytes of a picture to the face that is meant."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from recognition import metrics, runtime
from recognition.admission import check_client
from recognition.errors import RecognitionError
from recognition.pipeline.decode import decode
from recognition.pipeline.extract import Extractor, principal
from recognition.pipeline.quality import Fault, QualityLimits, faults
from recognition.pipeline.types import Face, Picture
from recognition.services.results import Seen, Selection, Upload


@dataclass(frozen=True, slots=True)
class Clock:
    """How long the stages of one request took, in milliseconds."""

    laps: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def lap(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        seconds = time.perf_counter() - start
        self.laps[stage] = round(seconds * 1000, 2)
        metrics.stage(stage, seconds)


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A decoded picture, the faces found in it (largest first) and the limits they must meet."""

    picture: Picture
    faces: list[Face]
    limits: QualityLimits
    extractor: Extractor
    clock: Clock

    def faults(self, face: Face) -> list[Fault]:
        """Return what is wrong with ``face``, nothing when it is good enough to be searched."""
        return faults(face.quality, self.limits)

    def too_small(self, face: Face) -> list[Fault]:
        """Return the fault of size alone."""
        return [fault for fault in self.faults(face) if fault.code == "face_too_small"]

    def embed(self, faces: list[Face]) -> list[Face]:
        """Return ``faces`` with crops and embeddings."""
        check_client()
        with self.clock.lap("embed"):
            return self.extractor.embed(self.picture, faces)


def look(upload: Upload, embedder: str, selection: Selection) -> View:
    """Decode a picture and find the faces in it (those inside ``selection.box`` where given).

    Raises ClientGone, as ``View.embed``, before what is left to do for who has hung up.
    """
    check_client()
    clock = Clock()
    with clock.lap("decode"):
        picture = decode(upload.data, limits=runtime.limits())
    extractor = runtime.extractor(embedder)
    size = selection.min_face_size or int(extractor.limits.min_size)
    limits = replace(extractor.limits, min_size=size)
    check_client()
    with clock.lap("detect"):
        faces = extractor.detect(picture, min_face_size=size, box=selection.box)
    return View(picture, faces, limits, extractor, clock)


def chosen(view: View, selection: Selection) -> Seen:
    """Return the face that is meant: by index, inside the box, or the principal one.

    Raises ``no_face``, or ``invalid_request`` where the picture has no face of that index.
    """
    found = len(view.faces)
    if not found:
        raise RecognitionError("no_face", _no_face(selection))
    if selection.face is None:
        index = principal(view.faces, view.picture)
    elif selection.face < found:
        index = selection.face
    else:
        faces = "1 face" if found == 1 else f"{found} faces"
        sentence = f"The picture has {faces}; face counts from 0, so {found - 1} is the last."
        raise RecognitionError("invalid_request", sentence, errors={"face": [sentence]})
    return Seen(view.faces[index], index, found)


def _no_face(selection: Selection) -> str:
    where = "inside the given box" if selection.box else "in the picture"
    return f"No face was found {where}."


def refuse(problems: list[Fault]) -> None:
    """Raise what speaks against a face, its size first; do nothing where nothing does."""
    if not problems:
        return
    first = problems[0]
    reasons = [{"reason": f.reason, "measured": f.measured, "limit": f.limit} for f in problems]
    raise RecognitionError(
        first.code,
        " ".join(fault.detail for fault in problems),
        hint=first.hint,
        measured=first.measured,
        limit=first.limit,
        extra={"reasons": reasons},
    )
