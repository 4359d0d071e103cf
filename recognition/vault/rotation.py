"""Wrapping everybody's key under a new master key; the faces themselves stay as they are."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import transaction

from recognition import vault
from recognition.models import GalleryChange
from recognition.sealing import new_key
from recognition.vault import master
from recognition.vault.master import Ring


def rotate() -> int:
    """Make a master key, wrap all keys under it, drop the others; return how many were wrapped.

    Whenever it is interrupted, nothing is lost: old keys leave the file last. Keys made meanwhile
    are wrapped by the new one, since who makes them reads the file under the lock.
    """
    path = settings.FACE_MASTER_KEY_FILE
    with alone(path):
        ring = Ring((new_key(), *vault.ring().keys))
        master.write(path, ring)
        count = rewrap(ring)
        master.write(former_path(path), Ring(ring.keys[1:]))
        master.write(path, Ring(ring.keys[:1]))
    return count


def former_path(path: Path) -> Path:
    """Return where the former master keys are left: what earlier backups' keys are wrapped by."""
    return path.with_name(f"{path.name}.former")


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Keep others on this machine from rotating: each would drop the key that the other made."""
    with path.with_name(f"{path.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def rewrap(ring: Ring) -> int:
    """Wrap all keys under the first one of ``ring``; return how many were not so yet."""
    count = _rewrap(ring)  # nobody waits for most of it
    with transaction.atomic():
        GalleryChange.lock()
        count += _rewrap(ring)
    vault.keys().scrub()
    return count


def _rewrap(ring: Ring) -> int:
    current, count = master.key_id(ring.keys[0]), 0
    for page in vault.keys().pages():
        old = {number: key for number, key in page.items() if not key.startswith(current)}
        if old:
            vault.keys().replace({n: ring.wrap(ring.unwrap(key, n), n) for n, key in old.items()})
        count += len(old)
    return count
