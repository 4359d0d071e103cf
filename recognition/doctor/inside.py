"""What Facesite brings along and keeps running: networks, calibrations, worker, settings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.core.checks import ERROR, WARNING, CheckMessage, run_checks
from django.db.models import Count, Max
from django.utils import timezone

from recognition import runtime
from recognition.decisions import Policy
from recognition.doctor.verdict import Verdict, fault, ok, warning
from recognition.errors import RecognitionError
from recognition.import_models import Import, Worker
from recognition.models import (
    DEFAULT_GALLERY,
    Erasure,
    Event,
    Gallery,
    PersonTemplate,
    StoredCalibration,
    Subject,
)
from recognition.networks.catalogue import MTCNN

A_YEAR = timedelta(days=365)  # faces change, and cameras are exchanged; measuring takes minutes
# HSTS, redirection to https, secure cookies.
ABOUT_HTTPS = {"security.W004", "security.W008", "security.W012", "security.W016"}
SOON = timedelta(minutes=1)  # in which events are chained and erasures finished


def networks() -> Iterator[Verdict]:
    """Read every network that is used, and compare it with the SHA-256 of its manifest."""
    used = set(Gallery.objects.exclude(embedder="").values_list("embedder", flat=True))
    names = [*MTCNN, *sorted(used | {runtime.default_embedder()})]
    broken = 0
    for name in names:
        try:
            runtime.store().find(name)
        except RecognitionError as error:
            broken += 1
            yield fault("networks", error.detail, error.hint)
    if not broken:
        yield ok("networks", f"{', '.join(names)}: as they were converted.")


def calibrations() -> Iterator[Verdict]:
    """Say where what was measured does not bear what is decided by it."""
    found = [*_too_small(), *_too_old()]
    yield from found
    if not found:
        yield ok("calibrations", "They are recent, and reach as far as the galleries are large.")


def _too_small() -> Iterator[Verdict]:
    counts = dict(Subject.objects.order_by().values_list("gallery").annotate(Count("pk")))
    for gallery in Gallery.objects.with_calibration():
        people = counts.get(gallery.pk, 0)
        if not people and gallery.name != DEFAULT_GALLERY:
            continue
        embedder = runtime.embedder_of(gallery)
        policy = Policy.for_identify(embedder, people=people, gallery=gallery)
        templates = PersonTemplate.objects.filter(subject__gallery=gallery)
        most = templates.aggregate(most=Max("references"))["most"]
        if said := policy.among([most or 1]).warning():
            remedy = "Measure your own photographs (`manage.py evaluate`): docs/accuracy.md."
            yield warning("calibrations", f"Gallery {gallery.name!r}: {said}", remedy)


def _too_old() -> Iterator[Verdict]:
    before = timezone.now() - A_YEAR
    for old in StoredCalibration.objects.filter(active=True, created__lt=before):
        said = f"{old} was measured on {old.created:%Y-%m-%d}: people have aged since."
        remedy = "Measure again (`manage.py evaluate`): docs/accuracy.md."
        yield warning("calibrations", said, remedy)


def worker() -> Iterator[Verdict]:
    alive = Worker.objects.alive().count()
    open_states = (Import.WAITING, Import.RUNNING)
    waiting = Import.objects.filter(state__in=open_states).count()
    if alive:
        yield ok("import worker", f"{alive} alive, {waiting} imports to do.")
        return
    said = f"None gives a sign of life; {waiting} imports wait."
    remedy = "Start the service (IMPORT_WORKER=yes) or `manage.py worker`."
    yield (fault if waiting else warning)("import worker", said, remedy)


def erasures() -> Iterator[Verdict]:
    late = Erasure.objects.filter(finished=False, time__lt=timezone.now() - SOON).count()
    if late:
        said = f"{late} erasures were not finished: keys of erased people may be left."
        yield fault("erasures", said, "Run `manage.py erasure_check --mend`.")
    else:
        yield ok("erasures", "All are finished.")


def events() -> Iterator[Verdict]:
    late = Event.objects.filter(position=None, time__lt=timezone.now() - SOON).count()
    if late:
        said = f"{late} events are not in the audit chain, though older than a minute."
        remedy = "Start the service, which chains them, or run `manage.py verify_audit`."
        yield warning("events", said, remedy)
    else:
        yield ok("events", "All are in the audit chain; `manage.py verify_audit` checks it.")


def settings_as_deployed() -> Iterator[Verdict]:
    """Make Django's own checks and ours, those for a service that others reach as well."""
    found = [message for message in run_checks(include_deployment_checks=True) if _counts(message)]
    if plain := [str(message.id) for message in found if message.id in ABOUT_HTTPS]:
        yield _without_https(plain)
    for message in found:
        if message.id in ABOUT_HTTPS:
            continue
        said = f"{message.id}: {' '.join(message.msg.split())}"
        remedy = " ".join((message.hint or "").split()) or "See that setting in .env.example."
        yield (fault if message.level >= ERROR else warning)("settings", said, remedy)
    if not found:
        yield ok("settings", "Nothing is said against them (`manage.py check --deploy`).")


def _without_https(ids: list[str]) -> Verdict:
    """Say once, for all of Django's checks, what it costs."""
    said = "Without https passwords, keys and photographs can be read on a network"
    said += f" ({', '.join(ids)})."
    if settings.HOST in settings.LOCAL_NAMES:
        said += " HOST is of this machine alone, so that nothing crosses one yet."
    remedy = "Set TLS=1, or FACESITE_HTTPS=yes behind a proxy that ends https."
    return warning("settings", said, remedy)


def _counts(message: CheckMessage) -> bool:
    return message.level >= WARNING and message.id not in settings.SILENCED_SYSTEM_CHECKS
