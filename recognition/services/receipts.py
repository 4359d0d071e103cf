"""Proof of erasures: receipts, who may not be brought back, and what is left to finish."""

from __future__ import annotations

import hmac
import json
import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from recognition import vault
from recognition.errors import RecognitionError
from recognition.import_models import ImportFile, ImportSlice
from recognition.models import (
    Erasure,
    Gallery,
    PersonTemplate,
    Reference,
    Subject,
    Suppression,
    in_parts,
)

log = logging.getLogger(__name__)

#: The number, which no subject has, of the key that user ids are hashed with. It is wrapped like
#: theirs, so that hashes stay comparable when the master key changes.
HASHING = 0
LIFTED, ERASED = "lifted", "erased"


def user_hash(gallery: str, user_id: str, key: bytes | None = None) -> str:
    """Return what stands for a user who is gone: nobody without the key can guess whom."""
    key = key or vault.made_keys([HASHING])[HASHING]
    return hmac.digest(key, f"{gallery}\0{user_id}".encode(), "sha256").hex()


def log_path() -> Path:
    """Return the file that tells a restored database who was erased since."""
    return Path(settings.DATA_DIR) / "erasures.log"


def receipts_for(
    subjects: Iterable[Subject], counts: Mapping[int, dict[str, int]]
) -> list[Erasure]:
    """Store a receipt and a suppression for each of ``subjects``, who come with galleries.

    ``counts``: what was erased, by primary key. In the transaction that erases them; ``finish``
    follows when it is committed.
    """
    key = vault.made_keys([HASHING])[HASHING]
    made = [
        Erasure(
            gallery=subject.gallery.name,
            user_hash=user_hash(subject.gallery.name, subject.user_id, key),
            counts=counts.get(subject.pk, {}),
            subject_number=subject.number,
        )
        for subject in subjects
    ]
    Erasure.objects.bulk_create(made, batch_size=500)
    hashes = [Suppression(user_hash=erasure.user_hash) for erasure in made]
    Suppression.objects.bulk_create(hashes, batch_size=500, ignore_conflicts=True)
    transaction.on_commit(finish)
    return made


def finish() -> int:
    """Destroy the keys of all who are erased, note it in the log; return how many there were.

    Also what a crash between commit and this left undone: whoever comes next does it.
    """
    pending = list(Erasure.objects.filter(finished=False))
    if not pending:
        return 0
    vault.keys().destroy([e.subject_number for e in pending if e.subject_number is not None])
    append(ERASED, [erasure.user_hash for erasure in pending])
    for some in in_parts(erasure.pk for erasure in pending):
        Erasure.objects.filter(pk__in=some).update(finished=True, subject_number=None)
    _vacuum()
    return len(pending)


def append(what: str, hashes: Iterable[str]) -> None:
    """Write one line for each hash into the log, and wait until it is on the disk."""
    now = timezone.now().isoformat()
    lines = [json.dumps({"time": now, "what": what, "user": one}) + "\n" for one in hashes]
    with open(os.open(log_path(), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a") as file:
        file.write("".join(lines))
        file.flush()
        os.fsync(file.fileno())


def logged() -> set[str]:
    """Return the hashes of all who were erased, by the log, and not registered on purpose since."""
    gone: set[str] = set()
    if log_path().exists():
        for line in log_path().read_text().splitlines():
            entry = json.loads(line)
            (gone.add if entry["what"] == ERASED else gone.discard)(entry["user"])
    return gone


def _vacuum() -> None:
    """Let PostgreSQL take back what the erased rows took, unless a transaction is open."""
    if connection.vendor == "postgresql" and not connection.in_atomic_block:
        touched = (Subject, Reference, PersonTemplate, ImportFile, ImportSlice)
        tables = ", ".join(model._meta.db_table for model in touched)
        with connection.cursor() as cursor:
            cursor.execute(f"VACUUM {tables}")


def refuse_suppressed(gallery: Gallery, user_id: str) -> None:
    """Raise ``suppressed`` where an import would bring back somebody who was erased."""
    if Suppression.objects.filter(user_hash=user_hash(gallery.name, user_id)).exists():
        raise RecognitionError("suppressed", f"{user_id!r} was erased from {gallery.name!r}.")


def lift(gallery: Gallery, user_id: str) -> None:
    """Let somebody be registered again, since it was asked for by name."""
    named = user_hash(gallery.name, user_id)
    if Suppression.objects.filter(user_hash=named).delete()[0]:
        transaction.on_commit(lambda: append(LIFTED, [named]))
