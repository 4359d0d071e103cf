"""The database as the source that indexes and the Redis copy follow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from django.db.models import Max, QuerySet

from recognition.gallery.follow import Change, Templates
from recognition.models import GalleryChange, PersonTemplate, in_parts

BLOCK = 4096  # rows read at once


class Database:
    """``gallery.follow.Source`` on Django's models."""

    def head(self) -> int:
        """Return the id of the newest change, 0 when there is none."""
        return GalleryChange.objects.aggregate(head=Max("id"))["head"] or 0

    def changes(self, *, after: int, upto: int) -> list[Change]:
        """Return the changes with ids in (after, upto], oldest first."""
        rows = GalleryChange.objects.filter(id__gt=after, id__lte=upto).order_by("id")
        return [Change(*row) for row in rows.values_list("subject_number", "slot")]

    def templates(self, numbers: Iterable[int]) -> Iterator[Templates]:
        """Return the templates as they are now of those who may be matched."""
        for some in in_parts(numbers):
            yield from _read(PersonTemplate.objects.filter(subject__number__in=some))

    def all_templates(self) -> Iterator[Templates]:
        """Return every template that may be matched, in blocks."""
        yield from _read(PersonTemplate.objects.all())


def _read(templates: QuerySet[PersonTemplate]) -> Iterator[Templates]:
    rows = templates.filter(subject__active=True).order_by("subject_id")
    columns = ("subject__gallery__embedder", "subject_id", "subject__gallery_id", "subject__number")
    block: list[tuple[Any, ...]] = []
    for row in rows.values_list(*columns, "vector").iterator(chunk_size=BLOCK):
        if block and (len(block) == BLOCK or row[0] != block[0][0]):
            yield _pack(block)
            block = []
        block.append(row)
    if block:
        yield _pack(block)


def _pack(rows: list[tuple[Any, ...]]) -> Templates:
    embedders, slots, galleries, numbers, vectors = zip(*rows, strict=True)
    raw = b"".join(bytes(vector) for vector in vectors)
    return Templates(
        embedders[0],
        np.array(slots, np.int64),
        np.array(galleries, np.int64),
        np.array(numbers, np.int64),
        np.frombuffer(raw, "<f4").astype(np.float32, copy=False).reshape(len(rows), -1),
    )
