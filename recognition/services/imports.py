"""Imports as the console sees them: begun, filled by a browser bit by bit, handed to a worker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Count, QuerySet, Sum
from django.utils import timezone

from recognition.consent import as_json
from recognition.errors import RecognitionError
from recognition.import_models import (
    SLICE_LIMIT,
    UNNAMED,
    Import,
    ImportFile,
    ImportSlice,
    Worker,
)
from recognition.models import Gallery, Subject, in_parts
from recognition.services import archive, waiting
from recognition.services.erasure import erase_bytes
from recognition.services.folders import shown
from recognition.services.manifest import Entry, Manifest
from recognition.services.people import record
from recognition.services.results import Actor
from recognition.worker import enqueue

RECENT = 20  # files, by whose times the remaining time is reckoned
ROWS = 500  # of a report, read at once


def find(import_id: UUID) -> Import:
    """Return an import, or raise ``not_found``."""
    found = Import.objects.select_related("gallery").filter(pk=import_id).first()
    if found is None:
        raise RecognitionError("not_found", "There is no such import.")
    return found


def begin_folder(
    gallery: Gallery,
    name: str,
    entries: Sequence[Entry],
    actor: Actor,
    *,
    consent: Mapping[str, Any] | None = None,
) -> Import:
    """Begin an import of files that will be sent one by one; ``entries`` lists all of them.

    ``consent``: that of people who have no lawful basis yet, by ``CONSENT_FIELDS``.
    """
    size = sum(entry.size for entry in entries)
    with transaction.atomic():
        batch = _begun(gallery, name, Import.FOLDER, size, actor)
        _say(batch, consent)
        _list(batch, entries)
        waiting.make_key(batch)
    return batch


def begin_zip(
    gallery: Gallery,
    name: str,
    size: int,
    actor: Actor,
    *,
    consent: Mapping[str, Any] | None = None,
) -> Import:
    """Begin an import of a ZIP of ``size`` bytes, which will be sent in slices.

    ``consent``: as ``begin_folder`` takes it.
    """
    if size == 0:
        raise RecognitionError("invalid_request", "The file is empty.", hint="Choose another one.")
    with transaction.atomic():
        batch = _begun(gallery, name, Import.ZIP, size, actor)
        _say(batch, consent)
        waiting.make_key(batch)
    return batch


def _say(batch: Import, consent: Mapping[str, Any] | None) -> None:
    if consent:
        batch.consent = as_json(consent)
        batch.save(update_fields=["consent"])


def _begun(gallery: Gallery, name: str, kind: str, size: int, actor: Actor) -> Import:
    if size > settings.MAX_IMPORT_BYTES:
        raise RecognitionError(
            "image_too_large",
            f"These are {size:,} bytes; an import may have {settings.MAX_IMPORT_BYTES:,}.",
            hint="Import a part at a time, or use `manage.py register_folder`.",
            measured=size,
            limit=settings.MAX_IMPORT_BYTES,
        )
    batch = Import(gallery=gallery, actor=actor.name, kind=kind, size=size)
    batch.name = shown(name)[:200] or UNNAMED
    batch.save(force_insert=True)
    return batch


def _list(batch: Import, entries: Sequence[Entry]) -> None:
    """Store a row for each file. Raises ``invalid_request`` where there are none, or too many."""
    files = sum(not entry.is_folder for entry in entries)
    if not files:
        raise RecognitionError("invalid_request", "It holds no files.", hint="Choose another one.")
    if files > settings.MAX_IMPORT_FILES:
        raise RecognitionError(
            "invalid_request",
            f"These are {files:,} files; an import may have {settings.MAX_IMPORT_FILES:,}.",
            hint="Import a part at a time, or use `manage.py register_folder`.",
        )
    ImportFile.objects.bulk_create(Manifest(batch, entries).rows(), batch_size=ROWS)


def receive_files(batch: Import, files: Mapping[int, bytes]) -> None:
    """Keep files, by their places in the list; those that are there already stay as they are."""
    with transaction.atomic():
        _touch(batch)
        for place, data in files.items():
            awaited = batch.files.filter(place=place, state=ImportFile.AWAITED)
            # The import was taken for its announced size.
            fits, sealed = awaited.filter(size__gte=len(data)), batch.seal("file", place, data)
            fits.update(data=sealed, size=len(data), state=ImportFile.READY)
            awaited.update(
                state=ImportFile.REFUSED,
                code="invalid_request",
                detail="The file grew while it was sent.",
                hint="Send it again in another import.",
            )


def receive_slice(batch: Import, offset: int, data: bytes) -> int:
    """Keep the slice of a ZIP that begins at ``offset``; return how many bytes are there.

    One that does not follow the last is not kept: the browser goes on from what is returned.
    """
    if not data or len(data) > SLICE_LIMIT or offset + len(data) > batch.size:
        raise RecognitionError("invalid_request", "This is no slice of the file.")
    with transaction.atomic():
        _touch(batch)
        follows = Import.objects.filter(pk=batch.pk, received=offset)
        if follows.update(received=offset + len(data)):
            piece = ImportSlice(batch=batch, offset=offset)
            piece.seal(data)
            piece.save(force_insert=True)
    return Import.objects.values_list("received", flat=True).get(pk=batch.pk)


def _touch(batch: Import) -> None:
    """Say that something happens to an upload. Raises ``import_closed`` where it is over."""
    uploading = Import.objects.filter(pk=batch.pk, state=Import.UPLOADING)
    if not uploading.update(changed=timezone.now()):
        raise RecognitionError("import_closed", "The upload is over: nothing more is taken.")


def complete(batch: Import, actor: Actor) -> None:
    """Hand an import over to a worker. Files that were not sent are left out.

    Raises ``invalid_request`` where a ZIP is not there as a whole, or is none; then it stays as it
    is.
    """
    with transaction.atomic():
        _touch(batch)
        if batch.kind == Import.ZIP:
            _list_zip(batch)
        else:
            _leave_out(batch.files.filter(state=ImportFile.AWAITED), "not_sent", "It was not sent.")
        Import.objects.filter(pk=batch.pk).update(state=Import.WAITING)
        record("import", batch.gallery, actor, outcome="begun", decision=_numbers(batch))
        enqueue(batch.pk)


def _list_zip(batch: Import) -> None:
    batch.refresh_from_db(fields=["received"])
    if batch.received < batch.size:
        raise RecognitionError(
            "invalid_request",
            f"{batch.received:,} of {batch.size:,} bytes have arrived.",
            hint="Go on with the upload.",
        )
    with archive.opened(batch) as file:
        _list(batch, archive.entries(file))
    unpacked = batch.files.filter(state=ImportFile.AWAITED).aggregate(all=Sum("size"))["all"] or 0
    if unpacked > settings.MAX_IMPORT_BYTES:
        said = f"Unpacked it has {unpacked:,} bytes; {settings.MAX_IMPORT_BYTES:,} are allowed."
        raise RecognitionError("image_too_large", said, hint="Pack a part at a time.")


def _leave_out(files: QuerySet[ImportFile], code: str, detail: str) -> None:
    files.update(state=ImportFile.LEFT, code=code, detail=detail, data=None)


def _numbers(batch: Import) -> dict[str, Any]:
    return {"import": str(batch.pk), "files": dict(batch.counts())}


def cancel(batch: Import, actor: Actor) -> None:
    """End an import; what is registered stays. A worker ends it after the file it is at."""
    with transaction.atomic():
        Import.objects.filter(pk=batch.pk).update(cancelled=True)
        batch = Import.objects.select_for_update().select_related("gallery").get(pk=batch.pk)
        if batch.is_over:
            raise RecognitionError("import_closed", "The import is over already.")
        if not Worker.objects.alive().filter(pk=batch.worker_id).exists():
            finish(batch, Import.CANCELLED, actor)


def finish(batch: Import, state: str, actor: Actor) -> None:
    """End an import as ``state``, and erase what is left of its files."""
    with transaction.atomic():
        left = batch.files.filter(state__in=ImportFile.OPEN)
        _leave_out(left, "cancelled", "The import was cancelled before this file.")
        erase_bytes(batch.slices.all())  # and what the write-ahead log holds of files
        now = timezone.now()
        Import.objects.filter(pk=batch.pk).update(
            state=state, finished=now, changed=now, worker=None, trouble=""
        )
        record("import", batch.gallery, actor, outcome=state, decision=_numbers(batch))
        transaction.on_commit(waiting.destroy_unused_keys)


def discard(batch: Import, actor: Actor) -> None:
    """Erase an upload, or an import that is over with its report. Nobody is unregistered."""
    with transaction.atomic():
        under_way = [Import.WAITING, Import.RUNNING]
        gone = Import.objects.filter(pk=batch.pk).exclude(state__in=under_way)
        if not gone.exists():
            raise RecognitionError(
                "import_closed", "The import is under way.", hint="Cancel it first."
            )
        record("import", batch.gallery, actor, outcome="discarded", decision=_numbers(batch))
        erase_bytes(gone)
        transaction.on_commit(waiting.destroy_unused_keys)


def progress(batch: Import) -> dict[str, Any]:
    """Return how far an import has come, as the page asks for it every second."""
    tally = _tally(batch.counts())
    return {
        "state": batch.state,
        "cancelled": batch.cancelled,
        **tally,
        "size": batch.size,
        "received": batch.received,
        "seconds_left": _seconds_left(batch, tally["total"] - tally["done"]),
        "trouble": batch.trouble,
        "worker": Worker.objects.alive().exists(),
    }


def tallies(batches: Sequence[Import]) -> list[dict[str, Any]]:
    """Return how many files of each import are done, and in which state: one query for all."""
    counts: dict[UUID, Counter[str]] = {batch.pk: Counter() for batch in batches}
    rows = ImportFile.objects.filter(batch__in=counts).order_by().values_list("batch", "state")
    for batch, state, count in rows.annotate(Count("pk")):
        counts[batch][state] = count
    return [_tally(found) for found in counts.values()]


def _tally(counts: Counter[str]) -> dict[str, Any]:
    total, open_ = counts.total(), sum(counts[state] for state in ImportFile.OPEN)
    by_state = {state: counts[state] for state, _ in ImportFile.STATES}
    return {"counts": by_state, "total": total, "done": total - open_}


def _seconds_left(batch: Import, files: int) -> int | None:
    """Return how long the rest takes at the pace of the last files, None where that is unknown."""
    if batch.state != Import.RUNNING:
        return None
    ends = batch.files.filter(finished__isnull=False).order_by("-finished")
    times: list[datetime] = [t for t in ends.values_list("finished", flat=True)[:RECENT] if t]
    if len(times) < 2:
        return None
    pace = (times[0] - times[-1]).total_seconds() / (len(times) - 1)
    return round(files * pace)


def awaited(batch: Import) -> dict[int, str]:
    """Return the paths of the files that are still to be sent, by their places in the list."""
    return dict(batch.files.filter(state=ImportFile.AWAITED).values_list("place", "path"))


def report(batch: Import) -> Iterator[tuple[ImportFile, list[tuple[str, float]]]]:
    """Yield each file, without its bytes, and whom else its face looks like: user_id, similarity.

    Somebody who was erased since is called so.
    """
    files = batch.files.defer("data").order_by("place")
    last = -1
    while rows := list(files.filter(place__gt=last)[:ROWS]):
        yield from with_alike(rows)
        last = rows[-1].place


def with_alike(files: Sequence[ImportFile]) -> Iterator[tuple[ImportFile, list[tuple[str, float]]]]:
    """Yield files with the user_ids of whom their faces look like."""
    numbers = {number for file in files for number, _ in file.alike}
    names: dict[int, str] = {}
    for part in in_parts(numbers):
        people = Subject.objects.filter(number__in=part)
        names.update(people.values_list("number", "user_id"))
    for file in files:
        yield file, [(names.get(number, "(erased)"), alike) for number, alike in file.alike]
