"""Fill a new database with made-up people: ``python -m benchmarks.fill EMBEDDER PEOPLE``.

Which database, the environment says: DATABASE_URL, or FACESITE_DATA_DIR for SQLite. Tables are made
where there are none. Prints an API key in the end; progress goes to stderr.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

import django
import numpy as np

from benchmarks.people import templates
from recognition.pipeline.types import Floats

BLOCK = 5_000  # people a transaction
SAID_EVERY = 5.0  # seconds


def main() -> None:
    """Make tables, people with a template each and their lines in the change log, and a key."""
    asked = _parser().parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "facesite.settings")
    django.setup()
    from django.core.management import call_command

    from recognition.models import ApiKey, Gallery, Subject
    from recognition.runtime import EMBEDDERS

    if asked.embedder not in EMBEDDERS:
        sys.exit(f"There is no embedder {asked.embedder}, only {', '.join(EMBEDDERS)}.")
    vectors = _vectors(asked.templates, asked.people, EMBEDDERS[asked.embedder].dimension)
    call_command("migrate", verbosity=0)
    if Subject.objects.exists():
        sys.exit("Somebody is registered in this database: name a new one.")
    Gallery.objects.update(embedder=asked.embedder)
    _add_all(vectors)
    print(ApiKey.objects.create_key(name="benchmarks")[1])


def _vectors(file: Path | None, people: int, dimension: int) -> Floats:
    """Return (people, dimension) float32, rows of length 1, from ``file`` where one is given."""
    if file is None:
        return templates(people, dimension)
    found: Floats = np.load(file, mmap_mode="r")[:people]
    if found.shape != (people, dimension) or found.dtype != np.float32:
        sys.exit(f"{file} holds {found.dtype} {found.shape}, not float32 {(people, dimension)}.")
    if not np.allclose(np.linalg.norm(found[:BLOCK], axis=1), 1.0, atol=1e-3):
        sys.exit(f"{file} holds vectors that are not of length 1.")
    return found


def _add_all(vectors: Floats) -> None:
    said = time.monotonic()
    for first in range(0, len(vectors), BLOCK):
        _add(first, vectors[first : first + BLOCK])
        if time.monotonic() - said > SAID_EVERY:
            said = time.monotonic()
            done = min(first + BLOCK, len(vectors))
            print(f"{done:,} of {len(vectors):,} people stored", file=sys.stderr, flush=True)


def _add(first: int, vectors: Floats) -> None:
    from django.db import transaction

    from recognition.models import Gallery, GalleryChange, PersonTemplate, Subject, to_bytes
    from recognition.vault import made_keys

    gallery = Gallery.objects.get()
    with transaction.atomic():
        GalleryChange.lock()
        subjects = Subject.objects.bulk_create(
            Subject(gallery=gallery, user_id=f"person-{first + row}") for row in range(len(vectors))
        )
        keys = made_keys([subject.number for subject in subjects])
        PersonTemplate.objects.bulk_create(
            PersonTemplate.sealed_for(
                subject, gallery.embedder, to_bytes(vector), keys[subject.number]
            )
            for subject, vector in zip(subjects, vectors, strict=True)
        )
        GalleryChange.append("put", subjects)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fill", description=__doc__)
    parser.add_argument("embedder", help="dlib-resnet-v1 or facenet-vggface2")
    parser.add_argument("people", type=int)
    parser.add_argument(
        "--templates",
        type=Path,
        help="take people from this .npy file, (N, D) float32, rows of length 1",
    )
    return parser


if __name__ == "__main__":
    main()
