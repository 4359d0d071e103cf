"""Faces rest sealed: each person's under a key of their own, which the master key wraps.

Erasing a person destroys their key: what copies of the database still hold of them is noise.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from recognition.sealing import NONCE_BYTES, SealBrokenError, label, new_key
from recognition.vault import master
from recognition.vault.master import Ring
from recognition.vault.store import PART, KeyStore, missing

log = logging.getLogger(__name__)

Row = tuple[int, str, bytes]  # a subject's number, embedder, sealed template


@cache
def keys() -> KeyStore:
    """Return where the wrapped keys lie."""
    return KeyStore(settings.KEYS_DATABASE)


def ring() -> Ring:
    """Return the master keys as they are now; the first one is made where there is none."""
    if settings.FACE_MASTER_KEY:
        return _parsed(settings.FACE_MASTER_KEY)
    path = settings.FACE_MASTER_KEY_FILE
    return master.from_file(path, may_make=lambda: keys().count() == 0)


_parsed = cache(master.parse)


def keys_of(numbers: Iterable[int]) -> dict[int, bytes]:
    """Return the data keys of those of ``numbers`` who have one; wrong ones are told in the log."""
    unwrap, found = ring().unwrap, {}
    for number, wrapped in keys().read(numbers).items():
        try:
            found[number] = unwrap(wrapped, number)
        except SealBrokenError as error:
            log.error("vault: the key of subject %d: %s", number, error)
    return found


def key_of(number: int) -> bytes:
    """Return the data key of a subject. Raises ``not_ready`` where there is none."""
    found = keys_of([number])
    if number not in found:
        raise missing(number)
    return found[number]


def made_keys(numbers: Iterable[int]) -> dict[int, bytes]:
    """Return a data key for each of ``numbers``, made where there is none yet.

    Call it under ``GalleryChange.lock``: keys are wrapped anew under that lock.
    """
    wanted = list(numbers)
    found: dict[int, bytes] = {}
    for first in range(0, len(wanted), PART):
        some = wanted[first : first + PART]
        known = keys().read(some)
        wrap = ring().wrap
        keys().add({n: wrap(new_key(), n) for n in some if n not in known})
        found |= keys_of(some)  # read again: another process may have been first
    for number in wanted:
        if number not in found:
            raise missing(number)
    return found


def open_templates(rows: Sequence[Row]) -> list[bytes | None]:
    """Return the templates of many people, None for who has no key (any more).

    A loop of its own: a million people are opened by it when a process starts.
    """
    raw, opened, broken = keys_of([row[0] for row in rows]), list[bytes | None](), 0
    for number, embedder, sealed in rows:
        key = raw.get(number)
        if key is None:
            opened.append(None)
            continue
        try:
            named = b"template\0%d\0%b" % (number, embedder.encode())
            body = AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], named)
        except (InvalidTag, ValueError):
            broken, body = broken + 1, None
        opened.append(body)
    if broken:
        log.error("vault: %d templates were altered or moved, and are left out", broken)
    return opened


def template_label(number: int, embedder: str) -> bytes:
    """Return what a sealed template is bound to."""
    return label("template", number, embedder)
