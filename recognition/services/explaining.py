"""Why a decision fell as it did: read from its event, people named as they are called today."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from recognition.decisions import AMBIGUOUS, MATCH, NOT_SEARCHED
from recognition.errors import RecognitionError
from recognition.models import Event, Gallery, Subject, in_parts

ACTS = ("verify", "compare", "identify")
LONGEST_ID = 18  # digits that surely fit into 63 bits
LOST = "somebody who is erased by now"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One person as a decision saw them; ``user_id`` None: erased since. ``why``: a sentence."""

    user_id: str | None
    similarity: float
    threshold: float
    references: int | None
    why: str


@dataclass(frozen=True, slots=True)
class ExplainedFace:
    """One face of a picture: what was decided, and about whom."""

    status: str
    reason: str
    margin: float | None
    quality: Mapping[str, float]
    candidates: list[Candidate]


@dataclass(frozen=True, slots=True)
class Explanation:
    """One decision. ``user_id``: whom a verification was about."""

    decision_id: int
    time: datetime
    act: str
    gallery: str
    outcome: str
    request_id: str
    user_id: str | None
    explanation: list[str]
    grounds: Mapping[str, Any]
    faces: list[ExplainedFace] = field(default_factory=list)


def find_decision(decision_id: str) -> Event:
    """Return the event of a decision, or raise ``not_found``."""
    found = None
    if decision_id.isascii() and decision_id.isdigit() and len(decision_id) <= LONGEST_ID:
        found = Event.objects.filter(pk=int(decision_id), act__in=ACTS).first()
    if found is None:
        raise no_decision()
    return found


def gallery_of(event: Event) -> str:
    """Return what the gallery of a decision is called now; "": it is deleted.

    Not by the name of then, which another gallery may have by now.
    """
    if (number := event.decision.get("gallery")) is None:
        return event.gallery
    return Gallery.objects.filter(pk=number).values_list("name", flat=True).first() or ""


def no_decision() -> RecognitionError:
    """Return the error for a decision that is not there, or not for who asks."""
    hint = "Answers carry decision_id; events are kept EVENTS_KEEP days."
    return RecognitionError("not_found", "There is no such decision.", hint=hint)


def explain(event: Event) -> Explanation:
    """Say why: which similarity met which threshold, who lost to whom, what was too poor."""
    kept = event.decision
    names = _names(event)
    faces = [_face(face, kept, names) for face in kept.get("faces", ())]
    whom = names.get(event.subject_number) if event.subject_number else None
    return Explanation(
        decision_id=event.pk,
        time=event.time,
        act=event.act,
        gallery=gallery_of(event) or event.gallery,
        outcome=event.outcome,
        request_id=event.request_id,
        user_id=whom,
        explanation=[*_refused(kept), *_compared(event, whom), *_searched(faces), *_rests_on(kept)],
        grounds={name: kept.get(name) for name in GROUNDS},
        faces=faces,
    )


GROUNDS = (
    "embedder",
    "threshold",
    "threshold_source",
    "references",
    "fmr",
    "people",
    "calibration",
    "similarity",
    "gallery_version",
)


def _names(event: Event) -> dict[int, str]:
    """Return the user_ids of everybody the event is about, those who were erased left out."""
    faces = event.decision.get("faces", ())
    numbers = {c["subject"] for face in faces for c in face["candidates"]}
    numbers |= {event.subject_number} - {None}
    return {
        number: user_id
        for part in in_parts(numbers)
        for number, user_id in Subject.objects.filter(number__in=part).values_list(
            "number", "user_id"
        )
    }


def _face(face: Mapping[str, Any], kept: Mapping[str, Any], names: Mapping[int, str]) -> Any:
    candidates: list[Candidate] = []
    best = face["candidates"][0] if face["candidates"] else None
    for place, one in enumerate(face["candidates"]):
        limit = one.get("threshold", kept["threshold"])
        first = names.get(best["subject"], LOST) if best else ""
        lead = best["similarity"] - one["similarity"] if best else 0.0
        why = _why(one["similarity"], limit, place, f"lost to {first} by {lead:.3f}")
        candidates.append(
            Candidate(
                names.get(one["subject"]), one["similarity"], limit, one.get("references"), why
            )
        )
    return ExplainedFace(
        face["status"], face.get("reason", ""), face.get("margin"), face["quality"], candidates
    )


def _why(similarity: float, limit: float, place: int, lost: str) -> str:
    """Say what became of one candidate."""
    if similarity < limit:
        said = f"{similarity:.3f} is {limit - similarity:.3f} below the threshold {limit:.3f}"
        return f"{said}, and {lost}" if place else said
    said = f"{similarity:.3f} reaches the threshold {limit:.3f}"
    return f"{said}, but {lost}" if place else said


def _refused(kept: Mapping[str, Any]) -> list[str]:
    """Return what spoke against the picture, where something did."""
    if kept.get("faces") == []:
        return ["No face was found in the picture."]
    return [kept["detail"]] if kept.get("detail") else []


def _compared(event: Event, whom: str | None) -> list[str]:
    """Return what a comparison 1:1 found."""
    similarity, limit = event.decision.get("similarity"), event.decision.get("threshold")
    if event.act == "identify" or limit is None:
        return []
    who = f"{whom or LOST}: " if event.act == "verify" else ""
    if similarity is None:
        return [f"{who}there was no reference to compare with, or the user was inactive."]
    return [f"{who}{_why(similarity, limit, 0, '')}."]


def _searched(faces: list[ExplainedFace]) -> list[str]:
    """Return a sentence for each face."""
    said = []
    for place, face in enumerate(faces):
        head = f"Face {place}: {face.status.replace('_', ' ')}."
        if face.status == NOT_SEARCHED or not face.candidates:
            said.append(f"{head} {face.reason}")
            continue
        best = face.candidates[0]
        text = f"{head} The nearest is {best.user_id or LOST}: {best.why}."
        if face.status in (MATCH, AMBIGUOUS) and len(face.candidates) > 1:
            second = face.candidates[1]
            text += f" Then {second.user_id or LOST}: {second.why}."
        said.append(text)
    return said


def _rests_on(kept: Mapping[str, Any]) -> list[str]:
    """Return where the threshold came from."""
    sources = {
        "request": "The threshold was given with the request.",
        "request_target": "The threshold follows from the error rate asked for in the request.",
        "gallery": "The threshold is the gallery's own.",
        "gallery_target": "The threshold follows from the gallery's own error rate.",
        "setting": "The threshold is the setting FACE_MATCHING_THRESHOLD.",
        "calibration": "The threshold follows from the error rate of the settings.",
        "not_measured": "The error rates of the embedder are not measured.",
    }
    source = kept.get("threshold_source")
    if source is None:
        return []
    fmr, people = kept.get("fmr"), kept.get("people")
    rate = f" It stands for FMR {fmr:.1e}" if fmr else ""
    among = f", {people} people being searched" if people is not None else ""
    return [f"{sources[source]}{rate}{among + '.' if rate else ''}"]
