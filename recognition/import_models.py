"""What the database holds of imports: many files of many people, registered by a worker.

The files lie in the database and not on a disk: with it they are protected and erased, and a worker
on another machine finds them. They are sealed (services/waiting.py), and each goes as soon as it is
registered or refused.
"""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import date, timedelta
from typing import ClassVar

from django.db import models
from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from recognition import vault
from recognition.sealing import label, seal, unseal

SLICE_LIMIT = 8 * 2**20  # bytes of a ZIP in one request, and in one row
BEAT = 3.0  # seconds between two signs of life of a worker
# A worker that gave no sign for so long is gone, and what it did is another one's.
GONE_AFTER = timedelta(seconds=15)
UNNAMED = "files"  # what an import is called that has no name, or no more


def key_number(import_id: uuid.UUID) -> int:
    """Return the number of an import's key in the key store: below 0, where nobody else's is."""
    return -1 - (import_id.int >> 66)


def part_label(import_id: uuid.UUID, part: str, place: int) -> bytes:
    """Return what a sealed file (``part``: file) or slice of a ZIP is bound to."""
    return label("import", import_id, part, place)


class WorkerQuerySet(QuerySet["Worker"]):
    def gone(self) -> WorkerQuerySet:
        return self.filter(seen__lt=timezone.now() - GONE_AFTER)

    def alive(self) -> WorkerQuerySet:
        return self.filter(seen__gte=timezone.now() - GONE_AFTER)


class Worker(models.Model):
    """A process that runs imports (``manage.py worker``), and when it was last heard of."""

    id = models.CharField(primary_key=True, max_length=64)
    seen = models.DateTimeField(default=timezone.now)

    objects = WorkerQuerySet.as_manager()

    def __str__(self) -> str:
        return self.id


class DailyJobQuerySet(QuerySet["DailyJob"]):
    def claim(self, name: str, day: date, worker_id: str) -> bool:
        """Say whether this worker is to do what is done once on ``day``.

        So is whoever asks when the worker that began it is gone.
        """
        self.get_or_create(name=name)
        free = Q(day=None) | ~Q(day=day) | Q(finished=False, worker=None)
        begun = self.filter(free, name=name)
        return bool(begun.update(day=day, worker=worker_id, finished=False))

    def end(self, name: str, worker_id: str) -> None:
        """Say that it is done for this day."""
        self.filter(name=name, worker=worker_id).update(finished=True, worker=None)


class DailyJob(models.Model):
    """What one worker of all does once a day: which day it was done last, and by whom."""

    name = models.CharField(primary_key=True, max_length=32)
    day = models.DateField(null=True)
    finished = models.BooleanField(default=True)
    worker = models.ForeignKey(Worker, null=True, on_delete=models.SET_NULL)

    objects = DailyJobQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.name} on {self.day}"


class ImportQuerySet(QuerySet["Import"]):
    def orphaned(self, worker_id: str) -> ImportQuerySet:
        """Return what nobody works on, though it was begun; asked by a worker that has no work.

        Imports that wait for long, too: the task that should begin them was taken by a worker
        which died just then, or the service was not ready.
        """
        nobodys = Q(worker=None) | Q(worker=worker_id) | Q(worker__in=Worker.objects.gone())
        late = Q(state=Import.WAITING, changed__lt=timezone.now() - GONE_AFTER)
        return self.filter(Q(state=Import.RUNNING) & nobodys | late)


