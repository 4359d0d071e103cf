"""The templates in Redis: raw rows in blocks, read back in a few gets, never pickled.

A person's row has a fixed place, ``slot``: block ``slot // BLOCK`` of their embedder, row
``slot % BLOCK``. Putting somebody writes one row, removing somebody writes zeros over it.
Under one prefix: ``:version``, the change up to which the rows were written; ``:epoch``, another
one for each rebuild; ``:blocks``, the set of the blocks' keys; ``:<embedder>:<block>``, the
blocks. Where one of them is missing, or the version is from the future, all is made anew.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from secrets import token_hex
from typing import Any

import numpy as np
from redis import Redis
from redis.exceptions import LockError, RedisError, WatchError

from recognition.gallery.breaker import Breaker
from recognition.gallery.follow import Source, Templates

log = logging.getLogger(__name__)

BLOCK = 4096  # rows; 2 MB at 128 dimensions, 8 MB at 512: a few gets for a large gallery
ATTEMPTS = 5  # at writing beside other writers, before it is left to the next one
MANY = 10_000  # changes that are not worth writing one by one
NO_BLOCK = b"-"  # a member of the set of blocks, so that an empty copy has one too
REBUILD_TIMEOUT = 60.0  # seconds after which a rebuild that was killed may be begun again


def row_type(dimension: int) -> np.dtype[Any]:
    """Return the layout of one row; ``number`` 0 says that the place is empty."""
    vector = ("vector", "<f4", (dimension,))
    return np.dtype([("number", "<i8"), ("gallery", "<i8"), vector])


class TemplateCache:
    """A copy of all templates in Redis; losing it costs a rebuild, nothing else."""

    def __init__(
        self,
        connect: Callable[[], Redis],
        prefix: str,
        dimensions: dict[str, int],
        breaker: Breaker,
    ) -> None:
        self._connect = connect
        self._prefix = prefix
        self._dimensions = dimensions
        self._breaker = breaker
        self.behind = False  # a change could not be written; the next chance makes up for it

    def load(self) -> tuple[int, list[Templates]] | None:
        """Return the version and all templates as of then, or None: ask the source instead."""
        loaded: tuple[int, list[Templates]] | None = self._guarded(self._load)
        return loaded

    def follow(self, source: Source) -> None:
        """Bring the copy to the head of the log; a Redis that fails is left alone for a while."""
        self.behind = not self._guarded(lambda: self._follow(source))

    def catch_up(self, source: Source) -> None:
        """Make up for what could not be written, once Redis is back."""
        if self.behind and self._breaker.closed:
            self.follow(source)

    def _guarded(self, act: Callable[[], Any]) -> Any:
        if not self._breaker.closed:
            return None
        try:
            return act()
        except RedisError as error:
            self._breaker.failed()
            log.warning("Redis is left alone for a while: %s", error)
            return None

    def _key(self, *parts: object) -> str:
        return ":".join([self._prefix, *map(str, parts)])

    def _load(self) -> tuple[int, list[Templates]] | None:
        redis: Any = self._connect()
        # The version comes first: rows written after it are newer, and applying the changes
        # since then once more does no harm.
        version, epoch = redis.mget(self._key("version"), self._key("epoch"))
        if version is None or epoch is None:
            return None
        keys = blocks_in(redis.smembers(self._key("blocks")))
        if keys is None:
            return None
        raws = {key: redis.get(key) for key in sorted(keys)}
        blocks = [self._unpack(key, raw) for key, raw in raws.items() if raw is not None]
        if len(blocks) < len(keys) or redis.get(self._key("epoch")) != epoch:
            return None  # Redis dropped a block by itself, or somebody is making all anew
        return int(version), blocks

    def _unpack(self, key: str, raw: bytes) -> Templates:
        embedder, block = key.rsplit(":", 2)[1:]
        layout = row_type(self._dimensions[embedder])
        rows = np.frombuffer(raw, layout, count=len(raw) // layout.itemsize)
        places = np.flatnonzero(rows["number"])
        rows = rows[places]
        return Templates(
            embedder,
            int(block) * BLOCK + places.astype(np.int64),
            rows["gallery"].astype(np.int64),
            rows["number"].astype(np.int64),
            rows["vector"].astype(np.float32),
        )

    def _follow(self, source: Source) -> bool:
        redis: Any = self._connect()
        for _ in range(ATTEMPTS):
            with redis.pipeline() as pipe:
                try:
                    return self._write_changes(pipe, source) or self._rebuild(redis, source)
                except WatchError:
                    continue  # another process wrote in between: look again
        return False

    def _write_changes(self, pipe: Any, source: Source) -> bool:
        """Bring a whole copy to the head of the log; return False where it must be made anew."""
        pipe.watch(self._key("version"), self._key("epoch"), self._key("blocks"))
        version, epoch = pipe.mget(self._key("version"), self._key("epoch"))
        blocks = blocks_in(pipe.smembers(self._key("blocks")))
        head = source.head()
        if version is None or epoch is None or blocks is None or int(version) > head:
            return False
        if int(version) == head:
            return True
        if blocks:
            pipe.watch(*blocks)
            if pipe.exists(*blocks) < len(blocks):
                return False  # Redis dropped one by itself; writing a row would hide that
        changes = source.changes(after=int(version), upto=head)
        if len(changes) > MANY:
            return False
        pipe.multi()
        self._erase(pipe, blocks, {change.slot for change in changes})
        for templates in source.templates({change.subject_number for change in changes}):
            self._put(pipe, templates)
        pipe.set(self._key("version"), head)
        pipe.execute()
        return True

    def _erase(self, pipe: Any, blocks: set[str], slots: set[int]) -> None:
        for slot in slots:
            for embedder, dimension in self._dimensions.items():
                key = self._key(embedder, slot // BLOCK)
                if key in blocks:
                    size = row_type(dimension).itemsize
                    pipe.setrange(key, slot % BLOCK * size, bytes(size))

    def _rebuild(self, redis: Any, source: Source) -> bool:
        """Write everything anew; only one process does, the others go on and look again later."""
        lock = redis.lock(self._key("rebuild"), timeout=REBUILD_TIMEOUT, blocking=False)
        if not lock.acquire():
            return False
        try:
            head = source.head()
            redis.delete(*map(self._key, ("version", "epoch", "blocks")))
            # By pattern: the set of the blocks may be what was lost.
            for embedder in self._dimensions:
                if old := list(redis.scan_iter(self._key(embedder, "*"), count=BLOCK)):
                    redis.delete(*old)
            redis.sadd(self._key("blocks"), NO_BLOCK)
            for templates in source.all_templates():
                with redis.pipeline(transaction=False) as pipe:
                    self._put(pipe, templates)
                    pipe.execute()
                lock.reacquire()
            redis.mset({self._key("epoch"): token_hex(8), self._key("version"): head})
        finally:
            _release(lock)
        # Whoever changed something meanwhile found no version and left it to this process.
        return source.head() == head or self._follow(source)

    def _put(self, pipe: Any, templates: Templates) -> None:
        rows = np.zeros(len(templates.numbers), row_type(templates.vectors.shape[1]))
        rows["number"], rows["gallery"] = templates.numbers, templates.galleries
        rows["vector"] = templates.vectors
        for start, stop in _runs(templates.slots):
            slot = int(templates.slots[start])
            key = self._key(templates.embedder, slot // BLOCK)
            pipe.sadd(self._key("blocks"), key)
            pipe.setrange(key, slot % BLOCK * rows.itemsize, rows[start:stop].tobytes())


def blocks_in(members: set[bytes]) -> set[str] | None:
    """Return the keys in the set of blocks, None where the set itself is gone."""
    return {key.decode() for key in members - {NO_BLOCK}} if members else None


def _runs(slots: np.ndarray[Any, np.dtype[np.int64]]) -> list[tuple[int, int]]:
    """Return [start, stop) of each run of neighbouring slots within one block."""
    breaks = np.flatnonzero((np.diff(slots) != 1) | (slots[1:] % BLOCK == 0)) + 1
    edges = [0, *breaks.tolist(), len(slots)]
    return [(a, b) for a, b in zip(edges, edges[1:], strict=False) if a < b]


def _release(lock: Any) -> None:
    try:
        lock.release()
    except LockError:
        log.warning("the rebuild of the Redis copy took longer than its lock")
