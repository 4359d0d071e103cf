"""How much slower a whole request gets with a million people in the gallery."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from benchmarks import photographs
from benchmarks.bench import EMBEDDERS, Bench
from benchmarks.client import Client
from benchmarks.report import Bar, Row, shown
from benchmarks.timing import Turn, interleaved, total

FEW, MANY = 10_000, 1_000_000
SLOWER = 1.5  # times at most


def rows(bench: Bench) -> Iterator[Row]:
    """Measure two servers in turn, one with few people and one with many, for each embedder."""
    few, many = (FEW // 10, MANY // 100) if bench.quick else (FEW, MANY)
    bench.fill([(embedder, many) for embedder in EMBEDDERS])
    for embedder in EMBEDDERS:
        sites = [bench.site(embedder, people) for people in (few, many)]
        bench.say(f"identify among {few:,} and {many:,} people of {embedder}")
        for site in sites:
            site.start()
        acts = {site.people: _asking(site.client()) for site in sites}
        turns = interleaved(acts, bench.effort(60, 20))
        note = f"{shown(sites[1].proportional_mb())} MB of memory with {many:,} people"
        bench.close()
        row = _row(embedder, few, many, turns, note)
        yield replace(row, bar=None) if bench.quick else row


def _asking(client: Client) -> Callable[[int], Sequence[Turn]]:
    jpeg = photographs.small()[0]
    return lambda round_: [client.turn(jpeg)]


def _row(embedder: str, few: int, many: int, turns: dict[int, list[Turn]], note: str) -> Row:
    before, after = total(turns[few]), total(turns[many])
    bar = Bar("at most", SLOWER, round(after.median / before.median, 3))
    what = f"640x480, {embedder}, {many:,} people"
    return Row("growth", what, after, f"Facesite, {few:,} people", before, bar, note)
