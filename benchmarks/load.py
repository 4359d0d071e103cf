"""Throughput and latency with 1 to 16 clients at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks import photographs
from benchmarks.bench import EMBEDDERS, Bench
from benchmarks.client import Client
from benchmarks.contestant import Contestant
from benchmarks.report import Bar, Row, shown
from benchmarks.site import Site
from benchmarks.timing import Measure

CLIENTS = (1, 2, 4, 8, 16)
#: With so many clients, at least this share of cores / CPU seconds of a request.
BUSY, SHARE = 8, 0.8
#: With so many clients the 95th percentile is at most so many times the median of a single one.
CROWD, TIMES = 16, 12.0
WARM_UP = 5  # requests


@dataclass(frozen=True, slots=True)
class Load:
    """What so many clients got: milliseconds of each request; CPU seconds of server and clients."""

    milliseconds: list[float]
    seconds: float
    cpu_seconds: float
    cpu_seconds_of_clients: float

    @property
    def rate(self) -> float:
        return len(self.milliseconds) / self.seconds

    @property
    def cpu_of_one(self) -> float:
        return self.cpu_seconds / len(self.milliseconds)

    def __str__(self) -> str:
        clients = self.cpu_seconds_of_clients / len(self.milliseconds)
        server, client = (shown(each * 1000) for each in (self.cpu_of_one, clients))
        return f"processor's time of a request: server {server} ms, client {client} ms"


class Clients:
    """Clients in a process of their own, one thread each; they use the server's cores too."""

    def __init__(self, port: int, key: str, jpeg: bytes) -> None:
        self._port, self._key, self._jpeg = port, key, jpeg
        first = Client(port, key)
        for _ in range(WARM_UP):
            first.identify(jpeg)
        first.close()

    def __call__(self, load: tuple[int, float]) -> tuple[list[float], float, float]:
        """Return milliseconds of each request, seconds in all, CPU seconds of the clients."""
        clients, seconds = load
        times: list[float] = []
        started, cpu = time.perf_counter(), time.process_time()
        threads = [
            threading.Thread(target=self._ask, args=(started + seconds, times))
            for _ in range(clients)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return times, time.perf_counter() - started, time.process_time() - cpu

    def _ask(self, until: float, times: list[float]) -> None:
        client = Client(self._port, self._key)
        while (started := time.perf_counter()) < until:
            client.identify(self._jpeg)
            times.append((time.perf_counter() - started) * 1000)
        client.close()


def rows(bench: Bench) -> Iterator[Row]:
    """Measure each number of clients on each embedder."""
    for embedder in EMBEDDERS:
        site = bench.site(embedder, bench.people)
        site.start()
        try:
            yield from _rows(embedder, _loads(bench, site), bench.cores)
            memory = Measure.of([site.proportional_mb()], "MB")
            yield Row("load", f"{embedder}: memory afterwards", memory)
        finally:
            site.stop()


def _loads(bench: Bench, site: Site) -> dict[int, Load]:
    site.client().close()  # it takes connections now
    jpeg, seconds = photographs.small()[0], 1.0 if bench.quick else 6.0
    loads = {}
    with Contestant(Clients, site.port, site.key, jpeg) as crowd:
        for clients in (1, BUSY, CROWD) if bench.quick else CLIENTS:
            bench.say(f"{clients} clients, {site.embedder}")
            before = site.cpu_seconds()
            [(times, lasted, theirs)] = crowd.ask((clients, seconds))
            loads[clients] = Load(times, lasted, site.cpu_seconds() - before, theirs)
    return loads


def _rows(embedder: str, loads: dict[int, Load], cores: int) -> Iterator[Row]:
    latencies = {clients: Measure.of(load.milliseconds) for clients, load in loads.items()}
    for clients, load in loads.items():
        what = f"640x480, {embedder}, {clients} at once"
        patience = _patience(latencies) if clients == CROWD else None
        yield Row("load", f"{what}: latency", latencies[clients], bar=patience, note=str(load))
        enough = _enough(loads, cores) if clients == BUSY else None
        rate = Measure.of([load.rate], "requests/s")
        yield Row("load", f"{what}: throughput", rate, bar=enough)


def _patience(latencies: dict[int, Measure]) -> Bar:
    """Return the bar on how much longer than alone a request takes in a crowd."""
    times = latencies[CROWD].p95 / latencies[1].median
    return Bar("at most", TIMES, round(times, 2), "x the median of one")


def _enough(loads: dict[int, Load], cores: int) -> Bar:
    """Return the bar on the throughput."""
    # The least of all: threads that wait for work use the processor too, least under full load.
    ideal = cores / min(load.cpu_of_one for load in loads.values())
    return Bar("at least", round(SHARE * ideal, 2), round(loads[BUSY].rate, 2), "requests/s")
