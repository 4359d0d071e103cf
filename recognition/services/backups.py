"""Backups: all rows in one sealed file, the wrapped keys beside it in another.

The rows are sealed by the people's keys already, and the file as a whole by one that is kept in the
key store: so the file of years ago is read with the keys of today, and shows nobody who was
erased meanwhile.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.contrib.auth.models import Group, User
from django.core import serializers
from django.core.management.color import no_style
from django.db import connection, models, transaction

from recognition import runtime, vault
from recognition.errors import RecognitionError
from recognition.findings import Finding, ReviewStep
from recognition.models import (
    ApiKey,
    AuditState,
    Erasure,
    Event,
    Gallery,
    GalleryChange,
    OtherEmbedding,
    PersonTemplate,
    Reference,
    Sighting,
    StoredCalibration,
    Subject,
    Suppression,
    in_parts,
)
from recognition.services import audit
from recognition.services.erasure import erase_bytes, erase_subjects
from recognition.services.orphans import people_of, without_key
from recognition.services.people import record_act
from recognition.services.receipts import (
    ERASED,
    HASHING,
    entries,
    hashing_key,
    is_logged,
    log_path,
    logged,
    suppress,
)
from recognition.services.results import Actor
from recognition.services.stamps import chain_key
from recognition.vault import stream

#: In the order in which rows may refer to each other. Imports under way are begun again, what
#: Milvus holds is written anew, and failed sign-ins are counted from the beginning.
KEPT: tuple[type[models.Model], ...] = (
    Group, User, StoredCalibration, Gallery, Subject, Reference, OtherEmbedding, PersonTemplate,
    GalleryChange, Event, Sighting, AuditState, Finding, ReviewStep, Erasure, Suppression, ApiKey,
)  # fmt: skip
PORTION = 500
DIGEST = "sha256"  # what the last line of a file of keys begins with


def keys_path(path: Path) -> Path:
    """Return where the wrapped keys of a backup lie."""
    return path.with_name(f"{path.name}.keys")


def backup(path: Path, actor: Actor) -> int:
    """Write a backup and its keys; return how many rows there are."""
    identity = f"backup-{secrets.token_hex(16)}"
    with snapshot():
        key = _file_key(identity)
        count = stream.write_lines(path, key, identity, _rows())
    _write_keys(keys_path(path))
    record_act("backup", actor, decision={"rows": count})
    return count


def _file_key(identity: str) -> bytes:
    return hmac.digest(hashing_key(), identity.encode(), "sha256")


@contextmanager
def snapshot() -> Iterator[None]:
    """See the database as it is now until the end, without keeping others from writing."""
    postgresql = connection.vendor == "postgresql"
    begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" if postgresql else "BEGIN"
    if connection.in_atomic_block:  # it is one already
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute(begin)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("COMMIT")


def _rows() -> Iterator[Any]:
    for model in KEPT:
        by_key = model._default_manager.order_by("pk")
        last: Any = None
        while page := list((by_key.filter(pk__gt=last) if last is not None else by_key)[:PORTION]):
            # Through JSON, in which Django writes times, UUIDs and bytes as text.
            text = serializers.serialize("json", page, use_natural_foreign_keys=True)
            yield from json.loads(text)
            last = page[-1].pk
    yield {"end": True}


def _write_keys(path: Path) -> None:
    new, digest = path.with_name(f"{path.name}.new"), hashlib.sha256()
    with new.open("w") as file:
        for page in vault.keys().pages():
            kept = {number: key for number, key in page.items() if number >= HASHING}
            for number, wrapped in kept.items():  # imports are begun again
                line = f"{number} {base64.b64encode(wrapped).decode()}\n"
                digest.update(line.encode())
                file.write(line)
        file.write(f"{DIGEST} {digest.hexdigest()}\n")
    new.replace(path)


def _read_keys(path: Path) -> dict[int, bytes]:
    """Return the wrapped keys of a file. Raises ``invalid_request`` where it is not whole.

    Raises SealBrokenError where one is wrapped by another master key than is in use here.
    """
    try:
        *lines, last = path.read_text().splitlines(keepends=True)
        whole = last == f"{DIGEST} {hashlib.sha256(''.join(lines).encode()).hexdigest()}\n"
    except (OSError, ValueError) as error:
        raise RecognitionError("invalid_request", f"{path} cannot be read: {error}.") from error
    if not whole:
        raise RecognitionError("invalid_request", f"{path} is not whole, or was altered.")
    words = (line.split() for line in lines)
    wrapped = {int(number): base64.b64decode(key) for number, key in words}
    unwrap = vault.ring().unwrap
    for number, key in wrapped.items():
        unwrap(key, number)
    return wrapped


def take_keys(path: Path) -> int:
    """Store the keys of a backup where there are none of people yet; return how many.

    All or none. Raises ``invalid_request`` and SealBrokenError.
    """
    if any(number > HASHING for page in vault.keys().pages() for number in page):
        raise RecognitionError(
            "invalid_request",
            "The key store holds keys of people already.",
            hint="Leave --keys out to restore with the keys of today.",
        )
    wrapped = _read_keys(path)
    vault.keys().begin_with(wrapped)
    chain_key()  # the one that was in use here is gone
    return len(wrapped)


def restore(path: Path, actor: Actor, *, erasures: bool) -> Counter[str]:
    """Read a backup into an empty database, and erase again who was erased since.

    Left out is, whatever the log tells, who has faces and no key: it was destroyed. Returns how
    many rows of each kind were read, ``erased`` and ``unreadable``. Raises SealBrokenError.
    """
    _require_empty()
    if erasures:
        _require_log()
    gone = logged() if erasures else set()
    with transaction.atomic():
        GalleryChange.lock()
        for model in reversed(KEPT):
            model._default_manager.all().delete()
        counts = _load(stream.read_lines(path, _file_key(stream.identity_of(path))))
        _reset_sequences()
        # Earlier versions left events without stamps; the file's seal vouches for what it holds.
        audit.vouch_for_all()
        suppress(gone)
        counts["erased"] = _erase_again(gone, actor)
        counts["unreadable"] = _leave_out(without_key())
        record_act("restore", actor, decision={"rows": dict(counts), "erasures": erasures})
    audit.set_head_aside()
    runtime.publish()
    return counts


def _require_empty() -> None:
    if Subject.objects.exists():
        raise RecognitionError(
            "invalid_request",
            "People are registered in this database.",
            hint="Restore into an empty one: DATABASE_URL names it.",
        )


def _require_log() -> None:
    """Raise where erasures are not logged: the receipts that this database holds go, too."""
    if not is_logged():
        raise RecognitionError(
            "invalid_request",
            f"{log_path()} is not there, so nobody knows who was erased since.",
            hint="Put it back; or say --no-erasures where nobody was erased since.",
        )
    told = {entry["user"] for entry in entries() if entry["what"] == ERASED}
    held = Erasure.objects.values_list("user_hash", flat=True)
    if untold := sum(user not in told for user in held):
        raise RecognitionError(
            "invalid_request",
            f"{untold} people were erased from this database, and {log_path()} does not tell.",
            hint="`manage.py erasure_check --mend` finishes erasures; or put the right file back.",
        )


def _load(lines: Iterable[Any]) -> Counter[str]:
    counts, waiting = Counter[str](), list[Any]()
    for line in lines:
        if "end" in line:
            break
        if waiting and (len(waiting) == PORTION or waiting[0]["model"] != line["model"]):
            _store(waiting)
            waiting = []
        waiting.append(line)
        counts[line["model"].partition(".")[2]] += 1
    _store(waiting)
    return counts


def _store(rows: list[Any]) -> None:
    # Not in bulk: that would set the times of today.
    for each in serializers.deserialize("python", rows):
        each.save(force_insert=True)


def _reset_sequences() -> None:
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), KEPT):
            cursor.execute(statement)


def _erase_again(gone: set[str], actor: Actor) -> int:
    numbers = people_of(gone)
    for some in in_parts(numbers):
        erase_subjects(Subject.objects.filter(number__in=some), actor=actor)
    return len(numbers)


def _leave_out(numbers: list[int]) -> int:
    """Delete people as if they had not been in the file; nobody is suppressed by that."""
    for some in in_parts(numbers):
        erase_bytes(Subject.objects.filter(number__in=some))
    return len(numbers)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
