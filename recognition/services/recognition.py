"""Recognising: detect, compare and verify (1:1), identify (1:N)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import numpy as np

from recognition import runtime
from recognition.decisions import NOT_SEARCHED, UNKNOWN, Decision, Policy, decide
from recognition.errors import ClientGone, RecognitionError
from recognition.gallery.exact import ALL, Candidate
from recognition.gallery.index import Index
from recognition.models import Gallery, PersonTemplate, Subject, from_bytes, in_parts
from recognition.pipeline.extract import principal
from recognition.pipeline.types import Face
from recognition.services.looking import View, chosen, look, refuse
from recognition.services.people import find_user, record
from recognition.services.results import (
    Actor,
    Comparison,
    Identification,
    Identified,
    Looked,
    Match,
    Seen,
    Selection,
    Sight,
    Upload,
    Verification,
)

EVENT_CANDIDATES = 3  # of each face, kept in the event
NEAR = 0.02  # below the threshold the nearest person is still the right one; DESIGN section 6


def detect(
    gallery: Gallery, upload: Upload, *, min_face_size: int | None = None, actor: Actor
) -> Sight:
    """Return the faces of a picture, largest first, each with what is wrong with it."""
    with recorded("detect", gallery, actor) as event:
        view = look(upload, runtime.embedder_of(gallery), Selection(min_face_size=min_face_size))
        event["faces"] = len(view.faces)
        faces = [Looked(face, view.faults(face)) for face in view.faces]
        return Sight(view.picture.width, view.picture.height, faces)


def verify(
    gallery: Gallery,
    user_id: str,
    upload: Upload,
    *,
    selection: Selection,
    threshold: float | None = None,
    actor: Actor,
) -> Verification:
    """Say whether the face in a picture is ``user_id`` (1:1)."""
    with recorded("verify", gallery, actor) as event:
        subject = event["subject"] = find_user(gallery, user_id)
        embedder = runtime.embedder_of(gallery)
        seen = _probe(upload, embedder, selection)
        policy = Policy.for_verify(embedder, gallery=gallery, requested=threshold)
        similarity = _similarity_to(subject, seen.face)
        verified = similarity is not None and policy.accepts(similarity)
        event |= {"outcome": "verified" if verified else "refused", "similarity": similarity}
        event |= {"threshold": policy.threshold, "threshold_source": policy.source}
        event |= {"quality": asdict(seen.face.quality), "gallery_version": runtime.version()}
    reason = _why(subject, similarity, policy)
    return Verification(user_id, verified, similarity, policy, reason, seen, embedder)


def _probe(upload: Upload, embedder: str, selection: Selection) -> Seen:
    """Return the embedded face that is meant, or raise what speaks against it."""
    view = look(upload, embedder, selection)
    seen = chosen(view, selection)
    refuse(view.faults(seen.face))
    return Seen(view.embed([seen.face])[0], seen.index, seen.found)


def _similarity_to(subject: Subject, face: Face) -> float | None:
    """Return the cosine to the subject's template; None for who may not be matched."""
    template = PersonTemplate.objects.filter(subject=subject).select_related("subject").first()
    if not subject.active or template is None or face.embedding is None:
        return None
    return float(face.embedding @ from_bytes(template.vector))


def _why(subject: Subject, similarity: float | None, policy: Policy) -> str:
    if not subject.active:
        return "This user is inactive and never matched."
    if similarity is None:
        return "This user has no reference to compare with."
    verb = "reaches" if policy.accepts(similarity) else "is under"
    return f"The similarity {similarity:.3f} {verb} the threshold {policy.threshold:.3f}."


def compare(
    gallery: Gallery,
    uploads: tuple[Upload, Upload],
    *,
    selections: tuple[Selection, Selection],
    threshold: float | None = None,
    actor: Actor,
) -> Comparison:
    """Say whether two pictures show the same person; nobody needs to be registered.

    Only the size of the faces is insisted on: the caller knows both pictures, and the quality
    measured stands in the answer.
    """
    embedder = runtime.embedder_of(gallery)
    with recorded("compare", gallery, actor) as event:
        first = _comparable(uploads[0], embedder, selections[0], "file1")
        second = _comparable(uploads[1], embedder, selections[1], "file2")
        similarity = _dot(first.face, second.face)
        policy = Policy.for_verify(embedder, gallery=gallery, requested=threshold)
        verified = policy.accepts(similarity)
        event |= {"outcome": "verified" if verified else "refused", "similarity": similarity}
        event |= {"threshold": policy.threshold, "threshold_source": policy.source}
    return Comparison(verified, similarity, policy, (first, second), embedder)


def _comparable(upload: Upload, embedder: str, selection: Selection, field: str) -> Seen:
    try:
        view = look(upload, embedder, selection)
        seen = chosen(view, selection)
        refuse(view.too_small(seen.face))
    except RecognitionError as error:
        error.extra.setdefault("field", field)
        raise
    return Seen(view.embed([seen.face])[0], seen.index, seen.found)


def _dot(first: Face, second: Face) -> float:
    assert first.embedding is not None  # noqa: S101  # View.embed() made it; for mypy
    assert second.embedding is not None  # noqa: S101  # as above
    return float(first.embedding @ second.embedding)


