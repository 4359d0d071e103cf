"""The templates in Redis: raw rows in blocks with checksums, read block by block, never pickled.

A person's row has a fixed place, ``slot``: block ``slot // BLOCK`` of their embedder, row
``slot % BLOCK`` (``gallery/rows.py``). Putting somebody writes one row, removing somebody writes
zeros over it. Under one prefix, which ends in the layout's number: ``:<embedder>:<block>``, the
blocks; ``:copy``, a hash of ``version``, the change up to which the rows were written, of
``epoch``, another one for each rebuild, and of each block's checksum under its name. What does not
agree with that is not used but made anew.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from secrets import token_hex
from typing import Any, TypeVar

from redis import Redis
from redis.exceptions import LockError, RedisError, ResponseError

from recognition.gallery.breaker import Breaker
from recognition.gallery.follow import CopyLostError, Source, Templates, here
from recognition.gallery.rows import (
    BLOCK,
    LAYOUT,
    checksum,
    pack,
    parse,
    row_type,
    spans,
    unpack,
    whole,
)

log = logging.getLogger(__name__)
T = TypeVar("T")
Place = tuple[str, int]  # embedder and slot of a row

AT_ONCE = 4  # blocks that are read together: an index takes few large ones in less time
ATTEMPTS = 5  # at writing beside other writers, before it is left to the next one
PORTION = 1_000  # changes written at once; longer, and other requests would wait for Redis
MANY = 10_000  # changes that are not worth writing one by one
REBUILD_TIMEOUT = 60.0  # seconds after which a rebuild that was killed may be begun again
WORD = 2**64
WRONG_TYPE = "WRONGTYPE"  # how Redis begins to say that a key holds no string, or no hash

#: Writes rows and fields of the hash, unless the copy is another one than the writer saw.
WRITE = """
local seen = redis.call('HMGET', KEYS[1], 'epoch', 'version')
if seen[1] ~= ARGV[1] or (seen[2] or '') ~= ARGV[2] then return 0 end
for i = 2, #KEYS do redis.call('SETRANGE', KEYS[i], ARGV[i * 2 - 1], ARGV[i * 2]) end
for i = #KEYS * 2 + 1, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
return 1
"""


class TemplateCache:
    """A copy of all templates in Redis; losing it costs a rebuild, nothing else.

    ``start`` runs a rebuild, in a server in a thread of its own.
    """

    def __init__(
        self,
        connect: Callable[[], Redis],
        prefix: str,
        dimensions: dict[str, int],
        breaker: Breaker,
        *,
        start: Callable[[Callable[[], None]], None] = here,
    ) -> None:
        self._connect, self._breaker, self._start = connect, breaker, start
        self._root, self._prefix = prefix, f"{prefix}:{LAYOUT}"
        self._dimensions = dimensions
        self.behind = False  # a change could not be written; the next chance makes up for it

    def load(self) -> tuple[int, Iterator[Templates]] | None:
        """Return the version and all templates as of then, or None: ask the source instead."""
        # The version comes first: rows written after it are newer, and applying the changes
        # since then once more does no harm.
        found = self._guarded(self._head)
        return found and (found[0], self._blocks(*found[1:]))

    def _head(self) -> tuple[int, list[str], bytes] | None:
        """Return version, names of the blocks and epoch, None where there is no copy."""
        copy: Any = self._connect().hgetall(self._copy)
        if b"version" not in copy or b"epoch" not in copy:
            return None
        version, epoch = int(copy.pop(b"version")), copy.pop(b"epoch")
        return version, sorted(name.decode() for name in copy), epoch

    def follow(self, source: Source) -> None:
        """Bring the copy to the head of the log; a Redis that fails is left alone for a while."""
        self.behind = not self._guarded(lambda: self._follow(source))

    def catch_up(self, source: Source) -> None:
        """Make up for what could not be written, once Redis is back."""
        if self.behind and self._breaker.closed:
            self.follow(source)

    def _guarded(self, act: Callable[[], T]) -> T | None:
        if not self._breaker.closed:
            return None
        try:
            return act()
        except RedisError as error:
            self._failed(error)
        except ValueError as error:
            self._discard(f"it holds what was not written there: {error}")
        return None

    def _failed(self, error: RedisError) -> None:
        """Leave a Redis that fails alone, and discard a copy with which something else was done."""
        if WRONG_TYPE in str(error):
            self._discard(str(error))
        else:
            self._breaker.failed()
            log.warning("Redis is left alone for a while: %s", error)

    def _discard(self, why: str) -> None:
        """Let nobody use the copy any more: whoever writes next makes it anew."""
        log.warning("the copy in Redis is discarded: %s", why)
        self._guarded(lambda: self._connect().delete(self._copy))

    @property
    def _copy(self) -> str:
        return f"{self._prefix}:copy"

    def _key(self, name: str) -> str:
        """Return the key of a block by its name, ``<embedder>:<block>``."""
        return f"{self._prefix}:{name}"

    def _blocks(self, names: list[str], epoch: bytes) -> Iterator[Templates]:
        try:
            for embedder, group in groupby(names, lambda name: name.rpartition(":")[0]):
                blocks = [int(name.rpartition(":")[2]) for name in group]
                for first in range(0, len(blocks), AT_ONCE):
                    yield self._some(embedder, blocks[first : first + AT_ONCE], epoch)
        except RedisError as error:
            self._failed(error)
            raise CopyLostError(str(error)) from error
        except ValueError as error:
            self._discard(f"it holds what was not written there: {error}")
            raise CopyLostError(str(error)) from error

    def _some(self, embedder: str, blocks: list[int], epoch: bytes) -> Templates:
        """Return the people of some blocks, or raise where one is not what was written."""
        names = [f"{embedder}:{block}" for block in blocks]
        with self._connect().pipeline() as pipe:  # one transaction: no write comes between
            for name in names:
                pipe.get(self._key(name))
            pipe.hmget(self._copy, "epoch", *names)
            *raws, (epoch_now, *sums) = pipe.execute()
        if epoch_now != epoch:
            raise CopyLostError("it is being made anew")
        if embedder in self._dimensions:
            found = [parse(raw or b"", self._dimensions[embedder]) for raw in raws]
            if [checksum(rows) for rows in found] == [int(written or 0) for written in sums]:
                return unpack(embedder, blocks, found)
        self._discard(f"among {', '.join(names)} is what was not written")
        raise CopyLostError(f"among {', '.join(names)} is what was not written")

    def _follow(self, source: Source) -> bool:
        redis: Any = self._connect()
        failures = 0
        while failures < ATTEMPTS:
            version, epoch = redis.hmget(self._copy, "version", "epoch")
            behind = source.head() - int(version or 0)
            if version is None or epoch is None or not 0 <= behind <= MANY:
                return self._begin_rebuild(redis, source)
            if behind == 0:
                return True
            upto = int(version) + min(behind, PORTION)
            if not self._write_changes(redis, (epoch, version), source, upto):
                failures += 1  # another process wrote in between: look again
        return False

    def _write_changes(
        self, redis: Any, seen: tuple[bytes, bytes], source: Source, upto: int
    ) -> bool:
        """Bring the copy to the change ``upto``; False where it is not as it was ``seen``."""
        changes = source.changes(after=int(seen[1]), upto=upto)
        slots = sorted({change.slot for change in changes})
        places = [(embedder, slot) for embedder in self._dimensions for slot in slots]
        old, sums = self._old_rows(redis, places)
        new = dict.fromkeys(places, b"")
        for templates in source.templates({change.subject_number for change in changes}):
            rows = zip(templates.slots.tolist(), pack(templates), strict=True)
            new |= {(templates.embedder, slot): row.tobytes() for slot, row in rows}
        pieces, fields = {}, {"version": upto}
        for place in places:
            row = new[place] or bytes(len(old[place]))
            if row != old[place]:
                name, pieces[place] = _name(place), row
                change = self._sum(place, row) - self._sum(place, old[place])
                fields[name] = sums[name] = (sums[name] + change) % WORD
        return self._write(redis, seen, pieces, fields)

    def _old_rows(
        self, redis: Any, places: list[Place]
    ) -> tuple[dict[Place, bytes], dict[str, int]]:
        """Return what stands in ``places``, and the checksums of their blocks."""
        names = sorted({_name(place) for place in places})
        with redis.pipeline(transaction=False) as pipe:
            for place in places:
                first, size = self._span(place)
                pipe.getrange(self._key(_name(place)), first, first + size - 1)
            pipe.hmget(self._copy, names)
            *rows, sums = pipe.execute()
        old = {p: row.ljust(self._span(p)[1], b"\0") for p, row in zip(places, rows, strict=True)}
        return old, {name: int(sum_ or 0) for name, sum_ in zip(names, sums, strict=True)}

    def _span(self, place: Place) -> tuple[int, int]:
        """Return where in its block a row begins, and how long it is, in bytes."""
        size = row_type(self._dimensions[place[0]]).itemsize
        return place[1] % BLOCK * size, size

    def _sum(self, place: Place, row: bytes) -> int:
        return checksum(parse(row, self._dimensions[place[0]]), first=place[1] % BLOCK)

    def _write(
        self,
        redis: Any,
        seen: tuple[bytes, bytes],
        pieces: Mapping[Place, bytes],
        fields: Mapping[str, int],
    ) -> bool:
        """Write rows and fields of the hash at once, unless the copy is not as it was ``seen``."""
        keys, values = [self._copy], list[Any](seen)
        for place, raw in pieces.items():
            keys.append(self._key(_name(place)))
            values += [self._span(place)[0], raw]
        for pair in fields.items():
            values += pair
        return bool(redis.register_script(WRITE)(keys, values))

    def _begin_rebuild(self, redis: Any, source: Source) -> bool:
        """Have everything written anew; only one process does, the others look again later."""
        lock = redis.lock(
            f"{self._root}:rebuild", timeout=REBUILD_TIMEOUT, blocking=False, thread_local=False
        )
        if lock.acquire():
            self._start(lambda: self._rebuild(redis, lock, source))
        return bool(self._guarded(lambda: redis.hexists(self._copy, "version")))

    def _rebuild(self, redis: Any, lock: Any, source: Source) -> None:
        """Write everybody, block by block; others leave to it what they change meanwhile."""
        try:
            if self._guarded(lambda: self._write_all(redis, lock, source)):
                self.follow(source)
        finally:
            self._guarded(lambda: _release(lock))

    def _write_all(self, redis: Any, lock: Any, source: Source) -> bool:
        """Return False where another process began to do the same."""
        _warn_of_files(redis)
        seen, head = (token_hex(8).encode(), b""), source.head()
        self._erase_all(redis, lock.name)
        redis.hset(self._copy, "epoch", seen[0])
        sums = Counter[str]()
        for templates in source.all_templates():
            for block, first, rows in spans(templates):
                name = _name((templates.embedder, block * BLOCK))
                if name not in sums:
                    # At its full length at once: for what grows Redis keeps up to 1 MB more.
                    first, rows = 0, whole(first, rows)
                place = templates.embedder, block * BLOCK + first
                sums[name] = (sums[name] + checksum(rows, first=first)) % WORD
                if not self._write(redis, seen, {place: rows.tobytes()}, {}):
                    return False
            lock.reacquire()
        return self._write(redis, seen, {}, {**sums, "version": head})

    def _erase_all(self, redis: Any, lock: str) -> None:
        """Erase the copy, and what was left by other layouts or by a copy that lost its hash."""
        redis.delete(self._copy)  # first: from here on nobody reads or writes it
        for key in redis.scan_iter(f"{self._root}:*", count=1000):
            if key.decode() != lock:
                redis.unlink(key)


def _name(place: Place) -> str:
    return f"{place[0]}:{place[1] // BLOCK}"


def _release(lock: Any) -> None:
    try:
        lock.release()
    except LockError:
        log.warning("the rebuild of the Redis copy took longer than its lock")


def _warn_of_files(redis: Any) -> None:
    """Say so where Redis writes what it holds to a disk: templates rest there in the clear."""
    try:
        found = {**redis.config_get("save"), **redis.config_get("appendonly")}
    except ResponseError as error:  # a hosted one, which does not tell
        log.info("It is not known whether Redis writes to a disk: %s", error)
        return
    if found.get("save") or found.get("appendonly") == "yes":
        log.warning(
            "Redis writes what it holds to a disk, where templates rest in the clear: "
            'set save "" and appendonly no.'
        )
