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
from recognition.services.people import find_user
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
    limit = policy.threshold_for(len(kept))
    said = [*_about(subject, own, embeddings, limit), *_about_others(neighbours, attempts)]
    advice = said or ["Nothing needs to be done."]
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
    decided = Event.objects.filter(gallery=gallery.name, act__in=("verify", "identify"))
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


def _about(subject: Subject, own: list[Own], embeddings: Floats, limit: float) -> list[str]:
    """Return what to do about the person and the references."""
    if not own:
        return ["There is no reference: this person is never matched. Register a photograph."]
    said = [] if subject.active else ["This person is inactive and never matched."]
    if len(own) < FEW:
        said.append(f"Register {FEW - len(own)} more photographs, taken on other days.")
    weakest = own[0]
    if weakest.to_others is not None and weakest.to_others < limit:
        said.append(
            f"Look at reference {weakest.reference_id}: it is {weakest.to_others:.3f} near to the "
            f"others, below the threshold {limit:.3f}. It may show somebody else, or be poor."
        )
    pairs = (embeddings @ embeddings.T)[np.triu_indices(len(own), k=1)]
    if (twice := int((pairs > ALIKE).sum())) > 0:
        said.append(f"{twice} pairs of references are nearly the same picture and add nothing.")
    return said


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
