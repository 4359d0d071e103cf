"""Erasing: one way for API, admin and commands, after which nothing of a face is left."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, QuerySet

from recognition import findings, runtime, vault
from recognition.errors import RecognitionError
from recognition.import_models import ImportFile, ImportSlice
from recognition.models import (
    DEFAULT_GALLERY,
    Erasure,
    Gallery,
    GalleryChange,
    OtherEmbedding,
    PersonTemplate,
    Reference,
    Subject,
    in_parts,
)
from recognition.services import waiting
from recognition.services.people import find_gallery, find_reference, find_user, record, record_all
from recognition.services.receipts import receipts_for
from recognition.services.results import Actor, Erased, Receipt
from recognition.vault.store import WriteAheadLog

_writes = WriteAheadLog("SQLite's write-ahead log is in use: what was erased leaves it a bit later")
HOLD_FACES = (Subject, Reference, PersonTemplate, OtherEmbedding, ImportFile, ImportSlice)


def unregister(gallery: Gallery, user_id: str, *, actor: Actor) -> Erased:
    """Erase a user: references, crops, template, and the row itself."""
    with transaction.atomic():
        GalleryChange.lock()
        subject = find_user(gallery, user_id)
        return erase_subjects(Subject.objects.filter(pk=subject.pk), actor=actor)


def erase_subjects(subjects: QuerySet[Subject], *, actor: Actor) -> Erased:
    """Erase people, in the database at once and in every index before the next answer."""
    with transaction.atomic():
        GalleryChange.lock()
        doomed = list(subjects.select_related("gallery"))
        erased = Erased()
        counts = _counted(doomed)
        for some in in_parts(doomed):
            erased = _add(erased, _erase(some, counts))
        made = receipts_for(doomed, counts)
        record_all("unregister", doomed, actor)
        _forget_embedders({subject.gallery_id for subject in doomed})
        transaction.on_commit(runtime.publish)
    return replace(erased, receipts=tuple(_receipt(one) for one in made))


def _counted(subjects: list[Subject]) -> dict[int, dict[str, int]]:
    """Return how many references and crops each of ``subjects`` has, by primary key."""
    counts: dict[int, dict[str, int]] = {}
    for some in in_parts(subject.pk for subject in subjects):
        owned = Reference.objects.filter(subject__in=some).order_by().values_list("subject")
        for pk, references, crops in owned.annotate(Count("id"), Count("sealed_crop")):
            counts[pk] = {"references": references, "crops": crops}
    return counts


def _receipt(erasure: Erasure) -> Receipt:
    return Receipt(str(erasure.pk), erasure.time, erasure.user_hash, erasure.counts)


def _erase(subjects: list[Subject], counts: dict[int, dict[str, int]]) -> Erased:
    owned = [counts.get(subject.pk, {}) for subject in subjects]
    references, crops = (sum(c.get(name, 0) for c in owned) for name in ("references", "crops"))
    templates = PersonTemplate.objects.filter(subject__in=subjects).count()
    GalleryChange.append("remove", subjects)
    waiting.forget(subjects)
    names = Reference.objects.filter(subject__in=subjects).values_list("pk", flat=True)
    findings.forget(people=[s.number for s in subjects], references=map(str, names))
    erase_bytes(Subject.objects.filter(pk__in=[s.pk for s in subjects]))
    return Erased(len(subjects), references, crops, templates)


def erase_bytes(rows: QuerySet[Any]) -> None:
    """Delete rows and, when that is committed, their bytes.

    SQLite would keep them in its write-ahead log, PostgreSQL in its tables.
    """
    rows.delete()
    transaction.on_commit(
        _empty_write_ahead_log if connection.vendor == "sqlite" else _vacuum_tables
    )


def _vacuum_tables() -> None:
    if not connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute(f"VACUUM {', '.join(model._meta.db_table for model in HOLD_FACES)}")


def _empty_write_ahead_log() -> None:
    with connection.cursor() as cursor:
        _writes.empty(cursor)


def empty_what_is_owed() -> None:
    """Empty the write-ahead logs where an erasure could not, because somebody was reading."""
    if _writes.owes:
        _empty_write_ahead_log()
    vault.keys().scrub_what_is_owed()


def _add(a: Erased, b: Erased) -> Erased:
    return Erased(
        a.subjects + b.subjects,
        a.references + b.references,
        a.crops + b.crops,
        a.templates + b.templates,
    )


def _forget_embedders(galleries: set[int]) -> None:
    """Let galleries without any reference choose their embedder anew."""
    kept = Reference.objects.filter(subject__gallery__in=galleries).values("subject__gallery")
    Gallery.objects.filter(pk__in=galleries).exclude(pk__in=kept).update(embedder="")


def delete_reference(gallery: Gallery, user_id: str, reference_id: str, *, actor: Actor) -> Erased:
    """Erase one reference; with the last one the user stays, without a face."""
    reference = find_reference(find_user(gallery, user_id), reference_id)
    return erase_references(Reference.objects.filter(pk=reference.pk), actor=actor)


def erase_references(references: QuerySet[Reference], *, actor: Actor) -> Erased:
    """Erase references and make the templates of their subjects anew."""
    with transaction.atomic():
        GalleryChange.lock()
        crops = references.filter(sealed_crop__isnull=False).count()
        doomed = dict(references.values_list("pk", "subject_id"))
        owners = Subject.objects.filter(pk__in=set(doomed.values()))
        subjects = list(owners.select_related("gallery"))
        findings.forget(references=map(str, doomed))
        erase_bytes(Reference.objects.filter(pk__in=list(doomed)))
        for subject in subjects:
            subject.make_template()
        record_all("delete_reference", subjects, actor)
        GalleryChange.append("put", subjects)
        _forget_embedders({subject.gallery_id for subject in subjects})
        transaction.on_commit(runtime.publish)
    return Erased(references=len(doomed), crops=crops)


def delete_gallery(name: str, *, force: bool, actor: Actor) -> Erased:
    """Erase a gallery and, with ``force``, everybody in it; ``default`` is only emptied."""
    with transaction.atomic():
        GalleryChange.lock()
        gallery = find_gallery(name)
        people = Subject.objects.filter(gallery=gallery)
        if people.exists() and not force:
            raise RecognitionError(
                "gallery_not_empty", f"{people.count()} users are registered in {name!r}."
            )
        erased = erase_subjects(people, actor=actor)
        record("delete_gallery", gallery, actor)
        if gallery.name != DEFAULT_GALLERY:
            gallery.delete()
            transaction.on_commit(waiting.destroy_unused_keys)  # its imports went with it
    return erased
