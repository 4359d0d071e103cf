"""Milvus, a distributed engine: one row a person, with a number, a turned template and no name.

Collections are called ``<prefix>_<epoch>_<embedder>``; all of one epoch are written together.
pymilvus is imported when the first call is made: who does not use Milvus need not have it.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from operator import methodcaller
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from recognition.errors import RecognitionError
from recognition.gallery.breaker import Breaker
from recognition.gallery.turn import Turn, fingerprint
from recognition.pipeline.types import Floats

log = logging.getLogger(__name__)
T = TypeVar("T")

BLOCK = 500  # rows sent or read at once; 1 MB at 512 dimensions
REST = 5.0  # seconds that a Milvus which failed is left alone
RETRY_AFTER = 5  # seconds; what a client is told
PING = 2  # seconds; who asks whether Milvus is there waits no longer
# pymilvus asks an idle connection every ten seconds whether it lives, for which gRPC's servers hang
# up by default; the next call then fails.
QUIET = {"grpc.keepalive_permit_without_calls": False}
MAKING = 30  # seconds that making or loading a collection may take
NO_COLLECTION, NOT_LOADED = 100, 101  # Milvus's error codes
FIELDS = ["number", "gallery", "template"]


class EngineUnavailable(RecognitionError):
    """Milvus cannot be asked at the moment."""

    def __init__(self, detail: str, hint: str = "") -> None:
        hint = hint or "Try again later; /verify and /compare go on without Milvus."
        super().__init__("not_ready", detail, hint=hint, extra={"retry_after": RETRY_AFTER})


class CollectionLost(EngineUnavailable):
    """Milvus answers, and does not have the collection."""


class _NotLoaded(EngineUnavailable):
    """The collection is there and was not loaded into memory since Milvus started."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where Milvus is, and how it is to index. ``timeout``: seconds for one call."""

    uri: str
    token: str = ""
    timeout: int = 5
    index_type: str = "FLAT"
    index_params: dict[str, Any] = field(default_factory=dict)
    search_params: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows of a collection: numbers and galleries (N,) int64; turned templates (N, D) float32."""

    numbers: NDArray[np.int64]
    galleries: NDArray[np.int64]
    turned: Floats


class Milvus:
    """The collections of one database. ``dimensions``: those of the embedders by their ids."""

    def __init__(
        self, address: Address, prefix: str, secret: str, dimensions: dict[str, int]
    ) -> None:
        self.key = fingerprint(secret)
        self._address = address
        self._prefix = prefix
        self._dimensions = dimensions
        self._turns = {name: Turn(secret, name, size) for name, size in dimensions.items()}
        self._breaker = Breaker(rest=REST)
        self._lock = threading.Lock()
        self._client: Any = None

    def collection(self, epoch: str, embedder: str) -> Collection:
        """Return the collection of one embedder; it need not exist."""
        return Collection(self, self._name(epoch, embedder), self._turns[embedder])

    def collections(self, epoch: str) -> dict[str, Collection]:
        """Return the collections of an epoch by embedder."""
        return {embedder: self.collection(epoch, embedder) for embedder in self._dimensions}

    def fits(self, embedder: str, templates: Floats) -> bool:
        """Say whether ``templates`` have the dimension of a known embedder; no others are taken."""
        return self._dimensions.get(embedder, 0) == int(templates.shape[1])

    def _name(self, epoch: str, embedder: str) -> str:
        return f"{self._prefix}_{epoch}_{embedder}".replace("-", "_")

    def has(self, epoch: str) -> bool:
        """Say whether every collection of ``epoch`` is there."""
        names = set(self._names())
        return all(self._name(epoch, embedder) in names for embedder in self._dimensions)

    def make(self, epoch: str) -> None:
        """Make the empty collections of ``epoch``."""
        for embedder, dimension in self._dimensions.items():
            self._make(self._name(epoch, embedder), dimension)

    def _make(self, name: str, dimension: int) -> None:
        client, types = _pymilvus().MilvusClient, _pymilvus().DataType
        schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("number", types.INT64, is_primary=True)
        # Milvus keeps the rows of a gallery together and leaves the others alone in a search.
        schema.add_field("gallery", types.INT64, is_partition_key=True)
        schema.add_field("template", types.FLOAT_VECTOR, dim=dimension)
        index = client.prepare_index_params()
        kind = {"index_type": self._address.index_type, "params": self._address.index_params}
        index.add_index("template", metric_type="IP", **kind)
        # Strong: a search sees what any process wrote before it, as the change log promises.
        strong = {"consistency_level": "Strong"}
        self.call(methodcaller("create_collection", name, schema=schema, timeout=MAKING, **strong))
        self.call(methodcaller("create_index", name, index, timeout=MAKING, sync=False))
        self.call(methodcaller("load_collection", name, timeout=MAKING))

    def drop_others(self, epoch: str, *, dry_run: bool = False) -> list[str]:
        """Drop what other epochs left behind; return the names."""
        own = {self._name(epoch, embedder) for embedder in self._dimensions}
        others = [name for name in self._names() if name not in own]
        for name in [] if dry_run else others:
            self.call(methodcaller("drop_collection", name, timeout=MAKING))
        return others

    def _names(self) -> list[str]:
        names = self.call(methodcaller("list_collections", timeout=PING))
        return [name for name in names if name.startswith(f"{self._prefix}_")]

    @property
    def timeout(self) -> int:
        """Seconds for one call."""
        return self._address.timeout

    @property
    def search_params(self) -> dict[str, Any]:
        """What Milvus is told with each search."""
        return {"metric_type": "IP", "params": self._address.search_params}

    def call(self, act: Callable[[Any], T]) -> T:
        """Return what ``act`` gets from pymilvus's client. Raises EngineUnavailable."""
        self._ask_breaker()
        refused = _errors()
        try:
            return act(self._connected())
        except refused as error:
            raise self._unavailable(error) from error

    def _ask_breaker(self) -> None:
        if not self._breaker.closed:
            raise EngineUnavailable("Milvus did not answer and is left alone for a while.")

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                self._ask_breaker()  # again: whoever had the lock may just have waited in vain
                uri, token = self._address.uri, self._address.token
                self._client = _pymilvus().MilvusClient(
                    uri, token=token, timeout=PING, grpc_options=QUIET
                )
        return self._client

    def _unavailable(self, error: Exception) -> EngineUnavailable:
        code = getattr(error, "code", None)
        if code == NO_COLLECTION:
            return CollectionLost("Milvus has lost the gallery.", "Run `manage.py sync_gallery`.")
        if code == NOT_LOADED:
            return _NotLoaded("Milvus is loading the gallery.")
        self._breaker.failed()
        log.warning("Milvus is left alone for a while: %s", _words(error))
        return EngineUnavailable("Milvus does not answer, or refuses; the log says more.")


