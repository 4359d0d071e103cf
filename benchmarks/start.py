"""From ``manage.py serve`` to the first answer, and the memory that is then resident."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks import photographs
from benchmarks.bench import EMBEDDERS, Bench
from benchmarks.report import Bar, Row, told
from benchmarks.site import Site
from benchmarks.timing import Measure

#: DESIGN section 6, for 100,000 people.
MOST_SECONDS, MOST_MB, WITH = 5.0, 700.0, 100_000
STARTS = 3
REQUESTS = 20  # before memory is looked at


@dataclass(frozen=True, slots=True)
class Start:
    """One start of the server."""

    seconds: float
    megabytes: float
    proportional: float
    torch: bool


def rows(bench: Bench) -> Iterator[Row]:
    """Measure starts with the usual gallery and with a large one."""
    for people in (bench.people,) if bench.quick else (bench.people, WITH):
        for embedder in EMBEDDERS[:1] if bench.quick else EMBEDDERS:
            site = bench.site(embedder, people)
            bench.say(f"starting with {people:,} people of {embedder}")
            starts = [_start(site) for _ in range(1 if bench.quick else STARTS)]
            yield from _rows(f"{people:,} people, {embedder}", people, starts)


def _start(site: Site) -> Start:
    jpeg = photographs.small()[0]
    started = time.perf_counter()
    site.start()
    try:
        client = site.client()
        client.identify(jpeg)
        seconds = time.perf_counter() - started
        for _ in range(REQUESTS):
            client.identify(jpeg)
        resident, proportional = site.resident_mb(), site.proportional_mb()
        return Start(seconds, resident, proportional, site.has_loaded("libtorch"))
    finally:
        site.stop()


def _rows(what: str, people: int, starts: list[Start]) -> Iterator[Row]:
    seconds = Measure.of([start.seconds for start in starts], "s")
    memory = Measure.of([start.megabytes for start in starts], "MB")
    bars: tuple[Bar | None, Bar | None] = (None, None)
    if people == WITH:
        bars = (
            Bar("at most", MOST_SECONDS, seconds.median, "s"),
            Bar("at most", MOST_MB, memory.median, "MB"),
        )
    yield Row("start", f"{what}: to the first answer", seconds, bar=bars[0])
    loaded = "torch is loaded" if any(start.torch for start in starts) else "torch is not loaded"
    once = Measure.of([start.proportional for start in starts], "MB")
    note = f"what master and worker share counted twice; once: {told(once)}; {loaded}"
    yield Row("start", f"{what}: resident memory", memory, bar=bars[1], note=note)
