"""Picture files on this machine: found, read, and shown by name."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from recognition.errors import RecognitionError
from recognition.services.results import Upload

# Files in a folder that are meant as pictures. What they are is judged by their bytes alone:
# formats that cannot be read are among them, so that they are refused by name and not passed over.
SUFFIXES = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", ".heic", ".heif",
    ".avif", ".tif", ".tiff", ".jp2", ".svg",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """Pictures, and other files, which are passed over."""

    pictures: list[Path] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)


def read(path: Path) -> Upload:
    """Return a picture file as an upload.

    Raises ``invalid_image`` for what is no readable file, ``image_too_large`` by its size.
    """
    try:
        if path.exists() and not path.is_file():
            raise OSError(0, "it is no file")
        size = path.stat().st_size
        data = path.read_bytes() if size <= settings.MAX_IMAGE_BYTES else b""
    except OSError as error:
        raise RecognitionError(
            "invalid_image",
            f"{shown(path)} cannot be read: {error.strerror}.",
            hint="Check the path and who may read it.",
        ) from error
    if size > settings.MAX_IMAGE_BYTES:
        raise RecognitionError(
            "image_too_large",
            f"{shown(path)} has {size:,} bytes; {settings.MAX_IMAGE_BYTES:,} are allowed.",
            measured=size,
            limit=settings.MAX_IMAGE_BYTES,
        )
    return Upload(path.name, data)


def found_in(given: Iterable[Path]) -> Found:
    """Return the files given, and those in the folders given, sorted, without hidden ones."""
    found = Found()
    for path in given:
        if not os.path.isdir(path):  # Path.is_dir raises where a parent is closed
            found.pictures.append(path)
            continue
        for parent, folders, names in os.walk(path):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(name for name in names if not name.startswith(".")):
                kind = found.pictures if is_picture(name) else found.others
                kind.append(Path(parent, name))
    return found


def is_picture(name: str) -> bool:
    """Say whether a file of that name is meant as a picture."""
    return Path(name).suffix.lower() in SUFFIXES


def shown(name: Path | str) -> str:
    """Return a file's name fit for a terminal and for UTF-8: one line, no control characters."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(name))