def _words(error: Any) -> str:
    """Return the beginning of what Milvus, or gRPC under it, says: all may repeat what was sent."""
    details = getattr(error, "details", None)
    words = getattr(error, "message", None) or (details() if callable(details) else error)
    return str(words)[:200]


def _pymilvus() -> Any:
    # It would read a .env file of its own choice into this process's environment.
    os.environ.setdefault("PYTHON_DOTENV_DISABLED", "1")
    import pymilvus

    # It logs a traceback of each failure with a handler of its own; ours is told in one line.
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
    return pymilvus


def _errors() -> tuple[type[Exception], ...]:
    import grpc

    return _pymilvus().MilvusException, grpc.RpcError, grpc.FutureTimeoutError


class Collection:
    """One collection: the people of one embedder, of all galleries."""

    def __init__(self, milvus: Milvus, name: str, turn: Turn) -> None:
        self.name = name
        self.turn = turn
        self._milvus = milvus

    def put(
        self, numbers: NDArray[np.int64], galleries: NDArray[np.int64], templates: Floats
    ) -> None:
        """Write people anew; ``templates`` (N, D) are turned before they leave."""
        columns = zip(numbers.tolist(), galleries.tolist(), self.turn(templates), strict=True)
        rows = [dict(zip(FIELDS, row, strict=True)) for row in columns]
        for some in _blocks(rows):
            self._ask("upsert", data=some)

    def remove(self, numbers: list[int]) -> None:
        """Forget people, whether they are here or not."""
        for some in _blocks(numbers):
            self._ask("delete", ids=some)

    def count(self, gallery: int | None = None) -> int:
        """Return how many rows there are."""
        rows = self._ask("query", filter=_in(gallery), output_fields=["count(*)"])
        return int(rows[0]["count(*)"])

    def search(self, gallery: int, probes: Floats, *, limit: int) -> list[list[int]]:
        """Return for each of the (P, D) probes the numbers of the nearest people."""
        found = self._ask(
            "search",
            data=list(self.turn(probes)),
            filter=_in(gallery),
            limit=limit,
            output_fields=["number"],
            search_params=self._milvus.search_params,
        )
        return [[int(hit["number"]) for hit in hits] for hits in found]

    def present(self, numbers: list[int]) -> list[int]:
        """Return those of ``numbers`` who are here."""
        return [
            int(row["number"])
            for some in _blocks(numbers)
            for row in self._ask("get", ids=some, output_fields=["number"])
        ]

    def rows(self, numbers: list[int]) -> Rows:
        """Return the rows of some people, BLOCK at the most."""
        return _packed(self._ask("get", ids=numbers, output_fields=FIELDS))

    def in_order(self, gallery: int | None = None) -> Iterator[Rows]:
        """Return all rows, by their numbers, in blocks."""
        wanted = {"batch_size": BLOCK, "filter": _in(gallery) or None, "output_fields": FIELDS}
        rows = self._ask("query_iterator", **wanted)
        while block := self._milvus.call(lambda _: rows.next()):
            yield _packed(block)

    def _ask(self, method: str, **options: Any) -> Any:
        act = methodcaller(method, self.name, timeout=self._milvus.timeout, **options)
        try:
            return self._milvus.call(act)
        except _NotLoaded:  # milvus-lite loads nothing when it starts
            self._milvus.call(methodcaller("load_collection", self.name, timeout=MAKING))
            return self._milvus.call(act)


def _blocks(rows: list[T]) -> Iterator[list[T]]:
    for first in range(0, len(rows), BLOCK):
        yield rows[first : first + BLOCK]


def _in(gallery: int | None) -> str:
    return "" if gallery is None else f"gallery == {gallery}"


def _packed(rows: list[dict[str, Any]]) -> Rows:
    dimension = len(rows[0]["template"]) if rows else 0
    return Rows(
        np.array([row["number"] for row in rows], np.int64),
        np.array([row["gallery"] for row in rows], np.int64),
        np.array([row["template"] for row in rows], np.float32).reshape(len(rows), dimension),
    )
