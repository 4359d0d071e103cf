"""Proof of erasures: receipts, who may not be brought back, and what is left to finish."""

from __future__ import annotations

import hmac
import json
import logging
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils import timezone

from recognition import vault
from recognition.errors import RecognitionError
from recognition.models import (
    Erasure,
    Gallery,
    Subject,
    Suppression,
    in_parts,
)
from recognition.vault.store import missing

log = logging.getLogger(__name__)

#: The number, which no subject has, of the key that user ids are hashed with. It is wrapped like
#: theirs, so that hashes stay comparable when the master key changes.
HASHING = 0
LIFTED, ERASED = "lifted", "erased"
MOMENT = timedelta(milliseconds=1)


def hashing_key() -> bytes:
    """Return the key of hashes, made where nothing was hashed yet.

    Raises ``not_ready`` where the key store that had it is lost: with another one nobody who was
    erased would be known for that.
    """
    if (key := vault.keys_of([HASHING]).get(HASHING)) is not None:
        return key
    if Suppression.objects.exists() or Erasure.objects.exists():
        raise missing(HASHING)
    return vault.made_keys([HASHING])[HASHING]


def user_hash(token: UUID, user_id: str, key: bytes | None = None) -> str:
    """Return what stands for a user who is gone: nobody without the key can guess whom.

    ``token``: the gallery's, which stays the same when the gallery gets another name.
    """
    return _hash(token.hex, user_id, key or hashing_key())


def hashes_of(token: UUID, name: str, user_id: str, key: bytes | None = None) -> set[str]:
    """Return all that may stand for a user: once it was made from the gallery's name."""
    key = key or hashing_key()
    return {_hash(token.hex, user_id, key), _hash(name, user_id, key)}


def _hash(gallery: str, user_id: str, key: bytes) -> str:
    return hmac.digest(key, f"{gallery}\0{user_id}".encode(), "sha256").hex()


def log_path() -> Path:
    """Return the file that tells a restored database who was erased since."""
    return Path(settings.DATA_DIR) / "erasures.log"


def _log_paths() -> list[Path]:
    """Return all such files: that beside the key store is of every process that shares it.

    Where the key store is a PostgreSQL, a table of its own has the same lines.
    """
    paths = [log_path()]
    if settings.KEYS_DATABASE["ENGINE"].endswith("sqlite3"):
        paths.append(Path(settings.KEYS_DATABASE["NAME"]).with_name("erasures.log"))
    return list(dict.fromkeys(path.resolve() for path in paths))


def receipts_for(
    subjects: Iterable[Subject], counts: Mapping[int, dict[str, int]]
) -> list[Erasure]:
    """Store a receipt and a suppression for each of ``subjects``, who come with galleries.

    ``counts``: what was erased, by primary key. In the transaction that erases them; ``finish``
    follows when it is committed.
    """
    key = hashing_key()
    made = [
        Erasure(
            gallery=subject.gallery.name,
            user_hash=user_hash(subject.gallery.token, subject.user_id, key),
            counts=counts.get(subject.pk, {}),
            subject_number=subject.number,
        )
        for subject in subjects
    ]
    for some in in_parts(made):
        _date_after_earlier_ones(some)
    Erasure.objects.bulk_create(made, batch_size=500)
    suppress(erasure.user_hash for erasure in made)
    transaction.on_commit(finish)
    return made


def _date_after_earlier_ones(made: list[Erasure]) -> None:
    """Date erasures after whoever's earlier ones, and after the registration in between (``lift``).

    A machine with another clock may have dated those; the log is read in the order of times.
    """
    told = Erasure.objects.filter(user_hash__in=[one.user_hash for one in made]).order_by()
    last = dict(told.values_list("user_hash").annotate(Max("time")))
    for one in made:
        if one.user_hash in last:
            one.time = max(one.time, last[one.user_hash] + 2 * MOMENT)


def suppress(hashes: Iterable[str]) -> None:
    """Let no import bring anybody of these back."""
    for some in in_parts(hashes):
        # First those that are lifted: this locks them, so that _tell_lifted cannot delete them.
        lifted = Suppression.objects.filter(user_hash__in=some, lifted__isnull=False)
        lifted.update(lifted=None)
        rows = [Suppression(user_hash=one) for one in some]
        Suppression.objects.bulk_create(rows, ignore_conflicts=True)


