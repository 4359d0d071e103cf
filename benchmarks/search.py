"""1:N search by gallery size, against BLAS, faiss and the original system's way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

from benchmarks.bench import Bench
from benchmarks.contestant import Contestant
from benchmarks.redis_server import RedisServer, program
from benchmarks.report import Row
from benchmarks.searchers import Blas, ExactSearch, Faiss, RedisScan
from benchmarks.timing import Turn, interleaved, total

US, ORIGINAL = "Facesite", "Redis SCAN + GET"
PEERS: dict[str, type] = {"numpy BLAS": Blas, "faiss IndexFlatIP": Faiss}
SIZES = (1_000, 10_000, 100_000)
SIZES_OF_ORIGINAL = (1_000, 10_000)
SEARCHES = 5  # a turn, since one takes less than waking up from the pause before it
NOTE = "the system that Facesite re-creates: a GET for each key, then a dot product"


def rows(bench: Bench) -> Iterator[Row]:
    """Measure one probe against galleries of each size and both dimensions."""
    sizes = SIZES[:1] if bench.quick else SIZES
    for dimension in (512, 128):
        for people in sizes:
            yield from _in_memory(bench, people, dimension)
    server = program()
    if server is None:
        bench.say(f"left out: {ORIGINAL}, for there is no redis-server")
        return
    with RedisServer(server, bench.folder) as redis:
        for people in SIZES_OF_ORIGINAL[:1] if bench.quick else SIZES_OF_ORIGINAL:
            yield from _original(bench, people, redis.port)


def _in_memory(bench: Bench, people: int, dimension: int) -> Iterator[Row]:
    bench.say(f"search among {people:,} people of {dimension}")
    with ExitStack() as stack:
        acts = {
            name: asking(stack.enter_context(Contestant(kind, people, dimension)))
            for name, kind in {US: ExactSearch, **PEERS}.items()
        }
        turns = interleaved(acts, bench.effort(40, 6))
    yield from _rows(people, dimension, turns)


def _original(bench: Bench, people: int, port: int) -> Iterator[Row]:
    bench.say(f"search among {people:,} people in Redis")
    dimension = 512
    with ExitStack() as stack:
        ours = stack.enter_context(Contestant(ExactSearch, people, dimension))
        theirs = stack.enter_context(Contestant(RedisScan, people, dimension, port))
        acts = {US: asking(ours), ORIGINAL: asking(theirs, searches=1)}
        turns = interleaved(acts, bench.effort(10, 10))
    yield from _rows(people, dimension, turns)


def asking(contestant: Contestant, *, searches: int = SEARCHES) -> Callable[[int], list[Turn]]:
    """Return the act of searching for the person whose number is that of the round."""
    return lambda round_: contestant.ask(round_, times=searches)


def _rows(people: int, dimension: int, turns: dict[str, list[Turn]]) -> Iterator[Row]:
    what = f"{people:,} people of {dimension}"
    found = {name: {turn.found for turn in each} for name, each in turns.items()}
    if len({frozenset(people) for people in found.values()}) > 1:
        raise RuntimeError(f"{what}: not everybody found the same people: {found}")
    ours = total(turns.pop(US))
    for name, theirs in turns.items():
        note = NOTE if name == ORIGINAL else ""
        yield Row("search", what, ours, name, total(theirs), note=note)
