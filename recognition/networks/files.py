"""Files that are whole or not there: digests, locks between processes, moves that last."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_BLOCK = 1 << 20  # bytes read at once


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as 64 lower-case hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def size_of(path: Path) -> int:
    """Return the size of a file in bytes, -1 where there is none."""
    try:
        return path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return -1


def move_into_place(temporary: Path, destination: Path) -> None:
    """Put a file that is written to the end in the place of another, also if the power fails."""
    _sync(temporary, os.O_RDWR)
    temporary.replace(destination)
    _sync(destination.parent, os.O_RDONLY)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file ``path``, one process at a time; it is let go when the process ends."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
