"""A sealed file of any length: a line that tells what it is, then pieces, each sealed alone.

Every piece is bound to the file and to its place in it, and the last one says that it is the last:
what was cut off, put in or exchanged is noticed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from recognition.sealing import SealBrokenError, label, seal, unseal

PIECE = 1 << 20  # bytes from which on a piece is full; it ends with a line, which is never split
LONGEST = 1 << 30  # of a piece that is read: a line of somebody with thousands of photographs
MAGIC = b"FACESITE-SEALED 1 "


def write_lines(path: Path, key: bytes, identity: str, lines: Iterable[Any]) -> int:
    """Write ``lines`` as JSON into a new file, which is gone again where that does not end well.

    Returns how many there were. Raises FileExistsError where a file is there already.
    """
    with path.open("xb") as file:
        try:
            count = _put_lines(file, key, identity, lines)
            file.flush()
            os.fsync(file.fileno())
        except BaseException:  # Ctrl-C too: it goes on below, and half a file is of no use
            path.unlink()
            raise
    return count


def _put_lines(file: IO[bytes], key: bytes, identity: str, lines: Iterable[Any]) -> int:
    count, buffer, index = 0, bytearray(), 0
    file.write(MAGIC + identity.encode() + b"\n")
    for line in lines:
        buffer += json.dumps(line).encode() + b"\n"
        count += 1
        if len(buffer) >= PIECE:
            _put(file, key, _label(identity, index, last=False), bytes(buffer))
            index += 1
            buffer.clear()
    _put(file, key, _label(identity, index, last=True), bytes(buffer))
    return count


def identity_of(path: Path) -> str:
    """Return what the file calls itself. Raises SealBrokenError where it is none of ours."""
    with path.open("rb") as file:
        first = file.readline(200)
    if not first.startswith(MAGIC):
        raise SealBrokenError(f"{path} was not written by Facesite")
    return first[len(MAGIC) :].strip().decode()


def read_lines(path: Path, key: bytes) -> Iterator[Any]:
    """Yield the lines. Raises SealBrokenError where it is not whole, or of another key."""
    identity, index, last = identity_of(path), 0, False
    with path.open("rb") as file:
        file.readline()
        while not last:
            sealed = _get(file)
            # Nothing may follow the last piece: whether it is the last one is part of its label.
            last = not file.peek(1)
            content = unseal(key, sealed, _label(identity, index, last=last))
            index += 1
            yield from map(json.loads, content.splitlines())


def _label(identity: str, index: int, *, last: bool) -> bytes:
    return label("piece", identity, index, "last" if last else "more")


def _put(file: IO[bytes], key: bytes, named: bytes, content: bytes) -> None:
    sealed = seal(key, content, named)
    file.write(len(sealed).to_bytes(4, "big") + sealed)


def _get(file: IO[bytes]) -> bytes:
    size = int.from_bytes(file.read(4), "big")
    sealed = file.read(size) if size <= LONGEST else b""
    if not size or len(sealed) < size:
        raise SealBrokenError("the file is cut off")
    return sealed
