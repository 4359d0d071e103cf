"""AES-256-GCM as this project uses it: what is sealed, under which label, in which layout."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12  # what AES-GCM is specified for. Source: NIST SP 800-38D, section 8.2
OVERHEAD = NONCE_BYTES + 16  # bytes that sealing adds: the nonce before, the tag behind


class SealBrokenError(Exception):
    """What was sealed has been altered, moved to another row, or belongs to another key."""


def new_key() -> bytes:
    """Return 32 random bytes."""
    return os.urandom(KEY_BYTES)


def seal(key: bytes, content: bytes, label: bytes) -> bytes:
    """Return nonce, ciphertext and tag; ``label`` must be given again to open it."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, content, label)


def unseal(key: bytes, sealed: bytes, label: bytes) -> bytes:
    """Return what was sealed. Raises SealBrokenError."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], label)
    except (InvalidTag, ValueError):  # ValueError: too short to hold a nonce
        raise SealBrokenError(f"{label!r} cannot be opened") from None


def unseal_any(key: bytes, sealed: bytes, labels: Sequence[bytes]) -> bytes:
    """Return what was sealed under one of ``labels``. Raises SealBrokenError."""
    for each in labels[:-1]:
        with suppress(SealBrokenError):
            return unseal(key, sealed, each)
    return unseal(key, sealed, labels[-1])


def label(kind: str, *owner: object) -> bytes:
    """Return what a sealed value is bound to: its kind, whose it is, the embedder's id."""
    return "\0".join((kind, *map(str, owner))).encode()
