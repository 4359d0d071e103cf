"""What Milvus follows, in Django's terms: the database, and the engine as the settings say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

import numpy as np
from django.conf import settings
from django.db import transaction
from django.db.models import Count, QuerySet

from recognition.changelog import Database
from recognition.gallery.engine import Engine, State
from recognition.gallery.follow import Templates
from recognition.gallery.milvus import BLOCK, Address, Milvus
from recognition.models import (
    DEFAULT_GALLERY,
    EngineState,
    Gallery,
    PersonTemplate,
    Subject,
    in_parts,
)

ONLY_ROW = 1


class EngineDatabase(Database):
    """``gallery.engine.Truth`` on Django's models."""

    def state(self) -> State:
        """Return how far Milvus was written."""
        row = EngineState.objects.filter(pk=ONLY_ROW).first()
        return _state(row) if row else State()

    @contextmanager
    def locked(self) -> Iterator[State]:
        """Hold the row of the state; on SQLite, which locks no rows, the whole database."""
        with transaction.atomic():
            EngineState.objects.get_or_create(pk=ONLY_ROW)
            yield _state(EngineState.objects.select_for_update().get(pk=ONLY_ROW))

    def write(self, state: State) -> None:
        """Note how far Milvus was written."""
        EngineState.objects.filter(pk=ONLY_ROW).update(**asdict(state))

    def in_order(self, embedder: str, gallery: int | None = None) -> Iterator[Templates]:
        """Return the templates that may be matched by their numbers, in blocks."""
        columns = ("subject_id", "subject__gallery_id", "subject__number", "vector")
        rows = _matchable(embedder, gallery).order_by("subject__number").values_list(*columns)
        block = list(rows[:BLOCK])
        while block:
            slots, galleries, numbers, vectors = zip(*block, strict=True)
            raw = b"".join(bytes(vector) for vector in vectors)
            yield Templates(
                embedder,
                np.array(slots, np.int64),
                np.array(galleries, np.int64),
                np.array(numbers, np.int64),
                np.frombuffer(raw, "<f4").astype(np.float32, copy=False).reshape(len(block), -1),
            )
            block = list(rows.filter(subject__number__gt=numbers[-1])[:BLOCK])

    def count(self, embedder: str | None = None, gallery: int | None = None) -> int:
        """Return how many people may be matched."""
        return _matchable(embedder, gallery).count()

    def counts(self) -> dict[tuple[str, int], int]:
        """Return how many people may be matched, by embedder and gallery."""
        columns = ("subject__gallery__embedder", "subject__gallery_id")
        counted = _matchable(None, None).values_list(*columns).annotate(Count("pk"))
        return {(embedder, gallery): people for embedder, gallery, people in counted}

    def known(self, numbers: Iterable[int]) -> set[int]:
        """Return those of ``numbers`` who are registered, be they active or not."""
        subjects = Subject.objects.values_list("number", flat=True)
        return {n for some in in_parts(numbers) for n in subjects.filter(number__in=some)}


def _state(row: EngineState) -> State:
    return State(row.epoch, row.version, row.key)


def _matchable(embedder: str | None, gallery: int | None) -> QuerySet[PersonTemplate]:
    templates = PersonTemplate.objects.filter(subject__active=True)
    if embedder is not None:
        templates = templates.filter(subject__gallery__embedder=embedder)
    return templates if gallery is None else templates.filter(subject__gallery=gallery)


def milvus_engine(dimensions: dict[str, int]) -> Engine:
    """Return the engine that the settings describe; nothing is called yet."""
    address = Address(
        settings.MILVUS_URI,
        settings.MILVUS_TOKEN,
        settings.MILVUS_TIMEOUT,
        settings.MILVUS_INDEX,
        settings.MILVUS_INDEX_PARAMS,
        settings.MILVUS_SEARCH_PARAMS,
    )
    # The first gallery's token tells this database from others that share the Milvus.
    token = Gallery.objects.get(name=DEFAULT_GALLERY).token.hex
    prefix = f"{settings.MILVUS_PREFIX}_{token}"
    return Engine(EngineDatabase(), Milvus(address, prefix, settings.MILVUS_TURN_KEY, dimensions))
