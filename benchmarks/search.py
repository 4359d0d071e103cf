"""1:N search by gallery size, against BLAS, faiss and the original system's way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

from benchmarks.bench import Bench
from benchmarks.contestant import AS_SERVED, Contestant
from benchmarks.people import Crowd
from benchmarks.redis_server import RedisServer, program
from benchmarks.report import Row, faster
from benchmarks.searchers import Blas, ExactSearch, Faiss, RedisScan
from benchmarks.spread import Spread
from benchmarks.timing import Turn, interleaved, total

US, BLAS, ORIGINAL = "Facesite", "numpy BLAS", "Redis SCAN + GET"
PEERS: dict[str, type] = {BLAS: Blas, "faiss IndexFlatIP": Faiss}
SIZES = (1_000, 10_000, 100_000, 1_000_000)
SPREADS = {
    "512": lambda: Spread.stretched(512),
    "512, anywhere": lambda: Spread.scattered(512),
    "128": Spread.measured,
}
MANY = 1_000_000
BARS = {"512": 10.0, "512, anywhere": 10.0, "128": 2.0}  # times faster than BLAS
SIZES_OF_ORIGINAL = (1_000, 10_000)
SEARCHES = 5  # a turn, since one takes less than waking up from the pause before it
SPREAD_NOTE = (
    "people spread as dlib-resnet-v1's embeddings of LFW's View 1, of 512 dimensions with that "
    "spectrum stretched, or anywhere on the sphere; at a threshold that one stranger in 1e8 reaches"
)
NOTE = "the system that Facesite re-creates: a GET for each key, then a dot product"


def rows(bench: Bench) -> Iterator[Row]:
    """Measure one probe against galleries of each size and both dimensions."""
    sizes = SIZES[:1] if bench.quick else SIZES
    for spread in SPREADS:
        for people in sizes:
            yield from _in_memory(bench, people, spread)
    server = program()
    if server is None:
        bench.say(f"left out: {ORIGINAL}, for there is no redis-server")
        return
    with RedisServer(server, bench.folder) as redis:
        for people in SIZES_OF_ORIGINAL[:1] if bench.quick else SIZES_OF_ORIGINAL:
            yield from _original(bench, people, redis.port)


def _in_memory(bench: Bench, people: int, spread: str) -> Iterator[Row]:
    bench.say(f"search among {people:,} people of {spread}")
    crowd = Crowd.drawn(bench.folder, people, SPREADS[spread]())
    with ExitStack() as stack:
        acts = {
            name: asking(stack.enter_context(Contestant(kind, crowd)))
            for name, kind in PEERS.items()
        }
        acts[US] = asking(stack.enter_context(_facesite(crowd)))
        turns = interleaved(acts, bench.effort(40, 6))
    yield from _rows(people, spread, turns)


def _original(bench: Bench, people: int, port: int) -> Iterator[Row]:
    bench.say(f"search among {people:,} people in Redis")
    spread = "512"
    crowd = Crowd.drawn(bench.folder, people, SPREADS[spread]())
    with ExitStack() as stack:
        ours = stack.enter_context(_facesite(crowd))
        theirs = stack.enter_context(Contestant(RedisScan, crowd, port))
        acts = {US: asking(ours, searches=1), ORIGINAL: asking(theirs, searches=1)}
        turns = interleaved(acts, bench.effort(10, 10))
    yield from _rows(people, spread, turns)


def _facesite(crowd: Crowd) -> Contestant:
    return Contestant(ExactSearch, crowd, settings=AS_SERVED)


def asking(contestant: Contestant, *, searches: int = SEARCHES) -> Callable[[int], list[Turn]]:
    """Return the act of searching for some people, others in each round."""
    return lambda round_: contestant.ask(*range(round_ * searches, (round_ + 1) * searches))


def _rows(people: int, spread: str, turns: dict[str, list[Turn]]) -> Iterator[Row]:
    what = f"{people:,} people of {spread}"
    found = {name: [turn.found for turn in each] for name, each in turns.items()}
    if any(each != found[US] for each in found.values()):
        raise RuntimeError(f"{what}: not everybody found the same people: {found}")
    ours = total(turns.pop(US))
    for name, theirs in turns.items():
        note = NOTE if name == ORIGINAL else SPREAD_NOTE
        times = BARS[spread] if (people, name) == (MANY, BLAS) else None
        bar = faster(times, ours, total(theirs)) if times else None
        yield Row("search", what, ours, name, total(theirs), bar, note)
