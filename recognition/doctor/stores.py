"""What holds the data: database, Redis, Milvus."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django_redis import get_redis_connection
from redis.exceptions import RedisError, ResponseError

from recognition import runtime
from recognition.admission import threads_for
from recognition.doctor.verdict import Verdict, fault, first_line, ok, size, warning
from recognition.models import Subject

# Of a person in Redis. Source: docs/scaling.md, D4.
IN_REDIS = {"dlib-resnet-v1": 550, "facenet-vggface2": 2200}
HERE = {"localhost", "127.0.0.1", "::1", None}


def database() -> Iterator[Verdict]:
    started = time.monotonic()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        said = f"It does not answer: {first_line(error)}."
        yield fault("database", said, "Start it, or correct DATABASE_URL and DATABASE_PASSWORD.")
        return
    took = (time.monotonic() - started) * 1000
    yield ok("database", f"{connection.display_name} answers in {took:.1f} ms.")
    yield from _migrations()
    yield from _postgresql() if connection.vendor == "postgresql" else _sqlite()


def _migrations() -> Iterator[Verdict]:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        said = f"{len(plan)} migrations are not applied, the first is {plan[0][0]}."
        yield fault("database", said, "Run `manage.py prepare`.")


def _sqlite() -> Iterator[Verdict]:
    mode = asked("PRAGMA journal_mode")
    if mode not in {"wal", "memory"}:  # memory: a database that is in no file
        said = f"Its journal is {mode} and not WAL: who reads waits for who writes."
        yield warning("database", said, "Put FACESITE_DATA_DIR on a local disk, not a network's.")
    if settings.WEB_CONCURRENCY > 4:
        said = f"{settings.WEB_CONCURRENCY} processes write into one SQLite, one after another."
        yield warning("database", said, "Use PostgreSQL (DATABASE_URL).")


def _postgresql() -> Iterator[Verdict]:
    off = [name for name in ("fsync", "synchronous_commit") if asked(f"SHOW {name}") == "off"]
    if off:
        said = f"{' and '.join(off)} off: what was acknowledged can be lost in a power cut."
        yield fault("database", said, "Switch it on in postgresql.conf.")
    threads = threads_for(settings.MAX_RUNNING, settings.MAX_WAITING)
    wanted, there = settings.WEB_CONCURRENCY * threads, int(asked("SHOW max_connections"))
    if wanted > there:
        said = f"This server may want {wanted} connections, PostgreSQL takes {there}."
        yield warning("database", said, "Raise max_connections, or lower MAX_WAITING.")


def asked(query: str) -> Any:
    """Return the one value that a query gives."""
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]


def redis() -> Iterator[Verdict]:
    if not settings.REDIS_URL:
        yield ok("redis", "None is used.")
        return
    client = get_redis_connection("redis")
    try:
        info = client.info()
        yield ok("redis", f"{info['redis_version']} uses {size(info['used_memory'])}.")
        yield from _redis_memory(info)
        yield from _redis_files(client, info)
    except RedisError as error:
        said = f"It does not answer: {error}. The service goes on without it."
        yield fault("redis", said, "Start it, or correct REDIS_URL, REDIS_HOST, REDIS_PASSWORD.")
        return
    address = urlsplit(settings.REDIS_URL)
    if address.scheme != "unix" and not address.password and address.hostname not in HERE:
        said = f"{address.hostname} asks for no password: whoever reaches it can lift the limits."
        yield warning("redis", said, "Give it one (requirepass), and set REDIS_PASSWORD.")


def _redis_memory(info: dict[str, Any]) -> Iterator[Verdict]:
    needed = Subject.objects.count() * IN_REDIS[runtime.default_embedder()]
    most, policy = info["maxmemory"], info["maxmemory_policy"]
    remedy = "Raise maxmemory; `maxmemory-policy allkeys-lru` then drops what can be made again."
    if most and needed > most:
        said = f"The people need {size(needed)}, it may use {size(most)} ({policy})."
        yield warning("redis", said, remedy)
    if info.get("evicted_keys"):
        said = f"It had to drop {info['evicted_keys']:,} keys ({policy}): starts take longer."
        yield warning("redis", said, remedy)
    if most and policy.startswith("volatile"):
        said = f"When it is full it drops what counts for the limits ({policy})."
        yield warning("redis", said, "Set `maxmemory-policy allkeys-lru`.")


def _redis_files(client: Any, info: dict[str, Any]) -> Iterator[Verdict]:
    try:
        saves = bool(client.config_get("save").get("save"))
    except ResponseError:  # a Redis that somebody else runs does not tell
        saves = False
    writes = [name for name, on in (("save", saves), ("aof", info.get("aof_enabled"))) if on]
    if writes:
        said = (
            f"It writes to its disk ({', '.join(writes)}): sealed templates of erased people may "
            "stay there."
        )
        remedy = 'Set `save ""` and `appendonly no`: all that it holds can be made again.'
        yield warning("redis", said, remedy)


def milvus() -> Iterator[Verdict]:
    engine = runtime.engine()
    if engine is None:
        return
    compared = engine.compared()
    people = sum(count.milvus for count in compared.counts if count.gallery is None)
    if compared.agree:
        yield ok("milvus", f"It holds the {people:,} people of the database.")
    else:
        said = "It does not hold whom the database holds."
        yield fault("milvus", said, "Run `manage.py sync_gallery`.")
    said = (
        "Templates lie there turned by a secret and not encrypted: it sees who resembles whom, and "
        "with the secret, faces."
    )
    remedy = "Let nobody else reach it, and encrypt its disks: docs/scaling.md, docs/privacy.md."
    yield warning("milvus", said, remedy)
