"""The master key, which wraps the people's keys: from a file of its own or the environment.

Both may hold several, one a line: the first wraps, the others only unwrap what they once wrapped
(``manage.py rotate_keys``).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from recognition.errors import RecognitionError
from recognition.sealing import KEY_BYTES, NONCE_BYTES, SealBrokenError, label, new_key, seal

ID_BYTES = 4  # of a master key, before what it wrapped


@dataclass(frozen=True, slots=True)
class Ring:
    """Master keys, the one in use first."""

    keys: tuple[bytes, ...]

    def wrap(self, key: bytes, number: int) -> bytes:
        """Return the data key of a subject as it may be stored."""
        return key_id(self.keys[0]) + seal(self.keys[0], key, label("key", number))

    def unwrap(self, wrapped: bytes, number: int) -> bytes:
        """Return the data key. Raises SealBrokenError, also where its master key is not here."""
        for key in self.keys:
            if key_id(key) == wrapped[:ID_BYTES]:
                return _unwrap(key, wrapped[ID_BYTES:], number)
        raise SealBrokenError(f"the master key {wrapped[:ID_BYTES].hex()} is not here")

    def derived(self, purpose: str) -> bytes:
        """Return a key for something else than people, made from the master key in use."""
        return HKDF(SHA256(), KEY_BYTES, salt=None, info=purpose.encode()).derive(self.keys[0])


@lru_cache(maxsize=8)
def _cipher(key: bytes) -> AESGCM:
    return AESGCM(key)


def _unwrap(key: bytes, sealed: bytes, number: int) -> bytes:
    """Do as ``unseal`` does, a million times at a start: with one cipher for all."""
    try:
        nonce, rest = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        return _cipher(key).decrypt(nonce, rest, b"key\0%d" % number)
    except (InvalidTag, ValueError):
        raise SealBrokenError(f"the key of subject {number} cannot be opened") from None


@lru_cache(maxsize=8)
def key_id(key: bytes) -> bytes:
    """Return what tells master keys apart, and tells nothing about them."""
    return hashlib.sha256(b"facesite master key\0" + key).digest()[:ID_BYTES]


def parse(text: str) -> Ring:
    """Return the keys in ``text``: base64 of 32 bytes each. Raises ValueError."""
    try:
        keys = tuple(base64.b64decode(word, validate=True) for word in text.split())
    except binascii.Error as error:
        raise ValueError("it is not base64") from error
    if not keys or any(len(key) != KEY_BYTES for key in keys):
        raise ValueError(f"a master key is base64 of {KEY_BYTES} bytes")
    return Ring(keys)


def write(path: Path, ring: Ring) -> None:
    """Put ``ring`` into the file at once, for this user alone."""
    own = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with open(os.open(own, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write("".join(f"{base64.b64encode(key).decode()}\n" for key in ring.keys))
        file.flush()
        os.fsync(file.fileno())
    own.replace(path)
    _settle(path.parent)


def _settle(folder: Path) -> None:
    """Have what ``folder`` lists outlast a power failure: without its key nobody can be read."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def from_file(path: Path, *, may_make: Callable[[], bool]) -> Ring:
    """Return the keys in the file, as they are now; make one where ``may_make`` allows it.

    Raises ``not_ready`` where it is gone, or holds no keys.
    """
    try:
        stat = path.stat()
    except FileNotFoundError:
        if not may_make():
            raise RecognitionError(
                "not_ready",
                "The master key is gone, and people are registered under it.",
                hint="Put its file back: FACE_MASTER_KEY_FILE names where it is looked for.",
            ) from None
        make(path)
        stat = path.stat()
    # Asked each time: another process may have changed it, and what is wrapped by a key that is
    # about to be dropped would be lost.
    return _read(path, stat.st_mtime_ns, stat.st_ino)


@lru_cache(maxsize=4)
def _read(path: Path, _mtime: int, _inode: int) -> Ring:
    try:
        return parse(path.read_text())
    except ValueError as error:  # somebody wrote in it, even what is no text
        raise RecognitionError(
            "not_ready",
            f"The master key's file cannot be used: {error}.",
            hint="Put it back from your copy: FACE_MASTER_KEY_FILE names where it is looked for.",
        ) from error


def make(path: Path) -> None:
    """Make a key; of two who begin at once the second takes the first one's."""
    own = path.with_name(f"{path.name}.new.{secrets.token_hex(4)}")
    write(own, Ring((new_key(),)))
    try:
        os.link(own, path)
        _settle(path.parent)
    except FileExistsError:
        return
    finally:
        own.unlink()
