"""A gallery on its way to another installation: a sealed file of people, under a key of its own."""

from __future__ import annotations

import base64
import secrets
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Prefetch

from recognition import runtime, vault
from recognition.consent import as_json, from_json
from recognition.errors import RecognitionError
from recognition.models import USER_ID, Gallery, GalleryChange, Reference, Subject
from recognition.sealing import new_key
from recognition.services.people import current, data_key, record
from recognition.services.receipts import refuse_suppressed
from recognition.services.results import Actor
from recognition.vault import stream

MEASURED = (
    "embedder", "box", "landmarks", "detection_probability", "quality", "source_sha256", "aside",
    "context_place",
)  # fmt: skip
PAGE = 50  # people read at once, with their pictures
ABOUT = ("user_id", "display_name", "metadata", "active")
LEFT_OUT = ("suppressed", "consent_required")  # what speaks against one person of a file alone


def export(gallery: Gallery, path: Path, actor: Actor) -> tuple[int, bytes]:
    """Write everybody in a gallery; return how many, and the key that opens the file."""
    key, identity = new_key(), f"gallery-{secrets.token_hex(16)}"
    people = _people(current(gallery))  # its embedder may be settled since
    count = stream.write_lines(path, key, identity, people)
    record("export", gallery, actor, decision={"people": count})
    return count, key


def _people(gallery: Gallery) -> Iterator[dict[str, Any]]:
    """Yield everybody with the references that are matched or were set aside by a reviewer.

    Left out is who cannot be read: whoever was erased while this went on.
    """
    owned = Reference.objects.filter(embedder=gallery.embedder).order_by("created", "pk")
    people = Subject.objects.filter(gallery=gallery).order_by("pk")
    people = people.prefetch_related(Prefetch("references", owned))
    last = 0
    while page := list(people.filter(pk__gt=last)[:PAGE]):
        keys = vault.keys_of([subject.number for subject in page])
        for subject in page:
            references, key = subject.references.all(), keys.get(subject.number)
            if key is not None or not references:
                rows = [_reference(one, key) for one in references if key is not None]
                yield {name: getattr(subject, name) for name in ABOUT} | {
                    "consent": as_json(subject.consent),
                    "references": rows,
                }
        last = page[-1].pk


def _reference(reference: Reference, key: bytes) -> dict[str, Any]:
    context = reference.open_context(key) if reference.sealed_context else None
    return {name: getattr(reference, name) for name in MEASURED} | {
        "embedding": base64.b64encode(reference.open_embedding(key)).decode(),
        "crop": _as_text(reference.open_crop(key)),
        "context": _as_text(context),
    }


def _as_text(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode()


def take(
    path: Path,
    key: bytes,
    gallery: Gallery,
    actor: Actor,
    *,
    dry_run: bool,
    consent: Mapping[str, Any] | None = None,
) -> Counter[str]:
    """Register everybody of a file in ``gallery``; who is there already is left as they are.

    ``consent``: that of new people of whom the file says none, by ``CONSENT_FIELDS``. Each person
    is a transaction of their own: begun again, it goes on where it ended. Returns counts, and of
    whom it left out under ``suppressed:<user_id>`` and ``consent_required:<user_id>``. Raises
    SealBrokenError.
    """
    counts = Counter[str]()
    for person in stream.read_lines(path, key):
        try:
            new = _take_one(gallery, person, actor, dry_run=dry_run, consent=consent or {})
        except RecognitionError as error:
            if error.code not in LEFT_OUT:
                raise
            counts[f"{error.code}:{person['user_id']}"] += 1
            continue
        counts["people"] += 1
        counts["references"] += new
    if not dry_run:
        runtime.publish()
    return counts


def _take_one(
    gallery: Gallery,
    person: dict[str, Any],
    actor: Actor,
    *,
    dry_run: bool,
    consent: Mapping[str, Any],
) -> int:
    """Store what is new of one person; return how many references that are."""
    if not USER_ID.match(person["user_id"]):
        raise RecognitionError("invalid_request", f"{person['user_id']!r} is no user_id.")
    with transaction.atomic():
        GalleryChange.lock()
        refuse_suppressed(gallery, person["user_id"])
        gallery = _settled(current(gallery), person, dry_run=dry_run)
        subject = _subject(gallery, person, consent)
        owned = (
            Reference.objects.filter(subject=subject) if subject.pk else Reference.objects.none()
        )
        known = set(owned.values_list("source_sha256", flat=True))
        new = [one for one in person["references"] if one["source_sha256"] not in known]
        if not dry_run:
            _store(subject, new, actor)
    return len(new)


def _subject(gallery: Gallery, person: dict[str, Any], consent: Mapping[str, Any]) -> Subject:
    """Return the person as they are here, or as they would be stored.

    Raises ``consent_required``.
    """
    found = Subject.objects.filter(gallery=gallery, user_id=person["user_id"]).first()
    if found is not None:
        found.demand_consent()
        return found
    subject = Subject(gallery=gallery, **{name: person[name] for name in ABOUT})
    subject.set_consent(from_json(person.get("consent", {})))
    subject.agree(consent, default=True)
    return subject


def _settled(gallery: Gallery, person: dict[str, Any], *, dry_run: bool) -> Gallery:
    """Return the gallery with the embedder of these references, or refuse another one."""
    for embedder in {one["embedder"] for one in person["references"]}:
        if embedder not in runtime.EMBEDDERS or gallery.embedder not in ("", embedder):
            raise RecognitionError(
                "invalid_request",
                f"The file holds {embedder}'s embeddings, the gallery {gallery.embedder}'s.",
                hint="Import it into another gallery.",
            )
        gallery.embedder = embedder
        if not dry_run:
            gallery.save(update_fields=["embedder"])
    return gallery


def _store(subject: Subject, new: list[dict[str, Any]], actor: Actor) -> None:
    made = subject.pk is None
    if made:
        subject.save(force_insert=True)
    key = data_key(subject)
    references = []
    for one in new:
        reference = Reference(subject=subject, **{name: one[name] for name in MEASURED})
        keeps = settings.KEEP_CROPS
        crop = base64.b64decode(one["crop"]) if keeps and one["crop"] else None
        reference.seal(base64.b64decode(one["embedding"]), crop, key)
        if keeps and one["context"]:
            reference.seal_context(base64.b64decode(one["context"]), key)
        else:
            reference.context_place = None
        references.append(reference)
    Reference.objects.bulk_create(references)
    if made or references:
        subject.make_template()
        GalleryChange.append("put", [subject])
        told = {"pictures": len(references)}
        record("import", subject.gallery, actor, subject=subject, decision=told)
