"""What was done, by whom, and what was erased: people stand there by number or hash alone."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone


class Event(models.Model):
    """What was done, by whom, with what outcome: never a picture, an embedding or a user_id."""

    time = models.DateTimeField(default=timezone.now, db_index=True)
    actor = models.CharField(max_length=160)
    act = models.CharField(max_length=32, db_index=True)
    gallery = models.CharField(max_length=64, blank=True)
    subject_number = models.BigIntegerField(null=True, db_index=True)
    outcome = models.CharField(max_length=32)
    request_id = models.CharField(max_length=64, blank=True)
    decision = models.JSONField(default=dict)
    # Its place in the chain, and the hash that ties it to the one before (services/audit.py).
    position = models.BigIntegerField(null=True, unique=True, editable=False)
    link = models.CharField(max_length=64, blank=True, editable=False)

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["id"], name="unsealed_events", condition=Q(position=None))
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.act} {self.outcome}"


class Sighting(models.Model):
    """Somebody who was named by an ``Event``: what finds a person's events, and their days.

    Written with its event and erased with it. The deletion is not left to Django's cascade, which
    would read every old event before it deletes them.
    """

    event = models.ForeignKey(Event, on_delete=models.DO_NOTHING, related_name="sightings")
    time = models.DateTimeField(db_index=True)
    act = models.CharField(max_length=32)
    gallery = models.CharField(max_length=64)
    subject_number = models.BigIntegerField()
    similarity = models.FloatField()

    class Meta:
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["subject_number", "time"], name="sightings_of_a_person")
        ]

    def __str__(self) -> str:
        return f"{self.subject_number} at {self.time:%Y-%m-%d %H:%M:%S}"


class AuditState(models.Model):
    """Both ends of the chain of events: one row, which is also the sealer's lock."""

    head = models.BigIntegerField(default=0)
    head_link = models.CharField(max_length=64, blank=True)
    cut = models.BigIntegerField(default=0)
    cut_link = models.CharField(max_length=64, blank=True)
    seal = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"{self.cut} to {self.head}"


class Erasure(models.Model):
    """The receipt of one person's erasure: whom it was, only who knows the user_id can tell.

    ``subject_number`` is kept until their key is destroyed (``finished``).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    time = models.DateTimeField(default=timezone.now, db_index=True)
    gallery = models.CharField(max_length=64)
    user_hash = models.CharField(max_length=64)
    counts = models.JSONField(default=dict)
    subject_number = models.BigIntegerField(null=True)
    finished = models.BooleanField(default=False)

    class Meta:
        indexes: ClassVar = [  # as below
            models.Index(fields=["id"], name="unfinished_erasures", condition=Q(finished=False))
        ]

    def __str__(self) -> str:
        return f"{self.id} of {self.time:%Y-%m-%d}"


class Suppression(models.Model):
    """Somebody who was erased and whom no import may bring back (``services/receipts.py``).

    ``lifted``: when they were registered by name again; then the row waits to be told to the log
    of erasures, and goes.
    """

    user_hash = models.CharField(max_length=64, unique=True)
    since = models.DateTimeField(default=timezone.now)
    lifted = models.DateTimeField(null=True)

    class Meta:
        # Asked for each second, and nearly always empty.
        indexes: ClassVar = [
            models.Index(fields=["id"], name="lifted_untold", condition=Q(lifted__isnull=False))
        ]

    def __str__(self) -> str:
        return self.user_hash[:12]
