"""Looking through a gallery for what is wrong in it; nothing but the queue of findings changes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, zip_longest

import numpy as np
from django.db import transaction

from recognition import runtime
from recognition.decisions import Calibration, Policy
from recognition.evaluation import hygiene
from recognition.evaluation.hygiene import Said, Suspicion
from recognition.evaluation.sources import gallery_sample
from recognition.findings import ALIKE, CONFUSABLE, NOT_SAME, POOR, Finding
from recognition.models import (
    Gallery,
    GalleryChange,
    PersonTemplate,
    Reference,
    Subject,
    in_parts,
)
from recognition.pipeline.quality import QualityLimits
from recognition.services.people import record
from recognition.services.results import Actor

MOST_FINDINGS = 2_000
CONFUSED = 1e-2  # the share of strangers who resemble somebody as much: others are not listed
POOR_WITHIN = 1.25  # times the limit that a photograph must meet: hardly better


def audit(gallery: Gallery, said: Said, *, actor: Actor) -> list[Finding]:
    """Find what is suspicious and put it into the queue, worst first.

    What a reviewer has called not the same is left out. ``said`` is told of rows that are done:
    references, then people.
    """
    sample = gallery_sample(gallery)
    suspicions: list[Suspicion] = []
    if len(np.unique(sample.labels)) > 1:
        found, templates, people = hygiene.compare(sample.embeddings, sample.labels, said)
        chances = hygiene.chances_of(sample.embeddings, sample.labels, found)
        references = hygiene.suspicious_references(found, sample.labels, chances)
        floor = _calibration(gallery).threshold_at(CONFUSED)
        pairs = [one for one in hygiene.alike(templates, people, said) if (one.near or 0) >= floor]
        suspicions = list(_in_turn(references, pairs))
    ids = [name.split("/")[1] for name in sample.names]
    limit = _limit(gallery)
    findings = [_finding(gallery, one, ids, limit) for one in suspicions]
    findings += _poor(gallery)
    with transaction.atomic():
        GalleryChange.lock()  # reviewers and other audits wait
        Finding.objects.filter(gallery=gallery).exclude(status=NOT_SAME).delete()
        settled = {one.matter for one in Finding.objects.filter(gallery=gallery)}
        unsettled = {f.key: f for f in reversed(findings) if f.key not in settled}
        fresh = _still_so(gallery, list(reversed(unsettled.values()))[:MOST_FINDINGS])
        for place, finding in enumerate(fresh, 1):
            finding.place = place
        Finding.objects.bulk_create(fresh, batch_size=500)
        record("audit", gallery, actor, decision={"findings": len(fresh)})
    return list(Finding.objects.filter(gallery=gallery).exclude(status=NOT_SAME))


def _still_so(gallery: Gallery, findings: list[Finding]) -> list[Finding]:
    """Return the findings whose people and references are still what they were when looked at."""
    active = Subject.objects.filter(gallery=gallery, active=True)
    numbers = {n for f in findings for n in (f.person, f.other) if n is not None}
    people = {
        number
        for part in in_parts(numbers)
        for number in active.filter(number__in=part).values_list("number", flat=True)
    }
    named = {name for f in findings for name in f.references}
    owners = {
        str(pk): number
        for part in in_parts(named)
        for pk, number in Reference.objects.filter(pk__in=part, aside=False).values_list(
            "pk", "subject__number"
        )
    }
    return [
        f
        for f in findings
        if {f.person, f.other} - {None} <= people
        and all(owners.get(name) == f.person for name in f.references)
    ]


def _in_turn(first: list[Suspicion], second: list[Suspicion]) -> Iterator[Suspicion]:
    """Yield one of each in turn: their scores cannot be compared, and both are to be seen."""
    return (one for one in chain(*zip_longest(first, second)) if one is not None)


def _calibration(gallery: Gallery) -> Calibration:
    return Calibration.active(runtime.embedder_of(gallery), gallery)


def _limit(gallery: Gallery) -> float:
    """Return from which similarity people would be taken for each other."""
    people = PersonTemplate.objects.filter(subject__gallery=gallery).count()
    policy = Policy.for_identify(runtime.embedder_of(gallery), people=people, gallery=gallery)
    return policy.threshold


def _finding(gallery: Gallery, one: Suspicion, ids: list[str], limit: float) -> Finding:
    kind = one.kind
    if not one.references:
        kind = ALIKE if one.near is not None and one.near >= limit else CONFUSABLE
    finding = Finding(
        gallery=gallery,
        kind=kind,
        person=one.person,
        other=one.other,
        references=[ids[row] for row in one.references],
        own=one.own,
        near=one.near,
    )
    finding.key = finding.matter
    return finding


def _poor(gallery: Gallery) -> list[Finding]:
    """Return the references that hardly met the limits of quality."""
    limits = QualityLimits()
    rows = Reference.objects.filter(subject__gallery=gallery, aside=False)
    return [
        Finding(gallery=gallery, key=f"poor:{pk}", kind=POOR, person=number, references=[str(pk)])
        for pk, number, quality in rows.values_list("pk", "subject__number", "quality").iterator()
        if quality.get("sharpness", np.inf) < POOR_WITHIN * limits.min_sharpness
        or quality.get("brightness", np.inf) < POOR_WITHIN * limits.min_brightness
    ]
