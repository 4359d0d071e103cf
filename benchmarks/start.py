"""From ``manage.py serve`` to the first answer, and the memory that is then held."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import redis

from benchmarks import photographs
from benchmarks.bench import EMBEDDERS, Bench
from benchmarks.redis_server import RedisServer, program
from benchmarks.report import Bar, Row, told
from benchmarks.site import Site
from benchmarks.timing import Measure
from recognition.networks.catalogue import FACENET

STARTS = 3
REQUESTS = 20  # before memory is looked at
COPY_SECONDS = 300.0  # in which a server must have filled Redis
MEMORY = (
    "of master and worker, what they share counted once; {worker} in the worker, what they share "
    "included; {torch}"
)


@dataclass(frozen=True, slots=True)
class Goal:
    """What is to be reached with so many people: seconds to the first answer, and MB held."""

    people: int
    seconds: float | None = None
    megabytes: float | None = None


#: Seconds to the first answer, and MB.
USUAL = Goal(100_000, 5.0, 700.0)
#: 2.8 GB.
MILLION = 1_000_000
DATABASE = Goal(MILLION, 30.0, 2.8e9 / 2**20)
REDIS = Goal(MILLION, 15.0, 2.8e9 / 2**20)


@dataclass(frozen=True, slots=True)
class Start:
    """One start of the server."""

    seconds: float
    megabytes: float
    worker: float
    torch: bool


def rows(bench: Bench) -> Iterator[Row]:
    """Measure starts with the usual gallery, with a large one, and with a million people."""
    goals = [Goal(bench.people)] if bench.quick else [Goal(bench.people), USUAL]
    for goal in goals:
        for embedder in EMBEDDERS[:1] if bench.quick else EMBEDDERS:
            site = bench.site(embedder, goal.people)
            bench.say(f"starting with {goal.people:,} people of {embedder}")
            starts = [_start(site) for _ in range(1 if bench.quick else STARTS)]
            yield from _rows(f"{goal.people:,} people, {embedder}", goal, starts)
    if not bench.quick:
        yield from _million(bench)


def _million(bench: Bench) -> Iterator[Row]:
    """Measure starts from SQLite, and from a Redis that the first of these starts has filled."""
    site = bench.site(FACENET, MILLION)
    what = f"{MILLION:,} people, {FACENET}, from"
    bench.say(f"starting with {what} SQLite")
    yield from _rows(f"{what} SQLite", DATABASE, [_start(site) for _ in range(STARTS)])
    if found := program():
        with RedisServer(found, bench.folder) as server:
            bench.say(f"starting with {what} Redis")
            _fill(site, server)
            starts = [_start(site, REDIS_URL=server.url) for _ in range(STARTS)]
            yield from _rows(f"{what} Redis", REDIS, starts)


def _fill(site: Site, server: RedisServer) -> None:
    """Let a server write the copy of all templates into Redis, where it finds none."""
    client = redis.Redis(port=server.port)
    site.start(REDIS_URL=server.url)
    try:
        site.client().close()
        deadline = time.monotonic() + COPY_SECONDS
        while not any(client.hexists(key, "version") for key in client.scan_iter("*:copy")):
            assert time.monotonic() < deadline, "Redis was not filled"
            time.sleep(0.2)
    finally:
        site.stop()


def _start(site: Site, **settings: str) -> Start:
    jpeg = photographs.small()[0]
    started = time.perf_counter()
    site.start(**settings)
    try:
        client = site.client()
        client.identify(jpeg)
        seconds = time.perf_counter() - started
        for _ in range(REQUESTS):
            client.identify(jpeg)
        torch = site.has_loaded("libtorch")
        return Start(seconds, site.proportional_mb(), site.worker_mb(), torch)
    finally:
        site.stop()


def _rows(what: str, goal: Goal, starts: list[Start]) -> Iterator[Row]:
    seconds = Measure.of([start.seconds for start in starts], "s")
    memory = Measure.of([start.megabytes for start in starts], "MB")
    worker = Measure.of([start.worker for start in starts], "MB")
    quick = Bar("at most", goal.seconds, seconds.median, "s") if goal.seconds else None
    small = Bar("at most", goal.megabytes, memory.median, "MB") if goal.megabytes else None
    torch = "torch is loaded" if any(start.torch for start in starts) else "torch is not loaded"
    yield Row("start", f"{what}: to the first answer", seconds, bar=quick)
    note = MEMORY.format(worker=told(worker), torch=torch)
    yield Row("start", f"{what}: memory", memory, bar=small, note=note)
