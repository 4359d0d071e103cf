"""Registering: pictures of one person become references, and the references one template."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from io import BytesIO
from typing import Any
from uuid import uuid4

import numpy as np
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from PIL import Image

from recognition import findings, metrics, runtime
from recognition.consent import as_json
from recognition.decisions import Policy
from recognition.errors import RecognitionError
from recognition.gallery.milvus import EngineUnavailable
from recognition.models import (
    USER_ID,
    USER_ID_RULE,
    Gallery,
    GalleryChange,
    Reference,
    Subject,
    to_bytes,
)
from recognition.pipeline.context import Place, context_of
from recognition.pipeline.types import LANDMARKS, Face, Floats
from recognition.services.erasure import erase_bytes
from recognition.services.looking import View, chosen, look, refuse
from recognition.services.naming import named
from recognition.services.people import current, data_key, demand_consent, record
from recognition.services.receipts import lift, refuse_suppressed
from recognition.services.renewing import face_of, renew
from recognition.services.results import (
    Accepted,
    Actor,
    Match,
    Registration,
    Rejected,
    Selection,
    Upload,
)

CROP_QUALITY = 90  # JPEG; the crop is shown to people, embeddings are never made from it
RIVAL_AREA = 0.5  # another face of more than half the area is a second person, not a passer-by
DUPLICATES_SHOWN = 5


@dataclass(frozen=True, slots=True)
class RegisterOptions:
    """How to register. ``on_duplicate``: ``flag`` or ``reject`` a face known under another id.

    ``bulk``: whoever was erased is refused (``suppressed``) and not registered again.
    ``consent``: values of ``CONSENT_FIELDS``; with ``bulk`` for those who have none.
    """

    display_name: str | None = None
    metadata: dict[str, Any] | None = None
    replace: bool = False
    dry_run: bool = False
    on_duplicate: str = "flag"
    bulk: bool = False
    consent: Mapping[str, Any] = field(default_factory=dict)
    selection: Selection = Selection()


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """Whom the pictures are of, where, and what embeds them."""

    gallery: Gallery
    user_id: str
    embedder: str


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """One picture that may become a reference; ``reference_id`` where it is one already."""

    index: int
    upload: Upload
    sha256: str
    face: Face
    reference_id: str = ""
    context: tuple[bytes, Place] | None = None


def register(
    gallery: Gallery,
    user_id: str,
    uploads: Sequence[Upload],
    options: RegisterOptions,
    actor: Actor,
) -> Registration:
    """Store a reference for each usable picture of one person.

    A picture that this user has already is answered with its reference; nothing is added. Raises
    the refusals' own code when no picture is usable, ``duplicate_face`` where ``reject`` is asked.
    """
    if not USER_ID.match(user_id):
        errors = {"user_id": [f"It must be {USER_ID_RULE}."]}
        raise RecognitionError("invalid_request", f"user_id must be {USER_ID_RULE}.", errors=errors)
    if options.bulk:
        refuse_suppressed(gallery, user_id)
    demand_consent(gallery, user_id, options.consent, default=options.bulk, actor=actor)
    embedder = runtime.embedder_of(gallery)
    target = Target(gallery, user_id, embedder)
    sightings, rejected = _look_at_all(target, uploads, options.selection)
    if not sightings:
        error = _no_usable(rejected)
        record("register", gallery, actor, outcome=error.code)
        raise error
    if options.dry_run:
        accepted, duplicates = _rehearse(target, sightings, options)
    else:
        try:
            accepted, duplicates = _store(target, sightings, options, actor)
        except RecognitionError as error:
            record("register", gallery, actor, outcome=error.code)
            raise
    total, known = _owned(target).count(), duplicates is not None
    return Registration(
        user_id, accepted, rejected, duplicates or [], total, embedder, options.dry_run, known
    )


def _look_at_all(
    target: Target, uploads: Sequence[Upload], selection: Selection
) -> tuple[list[Sighting], list[Rejected]]:
    hashes = [hashlib.sha256(upload.data).hexdigest() for upload in uploads]
    owned = _owned(target).filter(source_sha256__in=hashes)
    owned = owned.defer("sealed_embedding", "sealed_crop", "sealed_context")
    known = {old.source_sha256: old for old in owned}
    sightings: list[Sighting] = []
    rejected: list[Rejected] = []
    for index, (upload, sha256) in enumerate(zip(uploads, hashes, strict=True)):
        try:
            old = known.get(sha256)
            name = str(old.pk) if old else ""
            if old and old.embedder == target.embedder:
                sightings.append(Sighting(index, upload, sha256, face_of(old), name))
            else:  # also what an embedder of before made: it is made anew
                face, context = _registrable(upload, target.embedder, selection)
                sightings.append(Sighting(index, upload, sha256, face, name, context))
        except RecognitionError as error:
            if error.problem.status >= 500:
                raise
            rejected.append(Rejected(index, upload.name, error))
    return sightings, rejected


def _owned(target: Target) -> QuerySet[Reference]:
    """Return the references that the user has now."""
    return Reference.objects.filter(
        subject__gallery=target.gallery, subject__user_id=target.user_id
    )


def _registrable(
    upload: Upload, embedder: str, selection: Selection
) -> tuple[Face, tuple[bytes, Place] | None]:
    """Return the embedded face of a picture that is good enough to be a reference.

    Also returns what is around it, to be kept for other embedders, where crops are kept.
    """
    view = look(upload, embedder, selection)
    seen = chosen(view, selection)
    metrics.seen("register", asdict(seen.face.quality))
    refuse(view.faults(seen.face))
    if selection.face is None and selection.box is None:
        _refuse_rivals(view, seen.face)
    context = context_of(view.picture, seen.face.detection) if settings.KEEP_CROPS else None
    return view.embed([seen.face])[0], context


def _refuse_rivals(view: View, face: Face) -> None:
    others = [other for other in view.faces if other is not face and not view.too_small(other)]
    rivals = [other for other in others if other.box.area > RIVAL_AREA * face.box.area]
    if rivals:
        raise RecognitionError(
            "multiple_faces",
            f"{len(rivals) + 1} faces of similar size were found.",
            measured=len(rivals) + 1,
            limit=1,
        )


def _no_usable(rejected: list[Rejected]) -> RecognitionError:
    """Return one error for all refusals: the first about a face, else simply the first."""
    errors = [r.error for r in rejected]
    first = next((e for e in errors if e.problem.status == 422), errors[0])
    return RecognitionError(
        first.code,
        first.detail if len(errors) == 1 else "None of the pictures can be used.",
        hint=first.hint,
        measured=first.measured,
        limit=first.limit,
        errors=first.errors,
        extra={**first.extra, "rejected": [refusal(r) for r in rejected]},
    )


def refusal(rejected: Rejected) -> dict[str, Any]:
    """Return a refused picture as the API shows it."""
    error = rejected.error
    shown = {
        "index": rejected.index,
        "filename": rejected.filename,
        "code": error.code,
        "detail": error.detail,
        "measured": error.measured,
        "limit": error.limit,
        "hint": error.hint,
    }
    return shown | {key: error.extra[key] for key in ("reasons",) if key in error.extra}


def _duplicates(
    target: Target, sightings: list[Sighting], options: RegisterOptions
) -> list[Match] | None:
    """Return people of other ids whom the new faces would be taken for, most similar first.

    None where the engine cannot be asked and nobody is to be rejected: a person can be registered
    without it. Raises ``duplicate_face`` where ``reject`` is asked and there is one.
    """
    new = [s.face.embedding for s in sightings if s.face.embedding is not None]
    try:
        duplicates = _alike(target, np.stack(new)) if new else []
    except EngineUnavailable:
        if options.on_duplicate == "reject":
            raise
        return None
    if duplicates and options.on_duplicate == "reject":
        raise _duplicate_face(duplicates)
    return duplicates


def _alike(target: Target, embeddings: Floats) -> list[Match]:
    index = runtime.index(target.gallery)
    policy = Policy.for_identify(target.embedder, people=len(index), gallery=target.gallery)
    best: dict[int, float] = {}
    found = index.search(embeddings, limit=DUPLICATES_SHOWN + 1, floor=policy.threshold)
    for candidates in found:
        for c in candidates:
            if policy.accepts(c.similarity):
                best[c.subject_number] = max(c.similarity, best.get(c.subject_number, -1.0))
    people = [m for m in named(target.gallery, best, policy) if m.user_id != target.user_id]
    return sorted(people, key=lambda m: -m.similarity)[:DUPLICATES_SHOWN]


def _duplicate_face(duplicates: list[Match]) -> RecognitionError:
    shown = [{"user_id": m.user_id, "similarity": m.similarity} for m in duplicates]
    return RecognitionError(
        "duplicate_face",
        f"This face looks like {duplicates[0].user_id!r}, who is registered already.",
        measured=duplicates[0].similarity,
        extra={"possible_duplicates": shown},
    )


def _rehearse(
    target: Target, sightings: list[Sighting], options: RegisterOptions
) -> tuple[list[Accepted], list[Match] | None]:
    duplicates = _duplicates(target, sightings, options)
    accepted = [
        Accepted(s.index, s.upload.name, s.reference_id, s.face, new=not s.reference_id)
        for s in sightings
    ]
    return accepted, duplicates


def _store(
    target: Target, sightings: list[Sighting], options: RegisterOptions, actor: Actor
) -> tuple[list[Accepted], list[Match] | None]:
    if runtime.engine() is None:
        runtime.index(target.gallery)  # if it must be loaded first, no other writer waits for that
    with transaction.atomic():
        GalleryChange.lock()
        if options.bulk:  # asked again: they may have been erased since the pictures came
            refuse_suppressed(target.gallery, target.user_id)
        gallery = _claimed(target.gallery, target.embedder)
        _require_known(target, sightings)
        # Under the lock: of two requests with one face, the second sees the first.
        duplicates = _duplicates(target, sightings, options)
        subject = _subject(gallery, target.user_id, options)
        accepted = _references(subject, target.embedder, sightings)
        if options.replace:
            replaced = _owned(target).exclude(pk__in=[a.reference_id for a in accepted])
            findings.forget(references=map(str, replaced.values_list("pk", flat=True)))
            erase_bytes(replaced)
        subject.make_template()
        GalleryChange.append("put", [subject])
        if not options.bulk:
            lift(gallery, target.user_id)
        told: dict[str, Any] = {"pictures": len(accepted)}
        told |= {"consent": as_json(subject.consent)} if options.consent else {}
        record("register", gallery, actor, subject=subject, decision=told)
        transaction.on_commit(runtime.publish)
    return accepted, duplicates


def _require_known(target: Target, sightings: list[Sighting]) -> None:
    """Raise where a picture that was known when it came has been erased since."""
    known = {s.reference_id for s in sightings if s.reference_id}
    if known and _owned(target).filter(pk__in=known).count() < len(known):
        raise _changed_meanwhile("The person was just erased, or a reference of theirs.")


def _changed_meanwhile(detail: str) -> RecognitionError:
    return RecognitionError("not_ready", detail, hint="Send the request again.")


def _claimed(gallery: Gallery, embedder: str) -> Gallery:
    """Return the gallery as it is now, its embedder settled.

    Another process may have settled on another one since the faces were embedded: then nothing
    is stored, and the request may simply be sent again.
    """
    gallery = current(gallery)
    if gallery.embedder not in ("", embedder):
        raise _changed_meanwhile(
            f"The gallery {gallery.name!r} has just got the embedder {gallery.embedder}."
        )
    if not gallery.embedder:
        gallery.embedder = embedder
        gallery.save(update_fields=["embedder"])
    return gallery


def _subject(gallery: Gallery, user_id: str, options: RegisterOptions) -> Subject:
    subject, _ = Subject.objects.get_or_create(gallery=gallery, user_id=user_id)
    if options.display_name is not None:
        subject.display_name = options.display_name
    if options.metadata is not None:
        subject.metadata = options.metadata
    subject.agree(options.consent, default=options.bulk)
    subject.save()
    return subject


def _references(subject: Subject, embedder: str, sightings: list[Sighting]) -> list[Accepted]:
    """Store a reference for each picture that the subject has none of by now."""
    old = Reference.objects.filter(subject=subject, source_sha256__in=[s.sha256 for s in sightings])
    ids = {sha256: str(pk) for pk, sha256 in old.values_list("pk", "source_sha256")}
    stale = {str(pk) for pk in old.exclude(embedder=embedder).values_list("pk", flat=True)}
    new: dict[str, Reference] = {}
    key = data_key(subject)
    accepted = []
    for sighting in sightings:
        face, sha256 = sighting.face, sighting.sha256
        is_new = sha256 not in ids and face.embedding is not None
        if is_new:
            new[sha256] = _reference(subject, embedder, sighting, key)
            ids[sha256] = str(new[sha256].pk)
        elif sighting.reference_id in stale and face.embedding is not None:
            renew(_reference(subject, embedder, sighting, key))
        reference_id = ids.get(sha256, sighting.reference_id)
        accepted.append(Accepted(sighting.index, sighting.upload.name, reference_id, face, is_new))
    Reference.objects.bulk_create(new.values())
    return accepted


def _reference(subject: Subject, embedder: str, sighting: Sighting, key: bytes) -> Reference:
    """Return the reference of a picture, not stored yet; ``key``: the subject's data key."""
    face = sighting.face
    assert face.embedding is not None  # noqa: S101  # embed() made it; for mypy
    reference = Reference(
        pk=sighting.reference_id or uuid4(),
        subject=subject,
        source_sha256=sighting.sha256,
        embedder=embedder,
        box=asdict(face.box),
        landmarks=dict(zip(LANDMARKS, face.detection.landmarks.tolist(), strict=True)),
        detection_probability=face.detection.probability,
        quality=asdict(face.quality),
        context_place=asdict(sighting.context[1]) if sighting.context else None,
    )
    crop = crop_jpeg(face) if settings.KEEP_CROPS else None
    reference.seal(to_bytes(face.embedding), crop, key)
    if sighting.context:
        reference.seal_context(sighting.context[0], key)
    return reference


def crop_jpeg(face: Face) -> bytes | None:
    """Return the aligned crop as JPEG, None for a face without one."""
    if face.crop is None:
        return None
    buffer = BytesIO()
    Image.fromarray(face.crop).save(buffer, "JPEG", quality=CROP_QUALITY)
    return buffer.getvalue()
