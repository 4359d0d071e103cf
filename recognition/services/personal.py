"""Everything that is held on one person, as a file for them (GDPR, articles 15 and 20)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast

from recognition import vault
from recognition.findings import Finding, ReviewStep
from recognition.import_models import ImportFile
from recognition.models import (
    Event,
    Gallery,
    PersonTemplate,
    Reference,
    Sighting,
    Subject,
    from_bytes,
)
from recognition.services.people import find_user, record
from recognition.services.results import Actor

ABOUT = ("number", "user_id", "display_name", "metadata", "active", "created", "updated")
MEASURED = (
    "id", "created", "aside", "box", "landmarks", "detection_probability", "quality",
    "source_sha256", "context_place",
)  # fmt: skip
EVENT = (
    "id", "time", "actor", "act", "gallery", "subject_number", "outcome", "request_id", "decision",
)  # fmt: skip
README = """Everything that this installation holds on one person. What was erased is not in it.

subject.json     who it is, on what lawful basis, until when; the template that searches compare
references.json  each registered photograph: what was measured, and the embedding of the face
crops/           the aligned face of each reference, by its id
contexts/        what is around that face in the photograph; the photograph itself is not kept
events.json      what was done and decided about this person, by their number; where others were
                 compared in the same search, they are left out
sightings.json   when this person was named, and how similar the face was
findings.json    what an audit of the gallery noted about this person's references
steps.json       what reviewers did with them: how references and person were before
imports.json     files of bulk imports that were meant for this person

Embeddings are lists of numbers; "embedder" says which network made them.
"""


def export_person(gallery: Gallery, user_id: str, *, actor: Actor) -> bytes:
    """Return a ZIP of all that is held on somebody, and write down that it was asked for."""
    subject = find_user(gallery, user_id)
    key = vault.keys_of([subject.number]).get(subject.number)  # None: nothing can be opened
    buffer = BytesIO()  # no file on a disk would be sealed
    with ZipFile(buffer, "w", ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", README)
        _put(archive, "subject.json", _about(subject, key))
        _put(archive, "references.json", list(_references(archive, subject, key)))
        _put(archive, "events.json", list(_events(subject)))
        _put(archive, "sightings.json", list(_sightings(subject)))
        _put(archive, "findings.json", list(_findings(subject)))
        _put(archive, "steps.json", list(_steps(subject)))
        _put(archive, "imports.json", list(_imports(subject)))
    record("export", gallery, actor, subject=subject)
    return buffer.getvalue()


def _put(archive: ZipFile, name: str, value: Any) -> None:
    archive.writestr(name, json.dumps(value, cls=DjangoJSONEncoder, indent=1, ensure_ascii=False))


def _about(subject: Subject, key: bytes | None) -> dict[str, Any]:
    template = PersonTemplate.objects.filter(subject=subject).select_related("subject").first()
    shown = {name: getattr(subject, name) for name in ABOUT} | subject.consent
    shown |= {"gallery": subject.gallery.name, "template": None}
    if template is not None:
        opened = from_bytes(template.vector).tolist() if key else None
        about = {"embedder": template.embedder, "references": template.references}
        shown["template"] = about | {"embedding": opened}
    return shown


def _references(archive: ZipFile, subject: Subject, key: bytes | None) -> Iterator[dict[str, Any]]:
    """Yield what stands in the list of references, and put their pictures into the archive."""
    for reference in subject.references.prefetch_related("others"):
        shown = {name: getattr(reference, name) for name in MEASURED}
        if key:
            shown["embeddings"] = _embeddings(reference, key)
            _put_pictures(archive, reference, key)
        yield shown


def _embeddings(reference: Reference, key: bytes) -> dict[str, list[float]]:
    opened = {reference.embedder: reference.open_embedding(key)}
    opened |= {other.embedder: other.open(key) for other in reference.others.all()}
    return {embedder: from_bytes(raw).tolist() for embedder, raw in opened.items()}


def _put_pictures(archive: ZipFile, reference: Reference, key: bytes) -> None:
    crop = reference.open_crop(key)
    if crop is not None:
        archive.writestr(f"crops/{reference.pk}.jpg", crop)
    if reference.sealed_context is not None:
        archive.writestr(f"contexts/{reference.pk}.jpg", reference.open_context(key))


def _events(subject: Subject) -> Iterator[dict[str, Any]]:
    for event in _events_with(subject).iterator():
        shown = {name: getattr(event, name) for name in EVENT}
        yield shown | {"decision": _own(event.decision, subject.number)}


def _events_with(subject: Subject) -> QuerySet[Event]:
    """Return the events about somebody, and those of searches that came near to them.

    Every event is read for that: only its text has the numbers of who was near.
    """
    number = str(subject.number)
    text = Event.objects.annotate(text=Cast("decision", TextField()))
    return text.filter(Q(subject_number=subject.number) | Q(text__contains=number)).order_by("id")


def _own(decision: Mapping[str, Any], number: int) -> dict[str, Any]:
    """Return a decision without the other people and their faces."""
    faces = decision.get("faces")
    if not isinstance(faces, list):
        return dict(decision)
    kept = []
    for face in faces:
        own = [c for c in face.get("candidates", ()) if c["subject"] == number]
        kept += [{**face, "candidates": own}] if own else []
    return {**decision, "faces": kept}


def _sightings(subject: Subject) -> Iterator[dict[str, Any]]:
    seen = Sighting.objects.filter(subject_number=subject.number).order_by("id")
    columns = ("event_id", "time", "act", "gallery", "similarity")
    yield from (dict(zip(columns, row, strict=True)) for row in seen.values_list(*columns))


def _findings(subject: Subject) -> Iterator[dict[str, Any]]:
    """Yield what was found; who else it was about is not told."""
    own = _own_references(subject)
    found = Finding.objects.filter(Q(person=subject.number) | Q(other=subject.number))
    for finding in found.order_by("id"):
        shown = {name: getattr(finding, name) for name in ("kind", "status", "own", "near")}
        yield shown | {"references": [one for one in finding.references if one in own]}


def _own_references(subject: Subject) -> set[str]:
    return {str(pk) for pk in subject.references.values_list("pk", flat=True)}


def _steps(subject: Subject) -> Iterator[dict[str, Any]]:
    """Yield what was done to the person, or to a reference that is theirs now."""
    own, number = _own_references(subject), str(subject.number)
    for step in ReviewStep.objects.filter(gallery=subject.gallery).order_by("id"):
        moved = step.before.get("references", {})
        mine = {name: moved[name] for name in own & moved.keys()}
        active = {n: was for n, was in step.before.get("active", {}).items() if n == number}
        if mine or active:
            shown = {name: getattr(step, name) for name in ("id", "time", "actor", "act", "undone")}
            aside = {name: was_aside for name, (_, was_aside) in mine.items()}
            yield shown | {"aside_before": aside, "active_before": active.get(number)}


def _imports(subject: Subject) -> Iterator[dict[str, Any]]:
    files = ImportFile.objects.filter(batch__gallery=subject.gallery, user_id=subject.user_id)
    columns = ("path", "size", "state", "code", "detail", "reference", "finished")
    yield from files.order_by("pk").values("batch__created", *columns)
