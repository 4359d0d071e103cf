"""Another embedder for a gallery, without photographs being asked for again.

The new embeddings are made beside the old ones, from what is kept around each face, while the
service goes on. One short transaction then exchanges them; the old ones stay, for the way back.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import Any
from uuid import UUID

import numpy as np
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery

from recognition import runtime, vault
from recognition.consent import may_be_matched
from recognition.decisions import Policy
from recognition.errors import RecognitionError
from recognition.evaluation import forced
from recognition.models import (
    Gallery,
    GalleryChange,
    OtherEmbedding,
    PersonTemplate,
    Reference,
    Subject,
    from_bytes,
    in_parts,
    to_bytes,
)
from recognition.pipeline.context import face_in, place_of
from recognition.pipeline.types import LANDMARKS, Floats
from recognition.services.erasure import erase_bytes
from recognition.services.people import current, events_in, record
from recognition.services.results import Actor

log = logging.getLogger(__name__)
ROUNDS = 10  # each embeds what came during the one before, which is ever less
BATCH = 32  # references embedded, and stored, at once: what a run that is killed loses


@dataclass(frozen=True, slots=True)
class Outlook:
    """What another embedder would change, told by asking each reference without itself.

    ``changes``: (before, after) -> how many; each is right, ambiguous, unknown, or wrong.
    ``people``: whose decisions get worse. ``again``: who has references of which nothing is kept,
    or can be opened. ``notes``: what is to be known of the new thresholds.
    """

    changes: dict[tuple[str, str], int] = field(default_factory=dict)
    people: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def missing(gallery: Gallery, embedder: str) -> QuerySet[Reference]:
    """Return the references that ``embedder`` has not embedded yet, but can."""
    return _without(gallery, embedder).filter(sealed_context__isnull=False)


def left(gallery: Gallery, embedder: str) -> int:
    """Return how many are missing of people whose data key is there: others are never opened."""
    numbers = list(missing(gallery, embedder).values_list("subject__number", flat=True))
    keys = vault.keys_of(set(numbers))
    return sum(number in keys for number in numbers)


def _without(gallery: Gallery, embedder: str) -> QuerySet[Reference]:
    there = OtherEmbedding.objects.filter(reference=OuterRef("pk"), embedder=embedder)
    rows = Reference.objects.filter(~Exists(there), subject__gallery=gallery)
    return rows.exclude(embedder=embedder)


def stage(gallery: Gallery, embedder: str) -> Iterator[int]:
    """Embed what is missing, in batches; yield how many were done.

    Stopped, it goes on from there.
    """
    network = runtime.extractor(embedder).embedder
    asked = missing(gallery, embedder).select_related("subject").order_by("pk")
    asked = asked.defer("sealed_embedding", "sealed_crop")
    last = UUID(int=0)
    while batch := list(asked.filter(pk__gt=last)[:BATCH]):
        last = batch[-1].pk
        keys = vault.keys_of({one.subject.number for one in batch})
        batch = [one for one in batch if one.subject.number in keys]  # others are being erased
        crops = [_crop(network, one, keys[one.subject.number]) for one in batch]
        rows = network.embed(np.stack(crops)) if crops else ()
        _keep(embedder, dict(zip(batch, map(to_bytes, rows), strict=True)), keys)
        yield len(batch)


def _keep(embedder: str, made: dict[Reference, bytes], keys: dict[int, bytes]) -> None:
    """Store other embeddings of those who have not been erased or given away meanwhile."""
    with transaction.atomic():
        GalleryChange.lock()
        there = Reference.objects.filter(pk__in=[one.pk for one in made])
        owners = dict(there.exclude(embedder=embedder).values_list("pk", "subject_id"))
        rows = [
            OtherEmbedding.sealed_for(one, embedder, embedding, keys[one.subject.number])
            for one, embedding in made.items()
            if owners.get(one.pk) == one.subject_id
        ]
        # Another run may have been first: what it stored is the same.
        OtherEmbedding.objects.bulk_create(rows, ignore_conflicts=True)


def _crop(network: Any, reference: Reference, key: bytes) -> Any:
    context, place = reference.open_context(key), reference.context_place
    assert place is not None  # noqa: S101  # it is stored with the context
    landmarks = np.array([reference.landmarks[name] for name in LANDMARKS], np.float32)
    return network.crop(*face_in(context, place_of(place), landmarks))


def outlook(gallery: Gallery, embedder: str) -> Outlook:
    """Return which decisions would change if ``embedder`` were used.

    Either embedder's are told by its own calibration, for as many references as each person has.
    """
    listed = list(_both(gallery, embedder))
    people, labels = np.unique([user_id for user_id, _, _ in listed], return_inverse=True)
    new = Policy.for_identify(embedder, people=len(people), gallery=gallery)
    found = Outlook(again=_again(gallery, embedder), notes=list(_notes(new, np.bincount(labels))))
    if not listed:
        return found
    old = Policy.for_identify(gallery.embedder, people=len(people), gallery=gallery)
    befores, afters = (
        _decisions(policy, np.array([row[n] for row in listed], np.float32), labels)
        for n, policy in ((1, old), (2, new))
    )
    found.changes.update(Counter(zip(befores, afters, strict=True)))
    changed = zip(labels.tolist(), befores, afters, strict=True)
    worse = {label for label, before, after in changed if before == "right" != after}
    found.people.extend(people[sorted(worse)].tolist())
    return found


def _notes(policy: Policy, counts: Any) -> Iterator[str]:
    """Yield what is to be known of the thresholds of the new embedder."""
    if policy.source in ("gallery", "setting"):
        whose = "gallery's own" if policy.source == "gallery" else "setting FACE_MATCHING_THRESHOLD"
        yield f"The threshold {policy.threshold:g} is the {whose}: it stays with any embedder."
    if warning := policy.among(counts.tolist()).warning():
        yield warning


def _again(gallery: Gallery, embedder: str) -> list[str]:
    """Return whose references ``embedder`` cannot embed: nothing is kept, or no key opens it."""
    rows = _without(gallery, embedder).annotate(bare=Q(sealed_context__isnull=True))
    listed = list(rows.values_list("subject__user_id", "subject__number", "bare"))
    keys = vault.keys_of({number for _, number, bare in listed if not bare})
    return sorted({user_id for user_id, number, bare in listed if bare or number not in keys})


def _both(gallery: Gallery, embedder: str) -> Iterator[tuple[str, Floats, Floats]]:
    """Yield user_id, embedding and other embedding of each in use that may be compared."""
    rows = OtherEmbedding.objects.filter(
        may_be_matched("reference__subject__"),
        embedder=embedder,
        reference__subject__gallery=gallery,
        reference__subject__active=True,
        reference__aside=False,
        reference__embedder=F("reference__subject__gallery__embedder"),
    ).order_by("reference")
    others = list(
        rows.select_related("reference__subject").only(
            "embedder", "sealed", "reference__embedder", "reference__sealed_embedding",
            "reference__subject__number", "reference__subject__user_id",
        )
    )  # fmt: skip
    keys = vault.keys_of({other.reference.subject.number for other in others})
    for other in others:
        reference = other.reference
        if (key := keys.get(reference.subject.number)) is not None:
            own, theirs = reference.open_embedding(key), other.open(key)
            yield reference.subject.user_id, from_bytes(own), from_bytes(theirs)


def _decisions(policy: Policy, embeddings: Floats, labels: Any) -> list[str]:
    """Return right, wrong, ambiguous or unknown for each reference, asked without itself."""
    named, _ = forced.leave_one_out(embeddings, labels, policy)
    said = {forced.NOBODY: "unknown", forced.SEVERAL: "ambiguous"}
    return [
        "right" if number == own else said.get(number, "wrong")
        for number, own in zip(named.tolist(), labels.tolist(), strict=True)
    ]


def activate(gallery: Gallery, embedder: str, *, actor: Actor) -> int:
    """Use ``embedder`` from now on; return how many references have no embedding of it.

    Those stay, are no part of a template, and count again when the gallery goes back.
    """
    with transaction.atomic():
        GalleryChange.lock()
        gallery = current(gallery)
        former = gallery.embedder
        if former in ("", embedder):
            raise RecognitionError("invalid_request", f"{gallery.name!r} uses {former!r} already.")
        if count := left(gallery, embedder):
            raise RecognitionError(
                "not_ready", f"{count} references are not embedded yet.", hint="Run reembed again."
            )
        _exchange(gallery, former, embedder)
        Gallery.objects.filter(pk=gallery.pk).update(embedder=embedder)
        people = list(Subject.objects.filter(gallery=gallery))
        _make_templates(gallery, embedder)
        GalleryChange.append("put", people)
        record("reembed", gallery, actor, decision={"from": former, "to": embedder})
        transaction.on_commit(runtime.publish)
    return _without(gallery, embedder).count()


def change_over(gallery: Gallery, embedder: str, *, actor: Actor) -> int:
    """Embed what is left and ``activate``, anew where somebody was registered in between."""
    for _ in range(ROUNDS):
        embedded = sum(stage(gallery, embedder))
        try:
            return activate(gallery, embedder, actor=actor)
        except RecognitionError as error:
            if error.code != "not_ready":
                raise
            log.info("reembed: %d embedded, and more have come meanwhile", embedded)
    return activate(gallery, embedder, actor=actor)


def _exchange(gallery: Gallery, former: str, embedder: str) -> None:
    """Exchange embeddings in four statements, whatever their number."""
    others = OtherEmbedding.objects.filter(embedder=embedder, reference__subject__gallery=gallery)
    own = Reference.objects.filter(pk=OuterRef("reference")).values("sealed_embedding")
    others.update(former=Subquery(own))
    theirs = OtherEmbedding.objects.filter(reference=OuterRef("pk"), embedder=embedder)
    rows = Reference.objects.filter(Exists(theirs), subject__gallery=gallery)
    rows.update(sealed_embedding=Subquery(theirs.values("sealed")), embedder=embedder)
    exchanged = OtherEmbedding.objects.filter(pk=OuterRef("pk")).values("former")
    others.update(sealed=Subquery(exchanged), embedder=former)
    OtherEmbedding.objects.filter(reference__subject__gallery=gallery, embedder=former).update(
        former=None
    )


def _make_templates(gallery: Gallery, embedder: str) -> None:
    """Make everybody's template anew at once."""
    rows = Reference.objects.filter(subject__gallery=gallery, embedder=embedder, aside=False)
    listed = list(
        rows.select_related("subject")
        .only("embedder", "sealed_embedding", "subject__number")
        .order_by("subject", "created")
    )
    keys = vault.keys_of({reference.subject.number for reference in listed})
    PersonTemplate.objects.filter(subject__gallery=gallery).delete()
    made = [
        subject.template_of(list(own), keys[subject.number])
        for subject, own in groupby(listed, attrgetter("subject"))
        if subject.number in keys
    ]
    PersonTemplate.objects.bulk_create(made, batch_size=1000)


def former_embedder(gallery: Gallery) -> str:
    """Return the embedder that the gallery had before, or raise ``not_found``.

    The last changeover tells: embeddings of others may lie ready that were never in use.
    """
    last = events_in(gallery).filter(act="reembed", outcome="ok").first()
    if last is None or last.decision["to"] != gallery.embedder:
        raise RecognitionError(
            "not_found",
            f"No event tells of another embedder that {gallery.name!r} had.",
            hint="Name it: reembed --to ID --activate does the same.",
        )
    return str(last.decision["from"])


def forget(gallery: Gallery, *, actor: Actor) -> int:
    """Erase what is kept for the way back; return how many embeddings that were."""
    with transaction.atomic():
        GalleryChange.lock()
        rows = OtherEmbedding.objects.filter(reference__subject__gallery=gallery)
        keys = list(rows.values_list("pk", flat=True))
        for some in in_parts(keys):
            erase_bytes(OtherEmbedding.objects.filter(pk__in=some))
        record("forget_embeddings", gallery, actor, decision={"embeddings": len(keys)})
    return len(keys)
