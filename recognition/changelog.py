"""The database as the source that indexes and the Redis copy follow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import compress
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import QuerySet

from recognition import vault
from recognition.gallery.follow import Change, Templates
from recognition.models import GalleryChange, Subject, in_parts

PAGE = 4096  # rows read at once: 8 MB of templates at 512 dimensions
COLUMNS = (
    "gallery__embedder", "id", "gallery_id", "number", "template__embedder", "template__sealed",
)  # fmt: skip


class Database:
    """``gallery.follow.Source`` on Django's models."""

    def head(self) -> int:
        """Return the id of the newest change, 0 when there is none."""
        # Every request asks: to build the query would take ten times as long as to answer it.
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT MAX(id) FROM {GalleryChange._meta.db_table}")  # noqa: S608  # the model's table
            return int(cursor.fetchone()[0] or 0)

    def people(self) -> int:
        """Return about how many templates there are: those who have none yet are counted too."""
        return Subject.objects.count()

    def changes(self, *, after: int, upto: int) -> list[Change]:
        """Return the changes with ids in (after, upto], oldest first."""
        rows = GalleryChange.objects.filter(id__gt=after, id__lte=upto).order_by("id")
        return [Change(*row) for row in rows.values_list("subject_number", "slot")]

    def templates(self, numbers: Iterable[int]) -> Iterator[Templates]:
        """Return the templates as they are now of those who may be matched."""
        for some in in_parts(numbers):
            yield from _packed(list(_rows(Subject.objects.filter(number__in=some))))

    def all_templates(self) -> Iterator[Templates]:
        """Return every template that may be matched, in blocks by ascending slot.

        Each page is a query of its own: one long reader would keep SQLite from emptying its
        write-ahead log, and whoever erases somebody waits for that.
        """
        last = 0
        while page := _fetched(_rows(_after(last))[:PAGE]):
            yield from _packed(page)
            last = page[-1][1]


def _after(slot: int) -> QuerySet[Subject]:
    # Said of both tables: PostgreSQL merges them and would read one of them from its beginning.
    return Subject.objects.filter(id__gt=slot, template__subject_id__gt=slot)


def _rows(subjects: QuerySet[Subject]) -> QuerySet[Subject, tuple[Any, ...]]:
    matchable = subjects.filter(active=True, template__isnull=False)
    return matchable.order_by("id").values_list(*COLUMNS)


def _fetched(rows: QuerySet[Subject, tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return all of ``rows``, from PostgreSQL as bytes.

    Django has it send text: every vector as twice as many hexadecimal digits.
    """
    if connection.vendor != "postgresql":
        return list(rows)
    from psycopg import Cursor  # where SQLite is used it need not be there in memory

    with connection.cursor() as opened, connection.wrap_database_errors:
        query, values = rows.query.sql_with_params()
        with Cursor(opened.connection) as cursor:
            return cursor.execute(query, values, binary=True).fetchall()


def _packed(rows: list[tuple[Any, ...]]) -> Iterator[Templates]:
    for embedder in sorted({row[0] for row in rows}):
        yield from opened(embedder, [row[1:] for row in rows if row[0] == embedder])


def opened(embedder: str, rows: Sequence[tuple[Any, ...]]) -> Iterator[Templates]:
    """Yield the people of ``rows`` as arrays, nothing where none of them can be read.

    Each row: slot, gallery, number, the embedder and the sealed bytes of the template.
    """
    # Who has no key was erased since the rows were read.
    vectors = vault.open_templates([row[2:] for row in rows])
    readable = [vector is not None for vector in vectors]
    if not any(readable):
        return
    slots, galleries, numbers, *_ = zip(*compress(rows, readable), strict=True)
    packed = np.frombuffer(b"".join(filter(None, vectors)), "<f4")
    yield Templates(
        embedder,
        np.array(slots, np.int64),
        np.array(galleries, np.int64),
        np.array(numbers, np.int64),
        packed.astype(np.float32, copy=False).reshape(len(slots), -1),
    )
