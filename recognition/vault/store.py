"""Where the wrapped keys of people lie: a database of its own, which no backup of the other has.

One table, made on first use. No Django model: nothing refers to it, and a row that is gone must
not come back with the tables of the other database.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.core.signals import request_finished
from django.db.utils import ConnectionHandler

from recognition.errors import RecognitionError

TABLE = "facesite_key"
NOTES = "facesite_erasure"  # in PostgreSQL alone: beside SQLite's file there is one of lines
PART = 4096  # rows of one statement or page
CHECKPOINT_MS = 500
# Any constant does that no other application takes in the same database.
TABLE_LOCK = 0x0FACE5180
LEAST = -(2**63)  # below every number: those of imports are negative

log = logging.getLogger(__name__)


class KeyStore:
    """Wrapped keys by the subject's number."""

    def __init__(self, database: Mapping[str, Any]) -> None:
        self._connections = ConnectionHandler({"default": dict(database)})
        self._made = threading.Event()
        self._log = WriteAheadLog(
            "the key store is being read: what was destroyed leaves it a bit later"
        )
        request_finished.connect(self._after_request)

    @property
    def _connection(self) -> Any:
        connection = self._connections["default"]
        if not self._made.is_set():
            self._make(connection)
            self._made.set()
        return connection

    def _make(self, connection: Any) -> None:
        kind = "bytea" if connection.vendor == "postgresql" else "blob"
        columns = f"number bigint PRIMARY KEY, wrapped {kind} NOT NULL"
        # On SQLite rows lie in the order of numbers: otherwise a key is looked up twice.
        layout = "" if connection.vendor == "postgresql" else "WITHOUT ROWID"
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":  # two that make it at once would collide
                cursor.execute("SELECT pg_advisory_lock(%s)", [TABLE_LOCK])
            cursor.execute(f"CREATE TABLE IF NOT EXISTS {TABLE} ({columns}) {layout}")
            if connection.vendor == "postgresql":
                columns = "id bigserial PRIMARY KEY, line text NOT NULL"
                cursor.execute(f"CREATE TABLE IF NOT EXISTS {NOTES} ({columns})")
                cursor.execute("SELECT pg_advisory_unlock(%s)", [TABLE_LOCK])

    def _after_request(self, **_: Any) -> None:
        self.close_unusable()

    def close_unusable(self) -> None:
        """Close the connection of this thread if it was lost, so that the next use makes one."""
        for connection in self._connections.all(initialized_only=True):
            connection.close_if_unusable_or_obsolete()

    def close(self) -> None:
        """Close the connection of this thread."""
        self._connections.close_all()

    def read(self, numbers: Iterable[int]) -> dict[int, bytes]:
        """Return the wrapped keys of those of ``numbers`` who have one."""
        some = list(numbers)
        if self._connection.vendor == "postgresql":
            return self._rows("number = ANY(%s)", [some])
        return self._rows("number IN (SELECT value FROM json_each(%s))", [json.dumps(some)])

    def pages(self) -> Iterator[dict[int, bytes]]:
        """Return all wrapped keys by ascending number."""
        last = LEAST
        while page := self._rows(f"number > %s ORDER BY number LIMIT {PART}", [last]):
            yield page
            last = max(page)

    def below(self, number: int) -> dict[int, bytes]:
        """Return the wrapped keys with lower numbers; below 0 they are of imports, and few."""
        return self._rows("number < %s", [number])

    def _rows(self, where: str, values: list[Any]) -> dict[int, bytes]:
        with self._connection.cursor() as cursor:
            cursor.execute(f"SELECT number, wrapped FROM {TABLE} WHERE {where}", values)  # noqa: S608  # our own words
            return {number: bytes(wrapped) for number, wrapped in cursor.fetchall()}

    def count(self) -> int:
        """Return how many keys there are."""
        with self._connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {TABLE}")  # noqa: S608  # a constant
            return int(cursor.fetchone()[0])

    def add(self, wrapped: Mapping[int, bytes]) -> None:
        """Store keys of people who have none; others keep theirs."""
        self._write(wrapped, "ON CONFLICT (number) DO NOTHING")

    def replace(self, wrapped: Mapping[int, bytes]) -> None:
        """Store keys in place of those that these people have; nobody gets one by this."""
        query = f"UPDATE {TABLE} SET wrapped = %s WHERE number = %s"  # noqa: S608  # a constant
        with self._at_once() as cursor:
            cursor.executemany(query, [(key, number) for number, key in wrapped.items()])

    def scrub(self) -> None:
        """Take away the bytes of rows that were deleted or changed.

        While somebody reads on SQLite they stay: ``scrub_what_is_owed`` does it later.
        """
        with self._connection.cursor() as cursor:
            if self._connection.vendor == "postgresql":
                cursor.execute(f"VACUUM {TABLE}")
            else:
                self._log.empty(cursor)

    def scrub_what_is_owed(self) -> None:
        """Take away the bytes that this process had to leave behind, if there are any."""
        if self._log.owes:
            self.scrub()

    def begin_with(self, wrapped: Mapping[int, bytes]) -> None:
        """Hold these keys and no others, at once or not at all."""
        with self._at_once() as cursor:
            cursor.execute(f"DELETE FROM {TABLE}")  # noqa: S608  # a constant
            self._write(wrapped, "")

    @contextmanager
    def _at_once(self) -> Iterator[Any]:
        """Let what is written inside be there as a whole or not at all."""
        with self._connection.cursor() as cursor:
            cursor.execute("BEGIN")
            try:
                yield cursor
            except BaseException:  # Ctrl-C too: it goes on below, with nothing half done
                cursor.execute("ROLLBACK")
                raise
            cursor.execute("COMMIT")

    def _write(self, wrapped: Mapping[int, bytes], conflict: str) -> None:
        rows = list(wrapped.items())
        for first in range(0, len(rows), 400):  # two parameters each; SQLite takes 999
            some = rows[first : first + 400]
            places = ", ".join(["(%s, %s)"] * len(some))
            query = f"INSERT INTO {TABLE} (number, wrapped) VALUES {places} {conflict}"  # noqa: S608  # our own words
            with self._connection.cursor() as cursor:
                cursor.execute(query, [value for row in some for value in row])

    def destroy(self, numbers: Iterable[int]) -> int:
        """Delete keys and their bytes; return how many there were."""
        some, gone = list(numbers), 0
        with self._connection.cursor() as cursor:
            for first in range(0, len(some), PART):
                cursor.execute(*self._deletion(some[first : first + PART]))
                gone += cursor.rowcount
        self.scrub()
        return gone

    def note(self, lines: Iterable[str]) -> None:
        """Keep lines for all who share a PostgreSQL; nothing is done on SQLite."""
        if self._connection.vendor == "postgresql":
            with self._connection.cursor() as cursor:
                query = f"INSERT INTO {NOTES} (line) SELECT unnest(%s::text[])"  # noqa: S608  # a constant
                cursor.execute(query, [list(lines)])

    def noted(self) -> list[str]:
        """Return those lines, oldest first."""
        if self._connection.vendor != "postgresql":
            return []
        with self._connection.cursor() as cursor:
            cursor.execute(f"SELECT line FROM {NOTES} ORDER BY id")  # noqa: S608  # a constant
            return [line for (line,) in cursor.fetchall()]

    def _deletion(self, numbers: list[int]) -> tuple[str, list[Any]]:
        if self._connection.vendor == "postgresql":
            return f"DELETE FROM {TABLE} WHERE number = ANY(%s)", [numbers]  # noqa: S608  # a constant
        chosen = "number IN (SELECT value FROM json_each(%s))"
        return f"DELETE FROM {TABLE} WHERE {chosen}", [json.dumps(numbers)]  # noqa: S608  # a constant


