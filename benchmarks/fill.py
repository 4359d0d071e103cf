"""Fill a new database: ``python -m benchmarks.fill EMBEDDER PEOPLE`` prints an API key."""

from __future__ import annotations

import sys

import django

from benchmarks.people import templates
from recognition.pipeline.types import Floats

BLOCK = 5_000  # people a transaction


def main(embedder: str, people: int) -> str:
    """Make tables, people with a template each and their lines in the change log, and a key."""
    django.setup()
    from django.core.management import call_command

    from recognition.models import ApiKey, Gallery
    from recognition.runtime import EMBEDDERS

    call_command("migrate", verbosity=0)
    Gallery.objects.update(embedder=embedder)
    vectors = templates(people, EMBEDDERS[embedder].dimension)
    for first in range(0, people, BLOCK):
        _add(first, vectors[first : first + BLOCK])
    _, key = ApiKey.objects.create_key(name="benchmarks")
    return str(key)


def _add(first: int, vectors: Floats) -> None:
    from django.db import transaction

    from recognition.models import Gallery, GalleryChange, PersonTemplate, Subject, to_bytes

    gallery = Gallery.objects.get()
    with transaction.atomic():
        GalleryChange.lock()
        subjects = Subject.objects.bulk_create(
            Subject(gallery=gallery, user_id=f"person-{first + row}") for row in range(len(vectors))
        )
        PersonTemplate.objects.bulk_create(
            PersonTemplate(subject=subject, vector=to_bytes(vector))
            for subject, vector in zip(subjects, vectors, strict=True)
        )
        GalleryChange.append("put", subjects)


if __name__ == "__main__":
    print(main(sys.argv[1], int(sys.argv[2])))