def identify(
    gallery: Gallery,
    upload: Upload,
    *,
    limit: int = 5,
    candidates: int = 0,
    threshold: float | None = None,
    min_face_size: int | None = None,
    actor: Actor,
) -> Identification:
    """Search the gallery for every face in a picture (1:N), largest face first."""
    embedder = runtime.embedder_of(gallery)
    with recorded("identify", gallery, actor) as event:
        view = look(upload, embedder, Selection(min_face_size=min_face_size))
        index = runtime.index(gallery)  # reads the head of the change log first
        policy = Policy.for_identify(
            embedder, people=len(index), gallery=gallery, requested=threshold
        )
        faces = _embedded(view)
        with view.clock.lap("search"):
            # Two at the least, to see whether the best one stands alone. Everybody is compared
            # where people below the threshold are asked for as well.
            floor = ALL if candidates else policy.threshold
            found = _search(index, faces, limit=max(limit, candidates, 2), floor=floor)
            identified = _decided(gallery, view, faces, found, policy, (limit, candidates))
        first = principal(faces, view.picture) if faces else None
        outcome = UNKNOWN if first is None else identified[first].decision.status
        event |= {"outcome": outcome, **_summary(identified, found, policy)}
    return Identification(identified, first, policy, len(index), embedder, view.clock.laps)


def _embedded(view: View) -> list[Face]:
    """Return all faces, those that are good enough with their embeddings."""
    good = [face for face in view.faces if not view.faults(face)]
    embedded = iter(view.embed(good))
    return [next(embedded) if face in good else face for face in view.faces]


def _search(
    index: Index, faces: list[Face], *, limit: int, floor: float
) -> list[list[Candidate] | None]:
    """Return the most similar people of each face, None for a face without an embedding."""
    probes = [face.embedding for face in faces if face.embedding is not None]
    found = iter(
        index.search(np.stack(probes), limit=limit, floor=floor, near=NEAR) if probes else []
    )
    return [None if face.embedding is None else next(found) for face in faces]


def _decided(
    gallery: Gallery,
    view: View,
    faces: list[Face],
    found: list[list[Candidate] | None],
    policy: Policy,
    shown: tuple[int, int],
) -> list[Identified]:
    """Return the decision about each face; ``shown``: how many matches, how many candidates."""
    named = _to_be_named(found, policy, candidates=shown[1])
    who = _people(gallery, named)
    erased = named - who.keys()  # since the search
    decided = []
    for face, people in zip(faces, found, strict=True):
        if people is None:
            decided.append(Identified(face, _not_searched(view, face), [], []))
            continue
        people = [c for c in people if c.subject_number not in erased]
        decision = decide(people, policy, limit=shown[0])
        matches = [_match(who, c) for c in decision.matches]
        near = [_match(who, c) for c in people[: shown[1]]]
        decided.append(Identified(face, decision, matches, near))
    return decided


def _to_be_named(
    found: list[list[Candidate] | None], policy: Policy, *, candidates: int
) -> set[int]:
    """Return the numbers of those who may be named: without ``candidates``, who can be a match."""
    everybody = (candidate for people in found for candidate in people or ())
    return {c.subject_number for c in everybody if candidates or policy.accepts(c.similarity)}


def _not_searched(view: View, face: Face) -> Decision:
    return Decision(NOT_SEARCHED, " ".join(fault.detail for fault in view.faults(face)))


def _people(gallery: Gallery, numbers: Iterable[int]) -> dict[int, Subject]:
    """Return those of ``numbers`` who may be named now."""
    # By number alone: asked for the gallery too, SQLite reads the whole of it.
    found = (s for part in in_parts(numbers) for s in Subject.objects.filter(number__in=part))
    return {s.number: s for s in found if s.gallery_id == gallery.pk and s.active}


def _match(who: Mapping[int, Subject], candidate: Candidate) -> Match:
    subject = who[candidate.subject_number]
    return Match(subject.user_id, subject.display_name, candidate.similarity)


def named(gallery: Gallery, similarities: Mapping[int, float]) -> list[Match]:
    """Return people by their numbers with the similarities given."""
    who = _people(gallery, similarities)
    return [_match(who, Candidate(number, similarities[number])) for number in who]


def _summary(
    identified: list[Identified], found: list[list[Candidate] | None], policy: Policy
) -> dict[str, Any]:
    """Return what the event keeps of an identification: numbers, never names."""
    return {
        "threshold": policy.threshold,
        "threshold_source": policy.source,
        "people": policy.people,
        "gallery_version": runtime.version(),
        "faces": [
            {
                "status": face.decision.status,
                "quality": asdict(face.face.quality),
                "candidates": [
                    {"subject": c.subject_number, "similarity": round(c.similarity, 5)}
                    for c in (people or [])[:EVENT_CANDIDATES]
                ],
            }
            for face, people in zip(identified, found, strict=True)
        ],
    }


@contextmanager
def recorded(act: str, gallery: Gallery, actor: Actor) -> Iterator[dict[str, Any]]:
    """Write an ``Event`` of what is done inside, refusals included.

    The block adds to the dict; ``subject`` and ``outcome`` are taken out of it, the rest is kept.
    """
    decision: dict[str, Any] = {"embedder": runtime.embedder_of(gallery)}
    try:
        yield decision
        decision.setdefault("outcome", "ok")
    except RecognitionError as refusal:
        decision["outcome"] = refusal.code
        raise
    except ClientGone:
        decision["outcome"] = "client_gone"
        raise
    finally:
        outcome = decision.pop("outcome", "internal_error")
        subject = decision.pop("subject", None)
        record(act, gallery, actor, subject=subject, outcome=outcome, decision=decision)