class WriteAheadLog:
    """SQLite's write-ahead log, which keeps the bytes of deleted rows until it is emptied.

    ``later``: what is told where somebody reads, so that it must be emptied another time.
    """

    def __init__(self, later: str) -> None:
        self._later, self._owes = later, threading.Event()

    @property
    def owes(self) -> bool:
        """Whether it could not be emptied the last time."""
        return self._owes.is_set()

    def empty(self, cursor: Any) -> None:
        if emptied_log(cursor):
            self._owes.clear()
        else:
            self._owes.set()
            log.warning(self._later)


def emptied_log(cursor: Any) -> bool:
    """Empty SQLite's write-ahead log into its database; say whether nobody was in the way.

    It keeps all others from writing while it waits for who reads, so it does not wait for long.
    """
    cursor.execute("PRAGMA busy_timeout")
    [patience] = cursor.fetchone()
    cursor.execute(f"PRAGMA busy_timeout = {CHECKPOINT_MS}")
    try:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return not cursor.fetchone()[0]
    finally:
        cursor.execute(f"PRAGMA busy_timeout = {patience}")


def missing(number: int) -> RecognitionError:
    """Return what to say where somebody's key is not there."""
    whose = f"subject {number}" if number else "this installation"
    whose = f"an import ({number})" if number < 0 else whose
    return RecognitionError(
        "not_ready",
        f"The key of {whose} is not in the key store, so the faces cannot be read.",
        hint="See that KEYS_DATABASE_URL and FACESITE_DATA_DIR name the store in use.",
    )
