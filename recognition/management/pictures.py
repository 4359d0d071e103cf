"""Picture files on this machine: found and read."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from recognition.errors import RecognitionError
from recognition.services.folders import is_picture, shown
from recognition.services.results import Upload


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