class Import(models.Model):
    """Files to be registered, from a folder or a ZIP, and how far that has come.

    ``changed`` is when it last changed its state or more of it arrived. ``received`` counts bytes
    of a ZIP. ``trouble`` says why nothing goes on although somebody works on it.
    """

    UPLOADING, WAITING, RUNNING = "uploading", "waiting", "running"
    CANCELLED, DONE = "cancelled", "done"
    STATES: ClassVar = [
        (UPLOADING, _("being uploaded")),
        (WAITING, _("waiting")),
        (RUNNING, _("running")),
        (CANCELLED, _("cancelled")),
        (DONE, _("done")),
    ]
    OVER = (CANCELLED, DONE)
    FOLDER, ZIP = "folder", "zip"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    gallery = models.ForeignKey(
        "recognition.Gallery", on_delete=models.CASCADE, related_name="imports"
    )
    actor = models.CharField(max_length=160)
    kind = models.CharField(max_length=6, choices=[(FOLDER, _("folder")), (ZIP, _("ZIP"))])
    name = models.CharField(max_length=200)
    size = models.BigIntegerField()  # bytes, as announced
    received = models.BigIntegerField(default=0)
    state = models.CharField(max_length=9, choices=STATES, default=UPLOADING)
    cancelled = models.BooleanField(default=False)
    worker = models.ForeignKey(Worker, null=True, on_delete=models.SET_NULL)
    trouble = models.TextField(blank=True)
    # What is said of people who have no lawful basis yet (recognition/consent.py).
    consent = models.JSONField(default=dict)
    created = models.DateTimeField(default=timezone.now)
    changed = models.DateTimeField(default=timezone.now)
    finished = models.DateTimeField(null=True)

    objects = ImportQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_over(self) -> bool:
        return self.state in self.OVER

    @property
    def key_number(self) -> int:
        return key_number(self.pk)

    def seal(self, part: str, place: int, data: bytes) -> bytes:
        """Return what the database is given of a file: a query to the key store."""
        return seal(vault.key_of(self.key_number), data, part_label(self.pk, part, place))

    def open(self, part: str, place: int, sealed: bytes | memoryview) -> bytes:
        """Return what ``seal`` was given. Raises SealBrokenError."""
        named = part_label(self.pk, part, place)
        return unseal(vault.key_of(self.key_number), bytes(sealed), named)

    def counts(self) -> Counter[str]:
        """Return how many files are in each state; the index alone is read."""
        rows = self.files.order_by().values_list("state").annotate(Count("pk"))
        return Counter(dict(rows))


class ImportFile(models.Model):
    """One file of an import: for whom it is, its bytes until it is done, and what came of it.

    ``alike``: ``[subject number, similarity]`` of people of other ids whom the face would be
    taken for. By number, as in an event: a report must not name somebody who was erased.
    """

    AWAITED, READY = "awaited", "ready"
    NEW, THERE, REFUSED, PASSED_OVER = "new", "there", "refused", "passed_over"
    LEFT = "left"
    STATES: ClassVar = [
        (AWAITED, _("not sent yet")),
        (READY, _("waiting")),
        (NEW, _("registered")),
        (THERE, _("registered before")),
        (REFUSED, _("refused")),
        (PASSED_OVER, _("passed over")),
        (LEFT, _("not done")),
    ]
    OPEN = (AWAITED, READY)

    batch = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="files")
    place = models.PositiveIntegerField()  # in the browser's list, or in that of the ZIP
    path = models.TextField()
    size = models.BigIntegerField(default=0)
    user_id = models.CharField(max_length=128, blank=True)
    display_name = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=11, choices=STATES)
    code = models.CharField(max_length=32, blank=True)
    detail = models.TextField(blank=True)
    hint = models.TextField(blank=True)
    reference = models.UUIDField(null=True, db_index=True)
    alike = models.JSONField(default=list)
    attempts = models.PositiveSmallIntegerField(default=0)
    finished = models.DateTimeField(null=True)
    # Sealed. Last: SQLite reads a row from its beginning, and need not read this to skip it.
    data = models.BinaryField(null=True)

    class Meta:
        ordering: ClassVar = ["place"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["batch", "place"], name="one_file_a_place")
        ]
        indexes: ClassVar = [
            models.Index(fields=["batch", "state", "place"]),
            models.Index(fields=["batch", "finished"]),
        ]

    def __str__(self) -> str:
        return self.path

    def open(self) -> bytes:
        """Return the file's bytes, none where they are not there."""
        return b"" if self.data is None else self.batch.open("file", self.place, self.data)


class ImportSlice(models.Model):
    """A part of a ZIP as the browser sent it, until its files are unpacked."""

    batch = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="slices")
    offset = models.BigIntegerField()
    data = models.BinaryField()

    class Meta:
        ordering: ClassVar = ["offset"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["batch", "offset"], name="one_slice_an_offset")
        ]

    def __str__(self) -> str:
        return f"{self.batch_id} from {self.offset}"

    def seal(self, data: bytes) -> None:
        """Set the bytes, sealed."""
        self.data = self.batch.seal("slice", self.offset, data)

    def open(self) -> bytes:
        """Return the bytes."""
        return self.batch.open("slice", self.offset, self.data)
