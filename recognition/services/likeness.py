"""How alike references are: a person's own to each other, and people to each other."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from django.conf import settings

from recognition import runtime, vault
from recognition.consent import may_be_matched
from recognition.decisions import Policy
from recognition.gallery.exact import ALL
from recognition.models import PersonTemplate, Reference, Subject, from_bytes
from recognition.pipeline.quality import Fault, QualityLimits, faults
from recognition.pipeline.types import Floats, Quality

FEW = 3  # references; README: what one and three photographs miss


@dataclass(frozen=True, slots=True)
class Judged:
    """One reference: what is wrong with it, and its similarity to the others' mean.

    ``others`` None: there are none. ``pairs``: its similarity to each reference, itself included.
    """

    reference: Reference
    faults: list[Fault]
    others: float | None
    pairs: list[float]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a person's references are like. ``weakest``: the one least like the others."""

    references: list[Judged]
    weakest: Judged | None
    verify: Policy
    identify: Policy
    people: int

    @property
    def is_at_odds(self) -> bool:
        """Say whether the weakest reference would not be taken for the same person."""
        others = self.weakest.others if self.weakest else None
        return others is not None and not self.verify.accepts(others)


def judge(subject: Subject, references: list[Reference], *, people: int) -> Judgement:
    """Judge ``references``, all those of ``subject``, oldest first, in a gallery of ``people``."""
    embedder = runtime.embedder_of(subject.gallery)
    key = vault.key_of(subject.number) if references else b""
    rows = [from_bytes(reference.open_embedding(key)) for reference in references]
    judged = _judged(references, np.stack(rows)) if rows else []
    compared = [one for one in judged if one.others is not None]
    count = max(1, len(references))
    identify = Policy.for_identify(embedder, people=people, gallery=subject.gallery)
    return Judgement(
        judged,
        min(compared, key=lambda one: one.others or 0.0, default=None),
        Policy.for_verify(embedder, gallery=subject.gallery, references=count),
        replace(identify, threshold=identify.threshold_for(count)),
        people,
    )


def _judged(references: list[Reference], embeddings: Floats) -> list[Judged]:
    limits = QualityLimits(min_size=settings.FACE_MIN_SIZE)
    pairs = embeddings @ embeddings.T  # (R, R)
    others = to_the_others(embeddings)
    return [
        Judged(one, _faults(one, limits), to_others, row.tolist())
        for one, to_others, row in zip(references, others, pairs, strict=True)
    ]


def _faults(reference: Reference, limits: QualityLimits) -> list[Fault]:
    # Whoever fills a gallery with made-up people has nothing to measure.
    return faults(Quality(**reference.quality), limits) if reference.quality else []


def to_the_others(embeddings: Floats) -> list[float | None]:
    """Return for each of (R, D) embeddings its cosine to the mean of all others, None for one."""
    if len(embeddings) < 2:
        return [None] * len(embeddings)
    rest = embeddings.sum(axis=0) - embeddings  # (R, D): the sum without each one
    lengths = np.maximum(np.linalg.norm(rest, axis=1), np.finfo(np.float32).tiny)
    return [float(value) for value in (embeddings * rest).sum(axis=1) / lengths]


@dataclass(frozen=True, slots=True)
class Near:
    """Somebody else in the gallery. ``similarity``: cosine of both templates, -1 to 1."""

    subject: Subject
    similarity: float


def nearest(subject: Subject, *, limit: int) -> tuple[list[Near], int]:
    """Return the people of the gallery who are most like ``subject``, best first, among how many.

    None who may not be matched. Raises ``not_ready`` where the index cannot be asked.
    """
    index = runtime.index(subject.gallery)
    template = PersonTemplate.objects.filter(subject=subject).first()
    if template is None:
        return [], len(index)
    [found] = index.search(from_bytes(template.vector)[None], limit=limit + 1, floor=ALL)
    others = {c.subject_number: c.similarity for c in found if c.subject_number != subject.number}
    who = Subject.objects.filter(may_be_matched(), number__in=others, active=True)
    near = sorted((Near(one, others[one.number]) for one in who), key=lambda near: -near.similarity)
    return near[:limit], len(index)
