"""What is the matter with one person: their references, whom they resemble, who nearly was them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from recognition import runtime, vault
from recognition.decisions import Policy
from recognition.models import Event, Gallery, Reference, Subject, from_bytes
from recognition.pipeline.types import Floats
from recognition.services.likeness import FEW, to_the_others
from recognition.services.naming import named
from recognition.services.people import events_in, find_user
from recognition.services.results import Match

NEIGHBOURS = 5
EVENTS_READ = 10_000  # newest decisions of the gallery that are looked through
NEAR = 0.03  # below its threshold an attempt was near: people's photographs differ by so much
ALIKE = 0.999  # two references so similar are one photograph twice, or two frames of one video


@dataclass(frozen=True, slots=True)
class Own:
    """One reference against the person's others; ``to_others`` None where it is the only one."""

    reference_id: str
    to_others: float | None
    sharpness: float
    size: float


@dataclass(frozen=True, slots=True)
class Attempt:
    """A decision that nearly named this person."""

    decision_id: int
    time: datetime
    act: str
    similarity: float
    threshold: float


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Everything that was found, the weakest reference first."""

    user_id: str
    threshold: float
    references: list[Own]
    neighbours: list[Match]
    attempts: list[Attempt]
    advice: list[str]


def diagnose(gallery: Gallery, user_id: str) -> Diagnosis:
    """Look at one person from all sides; nothing is changed. Raises ``consent_required``."""
    subject = find_user(gallery, user_id)
    subject.demand_consent()
    kept = list(subject.references.in_use().defer("sealed_crop", "sealed_context"))
    key = vault.key_of(subject.number) if kept else b""
    opened = [from_bytes(reference.open_embedding(key)) for reference in kept]
    embeddings = np.array(opened, np.float32)
    index = runtime.index(gallery)
    policy = Policy.for_identify(runtime.embedder_of(gallery), people=len(index), gallery=gallery)
    own = sorted(_own(kept, embeddings), key=lambda one: one.to_others or 0.0)
    neighbours = _neighbours(gallery, subject, embeddings, policy) if kept else []
    attempts = list(near_misses(gallery, subject))
    said = [
        *_about(subject, own, policy.threshold_for(len(kept) - 1)),
        *_about_pairs(embeddings),
        *_about_others(neighbours, attempts),
    ]
    advice = said or ["Nothing needs to be done."]
    limit = policy.threshold_for(len(kept))
    return Diagnosis(user_id, limit, own, neighbours, attempts, advice)


def _own(kept: list[Reference], embeddings: Floats) -> list[Own]:
    """Return each reference with its similarity to the mean of the others."""
    return [
        Own(str(one.pk), near, one.quality.get("sharpness", 0.0), one.quality.get("size", 0.0))
        for one, near in zip(kept, to_the_others(embeddings), strict=True)
    ]


def _neighbours(
    gallery: Gallery, subject: Subject, embeddings: Floats, policy: Policy
) -> list[Match]:
    """Return the people who resemble this one most."""
    mean = embeddings.mean(axis=0)
    probe = (mean / np.linalg.norm(mean))[None]
    found = runtime.index(gallery).search(probe, limit=NEIGHBOURS + 1)[0]
    near = {c.subject_number: c.similarity for c in found if c.subject_number != subject.number}
    people = named(gallery, near, policy)
    return sorted(people, key=lambda match: -match.similarity)[:NEIGHBOURS]


def near_misses(
    gallery: Gallery, subject: Subject, *, read: int = EVENTS_READ
) -> Iterator[Attempt]:
    """Yield those of the gallery's ``read`` newest decisions that nearly named this person."""
    decided = events_in(gallery).filter(act__in=("verify", "identify"))
    for event in decided.order_by("-pk")[:read]:
        for similarity, limit in _similarities(event, subject.number):
            if limit - NEAR <= similarity < limit:
                yield Attempt(event.pk, event.time, event.act, similarity, limit)


def _similarities(event: Event, number: int) -> list[tuple[float, float]]:
    kept = event.decision
    if event.act == "verify":
        similarity = kept.get("similarity") if event.subject_number == number else None
        return [] if similarity is None else [(similarity, kept["threshold"])]
    return [
        (one["similarity"], one.get("threshold", kept["threshold"]))
        for face in kept.get("faces", ())
        for one in face["candidates"]
        if one["subject"] == number
    ]


def _about(subject: Subject, own: list[Own], limit: float) -> Iterator[str]:
    """Yield what to do about the person; ``limit``: the threshold for one reference less."""
    if not subject.active:
        yield "This person is inactive and never matched."
    if not own:
        yield _without_references(subject)
        return
    if len(own) < FEW:
        yield f"Register {FEW - len(own)} more photographs, taken on other days."
    near = own[0].to_others
    if near is not None and near < limit:
        # Of two that differ neither is more suspect.
        suspect = own if len(own) == 2 else own[:1]
        which = " and ".join(f"reference {one.reference_id}" for one in suspect)
        yield (
            f"Look at {which}: {near:.3f} near to the others of this person, below the threshold "
            f"{limit:.3f}. It may show somebody else, or be poor."
        )


def _without_references(subject: Subject) -> str:
    """Say why nobody can be compared with this person."""
    aside = subject.references.filter(aside=True).count()
    former = subject.references.filter(aside=False).count()
    if former:
        return (
            f"{former} references are another embedder's than the gallery's: this person is never "
            "matched. Run reembed, or register the photographs again."
        )
    if aside:
        return (
            f"All {aside} references are set aside: this person is never matched. Undo that with "
            "`manage.py review undo`, or register a photograph."
        )
    return "There is no reference: this person is never matched. Register a photograph."


def _about_pairs(embeddings: Floats) -> Iterator[str]:
    """Yield what is known of two references that are one picture."""
    if len(embeddings) < 2:
        return
    pairs = (embeddings @ embeddings.T)[np.triu_indices(len(embeddings), k=1)]
    if (twice := int((pairs > ALIKE).sum())) > 0:
        yield f"{twice} pairs of references are nearly the same picture and add nothing."


def _about_others(neighbours: list[Match], attempts: list[Attempt]) -> list[str]:
    said = [
        f"{one.user_id} resembles this person ({one.similarity:.3f}, the threshold being "
        f"{one.threshold:.3f}): they may be one person under two ids, or be confused."
        for one in neighbours
        if one.similarity >= one.threshold
    ]
    if attempts:
        said.append(
            f"{len(attempts)} attempts were at most {NEAR:g} below the threshold: if they were "
            "this person, register photographs like those."
        )
    return said
