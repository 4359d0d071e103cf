"""Why a decision fell as it did: read from its event, people named as they are called today."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from recognition.decisions import AMBIGUOUS, NOT_SEARCHED
from recognition.errors import RecognitionError
from recognition.labels import outcome_label
from recognition.models import Event, Gallery, Subject, in_parts

ACTS = ("verify", "compare", "identify")
LONGEST_ID = 18  # digits that surely fit into 63 bits
LOST = gettext_lazy("somebody who is erased by now")
#: What an explanation shows of an event as it stands there.
GROUNDS = (
    "embedder", "threshold", "threshold_source", "references", "fmr", "people", "calibration",
    "similarity", "gallery_version",
)  # fmt: skip


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
    """One face of a picture: what was decided, and about whom.

    ``first``: the place of the nearest candidate who reached the threshold, None where none did.
    """

    status: str
    reason: str
    margin: float | None
    quality: Mapping[str, float]
    candidates: list[Candidate]
    first: int | None


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
        explanation=[*_refused(kept), *_compared(event, whom), *_searched(faces), *_rests_on(kept)]
        or [_("Nothing was decided: %(why)s.") % {"why": outcome_label(event.outcome)}],
        grounds={name: kept.get(name) for name in GROUNDS},
        faces=faces,
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


def _face(
    face: Mapping[str, Any], kept: Mapping[str, Any], names: Mapping[int, str]
) -> ExplainedFace:
    """Say of each candidate what became of them, all others against the first who was near enough.

    Of who was far, the event tells no threshold: it was that for one reference at the least.
    """
    rows = face["candidates"]
    limits = [row.get("threshold", kept["threshold"]) for row in rows]
    first = next((n for n, row in enumerate(rows) if row["similarity"] >= limits[n]), None)
    candidates = []
    for place, (row, limit) in enumerate(zip(rows, limits, strict=True)):
        why = against_threshold(row["similarity"], limit)
        if "threshold" not in row and kept.get("fmr"):
            why += _(" for one reference")
        if first is not None and place != first:
            lead = rows[first]["similarity"] - row["similarity"]
            reaches = row["similarity"] >= limit
            why += _against_first(
                names.get(rows[first]["subject"]) or str(LOST), lead, reaches=reaches
            )
            if reaches and face["status"] == AMBIGUOUS and lead <= kept.get("margin", 0):
                why += _(", too little to tell them apart")
        who, references = names.get(row["subject"]), row.get("references")
        candidates.append(Candidate(who, row["similarity"], limit, references, why))
    reason, margin = face.get("reason", ""), face.get("margin")
    return ExplainedFace(face["status"], reason, margin, face["quality"], candidates, first)


def against_threshold(similarity: float, limit: float) -> str:
    """Say whether a similarity reaches a threshold, and if not, what is wanting."""
    values = {"similarity": similarity, "limit": limit, "lacking": limit - similarity}
    if similarity >= limit:
        return _("%(similarity).3f reaches the threshold %(limit).3f") % values
    return _("%(similarity).3f is %(lacking).3f below the threshold %(limit).3f") % values


def _against_first(first: str, lead: float, *, reaches: bool) -> str:
    """Say how somebody stands to ``first``, who is ``lead`` nearer and reached the threshold."""
    if lead < 0:  # with more references, and so a higher threshold
        values: dict[str, object] = {"first": first, "behind": -lead}
        return _("; %(first)s is %(behind).3f less near, and reaches theirs") % values
    but, also = (
        _(", but lost to %(first)s by %(lead).3f"),
        _(", and lost to %(first)s by %(lead).3f"),
    )
    return (but if reaches else also) % {"first": first, "lead": lead}


def _refused(kept: Mapping[str, Any]) -> list[str]:
    """Return what spoke against the picture, where something did."""
    if kept.get("faces") == []:
        return [_("No face was found in the picture.")]
    return [kept["detail"]] if kept.get("detail") else []


def _compared(event: Event, whom: str | None) -> list[str]:
    """Return what a comparison 1:1 found."""
    similarity, limit = event.decision.get("similarity"), event.decision.get("threshold")
    if event.act == "identify" or limit is None:
        return []
    who = f"{whom or LOST}: " if event.act == "verify" else ""
    if similarity is None:
        said = _("there was no reference to compare with, or the user was inactive.")
        return [f"{who}{said}"]
    return [f"{who}{against_threshold(similarity, limit)}."]


def _searched(faces: list[ExplainedFace]) -> list[str]:
    """Return a sentence or more for each face."""
    said = []
    for number, face in enumerate(faces, 1):
        values = {"number": number, "status": outcome_label(face.status)}
        head = _("Face %(number)s: %(status)s.") % values
        if face.status == NOT_SEARCHED or not face.candidates:
            said.append(f"{head} {face.reason}")
        else:
            said.append(" ".join([head, *_told(face)]))
    return said


def _told(face: ExplainedFace) -> Iterator[str]:
    """Yield who is the first, who is nearer and was not near enough, and who came next."""
    first = face.first or 0
    *nearer, best = face.candidates[: first + 1]
    enough = _("The nearest who is near enough is %(who)s: %(why)s.")
    yield (enough if nearer else _("The nearest is %(who)s: %(why)s.")) % _values(best)
    for one in nearer:
        yield _("Nearer, but not near enough, is %(who)s: %(why)s.") % _values(one)
    if face.first is not None:
        for second in face.candidates[first + 1 : first + 2]:
            yield _("Then %(who)s: %(why)s.") % _values(second)


def _values(one: Candidate) -> dict[str, str]:
    return {"who": one.user_id or str(LOST), "why": one.why}


def _rests_on(kept: Mapping[str, Any]) -> list[str]:
    """Return where the threshold came from."""
    sources = {
        "request": _("The threshold was given with the request."),
        "request_target": _("The threshold follows from the error rate asked for in the request."),
        "gallery": _("The threshold is the gallery's own."),
        "gallery_target": _("The threshold follows from the gallery's own error rate."),
        "setting": _("The threshold is the setting FACE_MATCHING_THRESHOLD."),
        "calibration": _("The threshold follows from the error rate of the settings."),
        "not_measured": _("The error rates of the embedder are not measured."),
    }
    source = kept.get("threshold_source")
    if source is None:
        return []
    fmr, people = kept.get("fmr"), kept.get("people")
    if not fmr:
        return [sources[source]]
    among = _("It stands for FMR %(fmr).1e, %(people)s people being searched.")
    alone = _("It stands for FMR %(fmr).1e.")
    rate = (alone if people is None else among) % {"fmr": fmr, "people": people}
    return [f"{sources[source]} {rate}"]