def finish() -> int:
    """Destroy the keys of all who are erased, note it in the log; return how many there were.

    Note also who was registered again. And what a crash between commit and this, or a disk that
    was full, left undone: whoever comes next does it, at the latest a server's sealer.
    """
    _tell_lifted()
    pending = list(Erasure.objects.filter(finished=False))
    if not pending:
        return 0
    vault.keys().destroy([e.subject_number for e in pending if e.subject_number is not None])
    append(ERASED, [(erasure.time, erasure.user_hash) for erasure in pending])
    for some in in_parts(erasure.pk for erasure in pending):
        Erasure.objects.filter(pk__in=some).update(finished=True, subject_number=None)
    return len(pending)


def _tell_lifted() -> None:
    """Note in the log who was registered again by name; only then the suppression goes."""
    if rows := list(Suppression.objects.filter(lifted__isnull=False)):
        append(LIFTED, [(row.lifted, row.user_hash) for row in rows if row.lifted])
    for row in rows:  # but not of who was erased once more, or lifted once more, since
        Suppression.objects.filter(pk=row.pk, lifted=row.lifted).delete()


def append(what: str, acts: Iterable[tuple[datetime, str]]) -> None:
    """Write one line for each time and hash into the log, and wait until it is on the disk.

    The time is that of the act: the line itself may come late, after a crash.
    """
    times = [(_moment(time), one) for time, one in acts]
    lines = [json.dumps({"time": time, "what": what, "user": one}) for time, one in times]
    for path in _log_paths():
        with open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "a+b") as file:
            torn = "\n" if _is_torn(file) else ""
            file.write((torn + "".join(f"{line}\n" for line in lines)).encode())
            file.flush()
            os.fsync(file.fileno())
    vault.keys().note(lines)


def _moment(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="microseconds")  # so that texts are in order


def _is_torn(file: IO[bytes]) -> bool:
    """Say whether the last line is cut off, as a power failure leaves it."""
    if not file.seek(0, os.SEEK_END):
        return False
    file.seek(-1, os.SEEK_END)
    return file.read() != b"\n"


def is_logged() -> bool:
    """Say whether there is a log at all."""
    return any(path.exists() for path in _log_paths()) or bool(vault.keys().noted())


def entries() -> list[dict[str, str]]:
    """Return what the log tells, in the order in which it was done."""
    paths = [path for path in _log_paths() if path.exists()]
    lines = [line for path in paths for line in path.read_text(errors="replace").splitlines()]
    found = [entry for line in [*lines, *vault.keys().noted()] if (entry := _entry(line))]
    return sorted(found, key=lambda entry: entry["time"])


def _entry(line: str) -> dict[str, str] | None:
    """Return what a line tells, None where it is cut off: what it told of is told again."""
    try:
        entry = json.loads(line)
        return {name: str(entry[name]) for name in ("time", "what", "user")}
    except (ValueError, KeyError, TypeError):
        log.error("receipts: a line of the log of erasures cannot be read: %r", line[:200])
        return None


def logged() -> set[str]:
    """Return the hashes of all who were erased, by the log, and not registered on purpose since."""
    gone: set[str] = set()
    for entry in sorted([*entries(), *_untold()], key=lambda entry: entry["time"]):
        (gone.add if entry["what"] == ERASED else gone.discard)(entry["user"])
    return gone


def _untold() -> list[dict[str, str]]:
    """Return who was registered again, and the log does not tell yet."""
    rows = Suppression.objects.filter(lifted__isnull=False).values_list("lifted", "user_hash")
    return [{"time": _moment(time), "what": LIFTED, "user": user} for time, user in rows if time]


def suppressed() -> set[str]:
    """Return the hashes of all whom no import may bring back."""
    return set(Suppression.objects.filter(lifted=None).values_list("user_hash", flat=True))


def refuse_suppressed(gallery: Gallery, user_id: str) -> None:
    """Raise ``suppressed`` where an import would bring back somebody who was erased."""
    if _suppressed(gallery, user_id).exists():
        raise RecognitionError("suppressed", f"{user_id!r} was erased from {gallery.name!r}.")


def lift(gallery: Gallery, user_id: str) -> None:
    """Let somebody be registered again, since it was asked for by name."""
    if hashes := list(_suppressed(gallery, user_id).values_list("user_hash", flat=True)):
        erased = Erasure.objects.filter(user_hash__in=hashes).aggregate(last=Max("time"))["last"]
        # Never before the erasure, which a machine with another clock may have dated.
        now = max(timezone.now(), erased + MOMENT) if erased else timezone.now()
        Suppression.objects.filter(user_hash__in=hashes).update(lifted=now)
        transaction.on_commit(finish)


def _suppressed(gallery: Gallery, user_id: str) -> QuerySet[Suppression]:
    hashes = hashes_of(gallery.token, gallery.name, user_id)
    return Suppression.objects.filter(user_hash__in=hashes, lifted=None)
