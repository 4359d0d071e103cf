"""Who is known: galleries and their users, found, altered and listed."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from functools import cache, reduce
from operator import or_
from typing import Any
from uuid import UUID, uuid4, uuid5

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from recognition import runtime, vault
from recognition.consent import CONSENT_FIELDS, as_json
from recognition.errors import RecognitionError
from recognition.models import (
    DEFAULT_GALLERY,
    GALLERY_NAME,
    USER_ID,
    ApiKey,
    Event,
    Gallery,
    GalleryChange,
    Reference,
    Sighting,
    Subject,
    SubjectQuerySet,
)
from recognition.services import audit
from recognition.services.results import Actor
from recognition.services.stamps import stamped
from recognition.vault.store import missing

EDITABLE = ("display_name", "metadata", "active", *CONSENT_FIELDS)


def find_gallery(name: str) -> Gallery:
    """Return the gallery called ``name``, or raise ``gallery_not_found``."""
    # A name that cannot exist is not asked for: PostgreSQL refuses NUL with an error of its own.
    found = (
        Gallery.objects.with_calibration().filter(name=name).first()
        if GALLERY_NAME.match(name)
        else None
    )
    if found is None:
        raise _no_gallery(name)
    return found


def current(gallery: Gallery) -> Gallery:
    """Return ``gallery`` as it is now, whatever it is called, or raise ``gallery_not_found``."""
    found = Gallery.objects.with_calibration().filter(pk=gallery.pk).first()
    if found is None:
        raise _no_gallery(gallery.name)
    return found


def _no_gallery(name: str) -> RecognitionError:
    return RecognitionError("gallery_not_found", f"There is no gallery {name[:64]!r}.")


def find_user(gallery: Gallery, user_id: str) -> Subject:
    """Return the user with ``reference_count``, or raise ``user_not_found``."""
    users = list_users(gallery).filter(user_id=user_id)
    found = users.first() if USER_ID.match(user_id) else None
    if found is None:
        raise RecognitionError(
            "user_not_found", f"No user {user_id[:128]!r} is registered in {gallery.name!r}."
        )
    return found


def view_user(gallery: Gallery, user_id: str, *, actor: Actor) -> Subject:
    """Return the user to be shown to ``actor``, and write down that they were."""
    subject = find_user(gallery, user_id)
    record("view", gallery, actor, subject=subject)
    return subject


def find_reference(subject: Subject, reference_id: str) -> Reference:
    """Return a reference of ``subject`` without its embedding, or raise ``not_found``."""
    try:
        asked = subject.references.filter(pk=UUID(reference_id))
        found = asked.defer("sealed_embedding", "sealed_context").first()
    except ValueError:  # it is no UUID, so there is none
        found = None
    if found is None:
        raise RecognitionError("not_found", f"{subject.user_id!r} has no such reference.")
    return found


def data_key(subject: Subject) -> bytes:
    """Return the key to seal a face of somebody under, made where nothing is sealed yet.

    Raises ``not_ready`` where it is gone: a second one would not open what they have.
    """
    found = vault.keys_of([subject.number])
    if not found and subject.references.exists():
        raise missing(subject.number)
    return found.get(subject.number) or vault.made_keys([subject.number])[subject.number]


def list_users(gallery: Gallery) -> SubjectQuerySet:
    """Return the users of a gallery by user_id, each with ``reference_count``."""
    return Subject.objects.filter(gallery=gallery).with_counts().order_by("user_id")


def update_user(
    gallery: Gallery, user_id: str, changes: Mapping[str, Any], *, actor: Actor
) -> Subject:
    """Change display name, metadata, consent, or whether the user may be matched.

    Raises ``invalid_request`` for a consent that ends before it was given.
    """
    with transaction.atomic():
        GalleryChange.lock()
        subject = find_user(gallery, user_id)
        subject.set_consent(changes)
        for name in EDITABLE:
            if name in changes:
                setattr(subject, name, changes[name])
        subject.save(update_fields=[*EDITABLE, "updated"])
        GalleryChange.append("put", [subject])
        told: dict[str, Any] = {"changed": [name for name in EDITABLE if name in changes]}
        # The person keeps the last state alone; when it was given and withdrawn is to be shown.
        if consent := {n: v for n, v in subject.consent.items() if n in changes}:
            told["consent"] = as_json(consent)
        record("update", gallery, actor, subject=subject, decision=told)
        transaction.on_commit(runtime.publish)
    return subject


def demand_consent(
    gallery: Gallery, user_id: str, consent: Mapping[str, Any], *, default: bool, actor: Actor
) -> None:
    """Raise ``consent_required`` where somebody may not be registered with ``consent``.

    Asked before any picture is looked at, and as ``Lawful.agree`` does, which says what
    ``default`` is.
    """
    if not (settings.CONSENT_REQUIRED or consent):
        return
    known = Subject.objects.filter(gallery=gallery, user_id=user_id).first()
    try:
        (known or Subject(gallery=gallery, user_id=user_id)).agree(consent, default=default)
    except RecognitionError as error:
        record("register", gallery, actor, subject=known, outcome=error.code)
        raise


def create_gallery(name: str, *, actor: Actor) -> Gallery:
    """Make an empty gallery; one of that name is an ``invalid_request``."""
    _check_gallery_name(name)
    token = _token_for(name)
    gallery, made = Gallery.objects.get_or_create(name=name, defaults={"token": token})
    if not made:
        raise _wrong_name(f"A gallery {name!r} exists already.")
    record("create_gallery", gallery, actor)
    return gallery


def _token_for(name: str) -> UUID:
    """Return the token of a new gallery: that of one which once had its name, if it is gone.

    Whoever was erased from that one is known by it, and is not to come back into this one.
    """
    token = uuid5(Gallery.objects.get(name=DEFAULT_GALLERY).token, name)
    return uuid4() if Gallery.objects.filter(token=token).exists() else token


def rename_gallery(name: str, new_name: str, *, actor: Actor) -> None:
    """Give a gallery another name; keys that are limited to it stay so.

    Raises ``invalid_request`` for ``default``, for a name that is taken, and for one that a key
    names: that key would gain a gallery. Events keep the name that was right in their time.
    """
    _check_gallery_name(new_name)
    with transaction.atomic():
        GalleryChange.lock()
        gallery = find_gallery(name)
        if gallery.name == DEFAULT_GALLERY:
            raise _wrong_name(f"The gallery {DEFAULT_GALLERY!r} keeps its name.")
        if Gallery.objects.filter(name=new_name).exists():
            raise _wrong_name(f"A gallery {new_name!r} exists already.")
        _rename_in_keys(gallery.name, new_name)
        Gallery.objects.filter(pk=gallery.pk).update(name=new_name)
        Sighting.objects.filter(gallery=gallery.name).update(gallery=new_name)
        old, gallery.name = gallery.name, new_name
        record("rename_gallery", gallery, actor, decision={"from": old})


def numbers_at_random(count: int) -> list[int]:
    """Return the numbers of ``count`` people with faces, taken at random: numbers are random."""
    own = Reference.objects.filter(subject=OuterRef("pk"))
    people = Subject.objects.filter(Exists(own)).order_by("number")
    numbers, begin = people.values_list("number", flat=True), secrets.randbits(63)
    some = list(numbers.filter(number__gte=begin)[:count])
    return some + list(numbers.filter(number__lt=begin)[: count - len(some)])


def events_in(gallery: Gallery) -> QuerySet[Event]:
    """Return what was done in a gallery, newest first, under every name that it has had."""
    return Event.objects.filter(reduce(or_, _named(gallery)))


def _named(gallery: Gallery) -> Iterator[Q]:
    """Yield which events are a gallery's for each of its names, the newest first.

    By the renamings: another gallery may have had the same name before, or have it since.
    """
    name, before = gallery.name, Q()
    while True:
        of_name = Q(before, gallery=name)
        own = Q(of_name, time__gte=gallery.created)
        renamed = Event.objects.filter(own, act="rename_gallery").first()
        if renamed is None:
            yield own
            return
        yield Q(of_name, pk__gte=renamed.pk)
        name, before = renamed.decision["from"], Q(pk__lt=renamed.pk)


def _rename_in_keys(old: str, new: str) -> None:
    # All are read: no database asks all kinds of JSON lists alike, and keys are few.
    for key in ApiKey.objects.all():
        if new in key.galleries:
            raise _wrong_name(f"The API key {key.prefix} names a gallery {new!r} already.")
        if old in key.galleries:
            key.galleries = [new if name == old else name for name in key.galleries]
            key.save(update_fields=["galleries"])


def _check_gallery_name(name: str) -> None:
    if not GALLERY_NAME.match(name):
        raise _wrong_name("1 to 64 characters out of a-z 0-9 - _")


def _wrong_name(sentence: str) -> RecognitionError:
    return RecognitionError("invalid_request", sentence, errors={"name": [sentence]})


def set_threshold(gallery: Gallery, threshold: float | None, *, actor: Actor) -> None:
    """Let a gallery have a threshold of its own, or with None the one by error rate again."""
    with transaction.atomic():
        Gallery.objects.filter(pk=gallery.pk).update(threshold=threshold)
        record("set_threshold", gallery, actor, decision={"threshold": threshold})


def set_targets(gallery: Gallery, *, fmr: float | None, fpir: float | None, actor: Actor) -> None:
    """Let a gallery have error rates of its own, or with None those of the settings again."""
    targets = {"target_fmr": fmr, "target_fpir": fpir}
    with transaction.atomic():
        Gallery.objects.filter(pk=gallery.pk).update(**targets)
        record("set_targets", gallery, actor, decision=targets)


def set_retention(gallery: Gallery, days: int | None, *, actor: Actor) -> None:
    """Let a gallery keep people for so many days without a match, or with None as the setting says.

    Raises ``invalid_request`` for more days than events are kept.
    """
    if days is not None and not 0 <= days <= settings.EVENTS_KEEP:
        said = f"0 to {settings.EVENTS_KEEP} days (EVENTS_KEEP): who was matched is known so long."
        raise RecognitionError("invalid_request", said, errors={"retention_unmatched_days": [said]})
    with transaction.atomic():
        Gallery.objects.filter(pk=gallery.pk).update(retention_unmatched_days=days)
        record("set_retention", gallery, actor, decision={"unmatched_days": days})


@cache  # once a day in each process
def forget_old_events(today: date) -> None:
    """Delete what is older than ``EVENTS_KEEP`` days; the sealer of a server calls this."""
    audit.cut(timezone.now() - timedelta(days=settings.EVENTS_KEEP))


def record(
    act: str,
    gallery: Gallery,
    actor: Actor,
    *,
    subject: Subject | None = None,
    outcome: str = "ok",
    decision: Mapping[str, Any] | None = None,
) -> Event:
    """Write down what was done (``Event``); people stand there by their number alone."""
    event = Event(
        actor=actor.name,
        act=act,
        gallery=gallery.name,
        subject_number=subject.number if subject else None,
        outcome=outcome,
        request_id=actor.request_id,
        decision=dict(decision or {}),
    )
    stamped(event).save(force_insert=True)
    return event


def record_act(
    act: str, actor: Actor, *, outcome: str = "ok", decision: Mapping[str, Any] | None = None
) -> Event:
    """Write down what was done outside of any gallery: to keys, settings, accounts."""
    event = Event(
        actor=actor.name,
        act=act,
        outcome=outcome,
        request_id=actor.request_id,
        decision=dict(decision or {}),
    )
    stamped(event).save(force_insert=True)
    return event


def record_all(act: str, subjects: Iterable[Subject], actor: Actor) -> None:
    """Write down what was done to many people, who come with their galleries."""
    events = (
        Event(
            actor=actor.name,
            act=act,
            gallery=subject.gallery.name,
            subject_number=subject.number,
            outcome="ok",
            request_id=actor.request_id,
        )
        for subject in subjects
    )
    Event.objects.bulk_create(map(stamped, events), batch_size=1000)
