"""The templates in Redis: blocks of rows, each sealed as a whole, read block by block.

A person's row has a fixed place, ``slot``: block ``slot // BLOCK`` of their embedder, row
``slot % BLOCK`` (``gallery/rows.py``). Putting or removing somebody seals their block anew. Under
one prefix, which ends in the layout's number: ``:<embedder>:<block>``, the blocks; ``:copy``, a
hash of ``version``, the change up to which the rows were written, of ``epoch``, another one for
each rebuild, with a key of its own, and of the end of each block under its name. What does not
agree with that is not used but made anew.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from secrets import token_hex
from typing import Any, TypeVar

import numpy as np
from redis import Redis
from redis.exceptions import LockError, RedisError, ResponseError

from recognition.gallery.breaker import Breaker
from recognition.gallery.follow import Change, CopyLostError, Source, Templates, here
from recognition.gallery.rows import BLOCK, LAYOUT, Rows, empty, filled, parse, put, unpack
from recognition.sealing import SealBrokenError, seal, unseal

log = logging.getLogger(__name__)
T = TypeVar("T")
Sealed = tuple[bytes | None, bytes | None]  # a block, and the end that it should have

AT_ONCE = 4  # blocks that are read together: an index takes few large ones in less time
ATTEMPTS = 5  # at writing beside other writers, before it is left to the next one
PORTION = 1_000  # changes written at once; longer, and other requests would wait for Redis
TOUCHED = 8  # blocks written at once: 16 MB at 512 dimensions
MANY = 2_000  # changes that are not worth writing: each may want another block sealed
REBUILD_TIMEOUT = 60.0  # seconds after which a rebuild that was killed may be begun again
WRONG_TYPE = "WRONGTYPE"  # how Redis begins to say that a key holds no string, or no hash
TAG = 16  # bytes that a sealed block ends in; no two are alike

#: Writes blocks and fields of the hash, unless the copy is another one than the writer saw.
WRITE = """
local seen = redis.call('HMGET', KEYS[1], 'epoch', 'version')
if seen[1] ~= ARGV[1] or (seen[2] or '') ~= ARGV[2] then return 0 end
for i = 2, #KEYS do redis.call('SET', KEYS[i], ARGV[i + 1]) end
for i = #KEYS + 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
return 1
"""


class TemplateCache:
    """A copy of all templates in Redis; losing it costs a rebuild, nothing else.

    ``secret`` returns the key (32 bytes) of an epoch. ``start`` runs a rebuild, in a server in a
    thread of its own.
    """

    def __init__(
        self,
        connect: Callable[[], Redis],
        prefix: str,
        dimensions: dict[str, int],
        breaker: Breaker,
        *,
        secret: Callable[[str], bytes],
        start: Callable[[Callable[[], None]], None] = here,
    ) -> None:
        self._connect, self._breaker, self._start = connect, breaker, start
        self._secret = secret
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

    def forget(self) -> None:
        """Discard the copy; whoever writes next makes it anew."""
        self._discard("somebody is in it who should not be")

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
        except (ValueError, SealBrokenError) as error:
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
        gone = self._guarded(lambda: self._connect().delete(self._copy)) is not None
        log.warning("the copy in Redis %s discarded: %s", "is" if gone else "could not be", why)

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
        except (ValueError, SealBrokenError) as error:
            self._discard(f"it holds what was not written there: {error}")
            raise CopyLostError(str(error)) from error

    def _some(self, embedder: str, blocks: list[int], epoch: bytes) -> Templates:
        """Return the people of some blocks, or raise where one is not what was written."""
        names = [f"{embedder}:{block}" for block in blocks]
        epoch_now, found = self._sealed(self._connect(), names)
        if epoch_now != epoch:
            raise CopyLostError("it is being made anew")
        return unpack(embedder, blocks, [self._opened(n, found[n], epoch) for n in names])

    def _sealed(self, redis: Any, names: list[str]) -> tuple[bytes, dict[str, Sealed]]:
        """Return the epoch, and each block as it is and the end that it should have."""
        with redis.pipeline() as pipe:  # one transaction: no write comes between
            for name in names:
                pipe.get(self._key(name))
            pipe.hmget(self._copy, "epoch", *names)
            *raws, (epoch, *ends) = pipe.execute()
        return epoch, dict(zip(names, zip(raws, ends, strict=True), strict=True))

    def _opened(self, name: str, sealed: Sealed, epoch: bytes) -> Rows:
        """Return the rows of a block. Raises ValueError or SealBrokenError."""
        raw, end = sealed
        embedder = name.rpartition(":")[0]
        if raw is None or raw[-TAG:] != end or embedder not in self._dimensions:
            raise ValueError(f"{name} is not as it was written")
        key = self._secret(epoch.decode())
        return parse(unseal(key, raw, _label(epoch, name)), self._dimensions[embedder])

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
        """Write changes, to ``upto`` at most; False where the copy is not as it was ``seen``."""
        after = int(seen[1])
        changes = source.changes(after=after, upto=upto)
        while len({change.slot // BLOCK for change in changes}) > TOUCHED and upto > after + 1:
            upto = after + (upto - after) // 2
            changes = source.changes(after=after, upto=upto)
        blocks = self._touched(redis, changes, seen[0])
        for (embedder, block), rows in blocks.items():
            places = [c.slot % BLOCK for c in changes if c.slot // BLOCK == block]
            rows[places] = empty(self._dimensions[embedder])[0]
        for templates in source.templates({change.subject_number for change in changes}):
            for block in np.unique(templates.slots // BLOCK).tolist():
                place = templates.embedder, block
                rows = blocks.setdefault(place, empty(self._dimensions[templates.embedder]))
                put(rows, templates, templates.slots // BLOCK == block)
        return self._write(redis, seen, blocks, {"version": upto})

    def _touched(
        self, redis: Any, changes: Iterable[Change], epoch: bytes
    ) -> dict[tuple[str, int], Rows]:
        """Return the rows, to be written in, of the blocks that ``changes`` fall into."""
        places = {(e, c.slot // BLOCK) for c in changes for e in self._dimensions}
        names = {f"{embedder}:{block}": (embedder, block) for embedder, block in sorted(places)}
        epoch_now, found = self._sealed(redis, list(names))
        if epoch_now != epoch:
            return {}  # and what is written for this epoch is refused
        # A block that is neither there nor noted holds nobody yet.
        there = [name for name, sealed in found.items() if sealed != (None, None)]
        return {names[n]: self._opened(n, found[n], epoch).copy() for n in there}

    def _write(
        self,
        redis: Any,
        seen: tuple[bytes, bytes],
        blocks: Mapping[tuple[str, int], Rows],
        fields: Mapping[str, int],
    ) -> bool:
        """Write blocks and fields of the hash, unless the copy is not as it was ``seen``."""
        keys, values, ends = [self._copy], list[Any](seen), list[Any]()
        secret = self._secret(seen[0].decode())
        for (embedder, block), rows in blocks.items():
            name = f"{embedder}:{block}"
            keys.append(self._key(name))
            values.append(seal(secret, rows.tobytes(), _label(seen[0], name)))
            ends += name, values[-1][-TAG:]
        for pair in fields.items():
            ends += pair
        return bool(redis.register_script(WRITE)(keys, values + ends))

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
        for embedder, block, rows in filled(source.all_templates()):
            if not self._write(redis, seen, {(embedder, block): rows}, {}):
                return False
            lock.reacquire()
        return self._write(redis, seen, {}, {"version": head})

    def _erase_all(self, redis: Any, lock: str) -> None:
        """Erase the copy, and what was left by other layouts or by a copy that lost its hash."""
        redis.delete(self._copy)  # first: from here on nobody reads or writes it
        for key in redis.scan_iter(f"{self._root}:*", count=1000):
            if key.decode() != lock:
                redis.unlink(key)


def _label(epoch: bytes, name: str) -> bytes:
    """Return what a sealed block is bound to."""
    return b"%b:%b" % (epoch, name.encode())


def _release(lock: Any) -> None:
    try:
        lock.release()
    except LockError:
        log.warning("the rebuild of the Redis copy took longer than its lock")


def _warn_of_files(redis: Any) -> None:
    """Say so where Redis writes what it holds to a disk: its files outlive who is erased."""
    try:
        found = {**redis.config_get("save"), **redis.config_get("appendonly")}
    except ResponseError as error:  # a hosted one, which does not tell
        log.info("It is not known whether Redis writes to a disk: %s", error)
        return
    if found.get("save") or found.get("appendonly") == "yes":
        log.warning(
            "Redis writes what it holds to a disk, where erased people may stay, sealed: "
            'set save "" and appendonly no.'
        )
