"""Whether memory grows: ``python -m benchmarks.soak`` sends thousands of requests to a server.

The most that master and worker held while 500 requests were answered, just after the warm-up and at
the end: exits with 1 when it has grown by 50 MB or more. Writes ``benchmarks/results/soak.json``.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import machine, photographs
from benchmarks.bench import EMBEDDERS, KEPT, Bench
from benchmarks.site import Site

RESULT = Path(__file__).parent / "results" / "soak.json"
MOST_MB = 50.0
SAMPLE = 500  # requests of one sample
LOOK_EVERY = 0.5  # seconds


@dataclass(frozen=True, slots=True)
class Sample:
    """How many requests were answered after the warm-up, and the most memory held by the last."""

    requests: int
    most_mb: float


def main() -> int:
    """Send the requests, say how memory went, return 1 where it has grown too much."""
    asked = _parser().parse_args()
    cores = machine.keep_to_two_cores()
    started = time.perf_counter()
    with _site(asked.embedder, asked.people, cores) as site:
        samples = _samples(site, asked.requests, asked.warm_up, asked.clients)
    grown = round(samples[-1].most_mb - samples[0].most_mb, 1)
    result = {
        "machine": machine.facts(cores),
        **{name: getattr(asked, name) for name in ("embedder", "people", "requests", "clients")},
        "seconds": round(time.perf_counter() - started, 1),
        "samples": list(map(asdict, samples)),
        "grown_mb": grown,
        "may_grow_mb": MOST_MB,
    }
    asked.output.write_text(json.dumps(result, indent=1) + "\n")
    print(f"{asked.requests:,} requests after {asked.warm_up:,}: {grown:+.1f} MB of {MOST_MB:.0f}")
    return int(grown >= MOST_MB)


def _samples(site: Site, requests: int, warm_up: int, clients: int) -> list[Sample]:
    """Return what was held during each ``SAMPLE`` requests that follow the warm-up."""
    _send(site, warm_up, clients)
    samples: list[Sample] = []
    while (done := samples[-1].requests if samples else 0) < requests:
        some = min(SAMPLE, requests - done)
        with ThreadPoolExecutor(1) as beside:
            ended = threading.Event()
            watched = beside.submit(_most, site, ended)
            _send(site, some, clients)
            ended.set()
        samples.append(Sample(done + some, watched.result()))
        print(f"{done + some:,} requests: {watched.result()} MB", file=sys.stderr, flush=True)
    return samples


def _most(site: Site, ended: threading.Event) -> float:
    """Return the most resident memory that was seen until ``ended``, in MB."""
    most = site.resident_mb()
    while not ended.wait(LOOK_EVERY):
        most = max(most, site.resident_mb())
    return round(most, 1)


def _send(site: Site, requests: int, clients: int) -> None:
    """Send requests from several clients, each on one connection that stays open."""
    jpeg = photographs.small()[0]

    def send(count: int) -> None:
        client = site.client()
        for _ in range(count):
            client.identify(jpeg)
        client.close()

    shares = [requests // clients + (nth < requests % clients) for nth in range(clients)]
    with ThreadPoolExecutor(clients) as threads:
        list(threads.map(send, shares))


@contextmanager
def _site(embedder: str, people: int, cores: int) -> Iterator[Site]:
    KEPT.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=KEPT, prefix="soak-"))
    try:
        with closing(Bench(folder, quick=False, cores=cores)) as bench:
            site = bench.site(embedder, people)
            site.start()
            yield site
    finally:
        shutil.rmtree(folder)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    options: dict[str, Any] = {"--requests": 10_000, "--warm-up": 500, "--clients": 3}
    for name, default in {**options, "--people": 1_000}.items():
        parser.add_argument(name, type=int, default=default, help=f"{default:,} if left out")
    parser.add_argument("--embedder", choices=EMBEDDERS, default=EMBEDDERS[0])
    parser.add_argument("--output", type=Path, default=RESULT)
    return parser


if __name__ == "__main__":
    sys.exit(main())
