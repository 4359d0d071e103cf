"""What Milvus follows, in Django's terms: the database, and the engine as the settings say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Length

from recognition.changelog import Database, opened
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
from recognition.sealing import OVERHEAD

ONLY_ROW = 1


class EngineDatabase(Database):
    """``gallery.engine.Truth`` on Django's models.

    ``dimensions``: those of the embedders by their ids; ``default`` names the embedder of a gallery
    that has none yet, as a search there takes it.
    """

    def __init__(self, dimensions: dict[str, int], default: Callable[[], str]) -> None:
        self._dimensions = dimensions
        self._default = default

    def templates(self, numbers: Iterable[int]) -> Iterator[Templates]:
        """Return the templates as they are now of those who may be matched."""
        for block in super().templates(numbers):
            yield replace(block, embedder=block.embedder or self._default())

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
        columns = (
            "subject_id", "subject__gallery_id", "subject__number", "embedder", "sealed",
        )  # fmt: skip
        people = self._matchable(embedder, gallery).order_by("subject__number")
        rows = list(people.values_list(*columns)[:BLOCK])
        while rows:
            yield from opened(embedder, rows)
            after = people.filter(subject__number__gt=rows[-1][2])
            rows = list(after.values_list(*columns)[:BLOCK])

    def count(self, embedder: str | None = None, gallery: int | None = None) -> int:
        """Return how many people may be matched."""
        return self._matchable(embedder, gallery).count()

    def counts(self) -> dict[tuple[str, int], int]:
        """Return how many people may be matched, by embedder and gallery."""
        columns = ("subject__gallery__embedder", "subject__gallery_id")
        counted = self._matchable(None, None).values_list(*columns).annotate(Count("pk"))
        return {(name or self._default(), gallery): people for name, gallery, people in counted}

    def known(self, numbers: Iterable[int]) -> set[int]:
        """Return those of ``numbers`` who are registered, be they active or not."""
        subjects = Subject.objects.values_list("number", flat=True)
        return {n for some in in_parts(numbers) for n in subjects.filter(number__in=some)}

    def embedder(self, gallery: int) -> str:
        """Return the embedder of a gallery now, "" where nobody decided or it is gone."""
        rows = Gallery.objects.filter(pk=gallery).values_list("embedder", flat=True)
        return rows.first() or ""

    def _matchable(self, embedder: str | None, gallery: int | None) -> QuerySet[PersonTemplate]:
        templates = PersonTemplate.objects.filter(subject__active=True)
        if embedder is not None:
            own = Q(subject__gallery__embedder=embedder)
            if embedder == self._default():
                size = 4 * self._dimensions[embedder] + OVERHEAD  # bytes of float32, sealed
                templates = templates.annotate(size=Length("sealed"))
                own |= Q(subject__gallery__embedder="", size=size)
            templates = templates.filter(own)
        return templates if gallery is None else templates.filter(subject__gallery=gallery)


def _state(row: EngineState) -> State:
    return State(row.epoch, row.version, row.key)


def milvus_engine(dimensions: dict[str, int], default: Callable[[], str]) -> Engine:
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
    milvus = Milvus(address, prefix, settings.MILVUS_TURN_KEY, dimensions)
    return Engine(EngineDatabase(dimensions, default), milvus)
