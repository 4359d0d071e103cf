"""Recognising: detect, compare and verify (1:1), identify (1:N)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from recognition import metrics, runtime
from recognition.decisions import (
    BY_SETTINGS,
    MATCH,
    NOT_SEARCHED,
    UNKNOWN,
    Decision,
    Policy,
    Wanted,
    conflicts,
    decide,
    summary,
)
from recognition.errors import ClientGone, RecognitionError
from recognition.gallery.exact import Candidate
from recognition.models import Gallery, PersonTemplate, Subject, from_bytes
from recognition.pipeline.extract import principal
from recognition.pipeline.types import Face
from recognition.services.looking import View, chosen, look, refuse
from recognition.services.naming import Named, match
from recognition.services.people import find_user, record
from recognition.services.repeats import Repeats
from recognition.services.results import (
    Actor,
    Comparison,
    Conflict,
    Identification,
    Identified,
    Looked,
    Seen,
    Selection,
    Sight,
    Upload,
    Verification,
)
from recognition.services.searching import Found, nearest
from recognition.services.sightings import record_sightings

ABOUT_FACES = 422  # the status of refusals that measure a face
EVENT_CANDIDATES = 3  # of each face, kept in the event
repeats = Repeats()


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
    wanted: Wanted = BY_SETTINGS,
    actor: Actor,
) -> Verification:
    """Say whether the face in a picture is ``user_id`` (1:1)."""
    with recorded("verify", gallery, actor) as event:
        subject = event["subject"] = find_user(gallery, user_id)
        subject.demand_consent()
        embedder = runtime.embedder_of(gallery)
        seen = _probe(upload, embedder, selection)
        similarity, references = _similarity_to(subject, seen.face, embedder)
        policy = Policy.for_verify(embedder, gallery=gallery, wanted=wanted, references=references)
        verified = similarity is not None and policy.accepts(similarity)
        event |= {"outcome": "verified" if verified else "refused", "similarity": similarity}
        event |= summary(policy)
        event |= {"quality": asdict(seen.face.quality), "gallery_version": runtime.version()}
        if verified and similarity is not None:
            event["named"] = [Candidate(subject.number, similarity)]
    reason = _why(subject, similarity, policy)
    return Verification(
        user_id, verified, similarity, policy, reason, seen, embedder, event["event"]
    )


def _probe(upload: Upload, embedder: str, selection: Selection) -> Seen:
    """Return the embedded face that is meant, or raise what speaks against it."""
    view = look(upload, embedder, selection)
    seen = chosen(view, selection)
    refuse(view.faults(seen.face))
    return Seen(view.embed([seen.face])[0], seen.index, seen.found)


def _similarity_to(subject: Subject, face: Face, embedder: str) -> tuple[float | None, int]:
    """Return the cosine to the subject's template, None for who may not be matched.

    Also returns of how many references the template is made. Raises ``not_ready`` where the
    gallery has changed over to another embedder since the face was embedded.
    """
    template = PersonTemplate.objects.filter(subject=subject).select_related("subject").first()
    if template is not None:  # it may have been changed while the picture was looked at
        subject.active = template.subject.active
    if not subject.active or template is None or face.embedding is None:
        return None, 1
    if template.embedder not in ("", embedder):
        said = f"The gallery has just changed over to {template.embedder}."
        raise RecognitionError("not_ready", said, hint="Send the request again.")
    return float(face.embedding @ from_bytes(template.vector)), template.references


def _why(subject: Subject, similarity: float | None, policy: Policy) -> str:
    if not subject.active:
        return _("This user is inactive and never matched.")
    if similarity is None:
        return _("This user has no reference to compare with.")
    reaches = _("The similarity %(similarity).3f reaches the threshold %(limit).3f.")
    is_under = _("The similarity %(similarity).3f is under the threshold %(limit).3f.")
    values = {"similarity": similarity, "limit": policy.threshold}
    return (reaches if policy.accepts(similarity) else is_under) % values


def compare(
    gallery: Gallery,
    uploads: tuple[Upload, Upload],
    *,
    selections: tuple[Selection, Selection],
    wanted: Wanted = BY_SETTINGS,
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
        policy = Policy.for_verify(embedder, gallery=gallery, wanted=wanted)
        verified = policy.accepts(similarity)
        event |= {"outcome": "verified" if verified else "refused", "similarity": similarity}
        event |= summary(policy)
    return Comparison(verified, similarity, policy, (first, second), embedder, event["event"])


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
    assert second.embedding is not None  # noqa: S101  # View.embed() made it; for mypy
    return float(first.embedding @ second.embedding)


def identify(
    gallery: Gallery,
    upload: Upload,
    *,
    limit: int = 5,
    candidates: int = 0,
    wanted: Wanted = BY_SETTINGS,
    min_face_size: int | None = None,
    live: bool = False,
    actor: Actor,
) -> Identification:
    """Search the gallery for every face in a picture (1:N), largest face first.

    ``live``: the picture is a frame of a video (``services.repeats``).
    """
    embedder = runtime.embedder_of(gallery)
    with recorded("identify", gallery, actor) as event:
        view = look(upload, embedder, Selection(min_face_size=min_face_size))
        index = runtime.index(gallery)  # reads the head of the change log first
        policy = Policy.for_identify(embedder, people=len(index), gallery=gallery, wanted=wanted)
        faces = _embedded(view)
        with view.clock.lap("search"):
            shown = (limit, candidates)
            found, who = nearest(index, faces, gallery, policy, shown)
            policy = policy.among(person.references for person in who.values())
            identified = _decided(view, faces, found, policy, who, shown)
        first = principal(faces, view.picture) if faces else None
        outcome = UNKNOWN if first is None else identified[first].decision.status
        event |= {"outcome": outcome, "principal": first}
        event |= _summary(identified, found, policy, who)
        event["named"] = [
            face.decision.matches[0] for face in identified if face.decision.status == MATCH
        ]
        if live:
            event["repeat"] = (actor.name, gallery.pk, _decisions(identified))
    twice = tuple(_conflicts(identified))
    return Identification(
        identified, first, policy, len(index), embedder, view.clock.laps, twice, event["event"]
    )


def _decisions(identified: list[Identified]) -> tuple[tuple[str, int], ...]:
    """Return what was decided, in an order of its own: frames with the same people are the same."""
    decisions = [face.decision for face in identified]
    return tuple(
        sorted((d.status, d.matches[0].subject_number if d.matches else 0) for d in decisions)
    )


def _embedded(view: View) -> list[Face]:
    """Return all faces, those that are good enough with their embeddings."""
    good = [face for face in view.faces if not view.faults(face)]
    embedded = iter(view.embed(good))
    return [next(embedded) if face in good else face for face in view.faces]


def _decided(
    view: View,
    faces: list[Face],
    found: Found,
    policy: Policy,
    who: Mapping[int, Named],
    shown: tuple[int, int],
) -> list[Identified]:
    """Return the decision about each face; ``shown``: how many matches, how many candidates."""
    references = {number: person.references for number, person in who.items()}
    decided = []
    for face, some in zip(faces, found, strict=True):
        if some is None:
            decided.append(Identified(face, _not_searched(view, face), [], []))
            continue
        decision = decide(some, policy, limit=shown[0], references=references)
        matches = [match(who, c, policy) for c in decision.matches]
        near = [match(who, c, policy) for c in some[: shown[1]]]
        decided.append(Identified(face, decision, matches, near))
    return decided


def _not_searched(view: View, face: Face) -> Decision:
    return Decision(NOT_SEARCHED, " ".join(fault.detail for fault in view.faults(face)))


def _conflicts(identified: Iterable[Identified]) -> Iterator[Conflict]:
    """Yield who is named for several faces."""
    faces = list(identified)
    for places in conflicts(face.decision for face in faces).values():
        yield Conflict(faces[places[0]].matches[0].user_id, tuple(places))


def _summary(
    identified: list[Identified],
    found: Found,
    policy: Policy,
    who: Mapping[int, Named],
) -> dict[str, Any]:
    """Return what the event keeps of an identification: numbers, never names."""
    return {
        **summary(policy),
        "gallery_version": runtime.version(),
        "faces": [
            {
                "status": face.decision.status,
                "reason": face.decision.reason,
                "margin": face.decision.margin,
                "quality": asdict(face.face.quality),
                "candidates": [
                    _candidate(c, who, policy) for c in _told(face.decision, some or [])
                ],
            }
            for face, some in zip(identified, found, strict=True)
        ],
    }


def _told(decision: Decision, found: list[Candidate]) -> list[Candidate]:
    """Return whom an event keeps of a face: the nearest, and the first who are named."""
    first = found[:EVENT_CANDIDATES]
    return first + [c for c in decision.matches[:2] if c not in first]


def _candidate(candidate: Candidate, who: Mapping[int, Named], policy: Policy) -> dict[str, Any]:
    """Return what an event keeps of one candidate, unrounded: as it was compared.

    Only who was near is known more closely.
    """
    kept = {"subject": candidate.subject_number, "similarity": candidate.similarity}
    if (person := who.get(candidate.subject_number)) is None:
        return kept
    limit = policy.threshold_for(person.references)
    return kept | {"references": person.references, "threshold": limit}


@contextmanager
def recorded(act: str, gallery: Gallery, actor: Actor) -> Iterator[dict[str, Any]]:
    """Write an ``Event`` of what is done inside, refusals included.

    The block adds to the dict; ``subject``, ``outcome``, ``named`` (the candidates who were named)
    and ``repeat`` (what is not written down again for a while) are taken out of it, the rest is
    kept. Afterwards ``event`` in it is the event's id, which a refusal of a face carries as well.
    """
    decision: dict[str, Any] = {"embedder": runtime.embedder_of(gallery), "gallery": gallery.pk}
    refused: RecognitionError | None = None
    try:
        yield decision
        decision.setdefault("outcome", "ok")
    except RecognitionError as refusal:
        decision["outcome"] = refusal.code
        if refusal.problem.status == ABOUT_FACES:  # the only ones whose words name nobody
            refused = refusal
            decision |= {"detail": refusal.detail, "measured": refusal.measured}
            decision |= {"limit": refusal.limit, "reasons": refusal.extra.get("reasons", [])}
        raise
    except ClientGone:
        decision["outcome"] = "client_gone"
        raise
    finally:
        decision["event"] = _written(act, gallery, actor, decision)
        if refused is not None:  # whoever is refused may ask why, too
            refused.extra["decision_id"] = decision["event"]


def _written(act: str, gallery: Gallery, actor: Actor, decision: dict[str, Any]) -> int:
    """Write the event of ``recorded``; return its id, or that of the frame which it repeats."""
    outcome = decision.pop("outcome", "internal_error")
    metrics.decided(act, outcome, decision)
    subject, named = decision.pop("subject", None), decision.pop("named", [])
    repeat = decision.pop("repeat", None)
    if repeat and (written := repeats.event_of(repeat)):
        return written
    decision |= {"repeats": repeats.count(repeat)} if repeat else {}
    with transaction.atomic() if named else nullcontext():
        event = record(act, gallery, actor, subject=subject, outcome=outcome, decision=decision)
        record_sightings(event, named)
    if repeat:
        repeats.written(repeat, event.pk)
    return int(event.pk)
