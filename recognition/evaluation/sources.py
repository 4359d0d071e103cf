"""Where what is measured comes from: photographs, and the operator's own gallery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from django.db.models import Count, F

from recognition import vault
from recognition.consent import may_be_matched
from recognition.evaluation.rates import proportion
from recognition.evaluation.samples import Sample, Taken
from recognition.models import Gallery, Reference, from_bytes
from recognition.services.people import events_in

NONE: Mapping[str, Mapping[str, str]] = {}
NEEDED = ("embedder", "sealed_embedding", "subject__number", "subject__user_id")


def gallery_sample(gallery: Gallery, groups: Mapping[str, Mapping[str, str]] = NONE) -> Sample:
    """Return the references that may be matched as they are, named ``<user_id>/<reference_id>``."""
    rows = Reference.objects.filter(
        may_be_matched("subject__"),
        subject__gallery=gallery,
        subject__active=True,
        aside=False,
        embedder=F("subject__gallery__embedder"),
    )
    kept = rows.order_by("subject__number", "created", "pk")
    listed = list(kept.select_related("subject").only(*NEEDED))
    keys = vault.keys_of({one.subject.number for one in listed})
    listed = [one for one in listed if one.subject.number in keys]
    numbers = np.array([one.subject.number for one in listed], np.int64)
    opened = (one.open_embedding(keys[one.subject.number]) for one in listed)
    vectors = np.array([from_bytes(raw) for raw in opened], np.float32)
    vectors = vectors.reshape(len(listed), -1) if listed else np.zeros((0, 1), np.float32)
    names = [f"{one.subject.user_id}/{one.pk}" for one in listed]
    return Sample(names, vectors, numbers, groups)


def sample_of(
    names: list[str],
    taken: Sequence[Taken],
    groups: Mapping[str, Mapping[str, str]],
    dates: Mapping[str, float],
) -> Sample:
    """Return all photographs, those without a face and those that the service refuses included."""
    people = [name.split("/")[0] for name in names]
    labels = np.unique(people, return_inverse=True)[1] if people else np.empty(0, np.int64)
    width = max((len(one.embedding) for one in taken), default=0)
    rows = np.zeros((len(names), max(width, 1)), np.float32)
    for row, one in zip(rows, taken, strict=True):
        row[: len(one.embedding)] = one.embedding
    both = list(zip(names, taken, strict=True))
    refused = {name: one.refused for name, one in both if one.refused}
    unfit = {name: one.unfit for name, one in both if one.unfit}
    return Sample(names, rows, labels.astype(np.int64), groups, dates, refused, unfit)


REFUSALS = ("no_face", "face_too_small", "low_quality", "multiple_faces", "not_searched")


def attempts_at(gallery: Gallery) -> dict[str, dict[str, Any]]:
    """Return, by act, how many requests to a gallery came to nothing for want of a good face.

    Read from the events there still are; an act that nobody tried is left out.
    """
    acts = ("register", "verify", "identify")
    rows = events_in(gallery).filter(act__in=acts).order_by()
    found: dict[str, dict[str, Any]] = {}
    for act in acts:
        counts = dict(rows.filter(act=act).values_list("outcome").annotate(count=Count("pk")))
        reasons = {outcome: counts[outcome] for outcome in REFUSALS if outcome in counts}
        if trials := sum(counts.values()):
            found[act] = {**proportion(sum(reasons.values()), trials), "reasons": reasons}
    return found
