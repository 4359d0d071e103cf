"""Threads, sessions and batches of ONNX Runtime: ``python -m benchmarks.inference``.

What serves best: one session with two threads or one thread a run, threads that spin or sleep
while they wait, runs side by side or the work of several requests in one batch. Each network is
given what one request gives it (a photograph of 640x480 with one face), by 1 to 8 callers at
once. Prints a table and writes ``results/inference.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine, photographs
from benchmarks.bench import EMBEDDERS, KEPT, Bench
from benchmarks.contestant import Contestant
from benchmarks.report import DISTURBED
from recognition.networks.catalogue import MTCNN
from recognition.networks.store import NetworkStore
from recognition.pipeline.types import Floats

RESULT = Path(__file__).parent / "results" / "inference.json"
CALLERS = (1, 2, 4, 8)
BATCHES = (1, 2, 4, 8)
WARM_UP = 3  # calls
TRIES = 4  # at a figure, while other programs disturb it

#: The inputs of all runs that one request makes of each network, in their order.
Work = list[tuple[str, list[Floats]]]


@dataclass(frozen=True, slots=True)
class Arrangement:
    """How networks are loaded: ``sessions`` of each, used in turn, with ``threads`` for a run.

    ``spinning``: threads that wait keep a core busy, always or (``stopped``) in a run alone.
    """

    name: str
    sessions: int
    threads: int
    spinning: bool = False
    stopped: bool = False


ARRANGEMENTS = (
    Arrangement("one session, 2 threads, spinning", 1, 2, spinning=True),
    Arrangement("the same for the length of a run", 1, 2, spinning=True, stopped=True),
    Arrangement("one session, 2 threads", 1, 2),
    Arrangement("one session, 1 thread", 1, 1),
    Arrangement("two sessions, 1 thread each", 2, 1),
)


@dataclass(frozen=True, slots=True)
class Found:
    """What ``callers`` at once got, the work of ``batch`` requests in each of their calls.

    ``latency``: ms of a call, the median; ``rate``: requests a second, of all callers together;
    ``cpu``: ms of the processor's time that a request took; ``others``: cores that other programs
    kept busy meanwhile.
    """

    what: str
    arrangement: str
    callers: int
    batch: int
    latency: float
    rate: float
    cpu: float
    others: float


class Caller:
    """One arrangement, in a process of its own."""

    def __init__(self, folder: Path, work: Work, arrangement: Arrangement) -> None:
        store = NetworkStore([folder])
        self._sessions = [
            {name: _session(store.find(name), arrangement) for name, _ in work}
            for _ in range(arrangement.sessions)
        ]
        self._work = work

    def __call__(self, load: tuple[int, int, float]) -> tuple[float, float, float]:
        """Return latency, rate and processor's time, see ``Found``."""
        callers, batch, seconds = load
        work = [
            (name, [np.repeat(i, batch, axis=0) for i in inputs]) for name, inputs in self._work
        ]
        times: list[float] = []
        for sessions in self._sessions * WARM_UP:
            _run(sessions, work)
        started, cpu = time.perf_counter(), time.process_time()
        threads = [
            threading.Thread(
                target=_call,
                args=(self._sessions[n % len(self._sessions)], work, started + seconds, times),
            )
            for n in range(callers)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took, requests = time.perf_counter() - started, len(times) * batch
        used = (time.process_time() - cpu) / requests * 1000
        return statistics.median(times), requests / took, used


def _session(path: Path, arrangement: Arrangement) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = arrangement.threads
    options.inter_op_num_threads = 1
    spinning = str(int(arrangement.spinning))
    options.add_session_config_entry("session.intra_op.allow_spinning", spinning)
    stopped = str(int(arrangement.stopped))
    options.add_session_config_entry("session.force_spinning_stop", stopped)
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _call(sessions: dict[str, Any], work: Work, until: float, times: list[float]) -> None:
    """Call until it is time to end, once at the least."""
    started = time.perf_counter()
    while not times or started < until:
        _run(sessions, work)
        ended = time.perf_counter()
        times.append((ended - started) * 1000)
        started = ended


def _run(sessions: dict[str, Any], work: Work) -> None:
    for name, inputs in work:
        for each in inputs:
            sessions[name].run(None, {sessions[name].get_inputs()[0].name: each})


class Listener:
    """A network that keeps what it is given."""

    def __init__(self, network: Any) -> None:
        self._network = network
        self.inputs: list[Floats] = []

    def run(self, inputs: Floats) -> list[Floats]:
        self.inputs.append(np.array(inputs, dtype=np.float32))
        outputs: list[Floats] = self._network.run(inputs)
        return outputs


def work_of_one_request(folder: Path, embedder: str) -> Work:
    """Return what detector and embedder hand to their networks for one photograph."""
    import django

    django.setup()
    from recognition import runtime
    from recognition.networks.session import OnnxNetwork
    from recognition.pipeline.decode import decode
    from recognition.pipeline.detect import Detector
    from recognition.pipeline.extract import Extractor
    from recognition.pipeline.quality import QualityLimits

    store, names = NetworkStore([folder]), (*MTCNN, embedder)
    nets = {name: Listener(OnnxNetwork(store.find(name))) for name in names}
    detector = Detector(*(nets[name] for name in MTCNN))
    extractor = Extractor(detector, runtime.EMBEDDERS[embedder](nets[embedder]), QualityLimits())
    picture = decode(photographs.small()[0], limits=runtime.limits())
    extractor.embed(picture, extractor.detect(picture))
    return [(name, net.inputs) for name, net in nets.items()]


def cases(folder: Path) -> dict[str, Work]:
    """Return each network's own work, and that of a whole request, by name."""
    found: dict[str, Work] = {}
    for embedder in EMBEDDERS:
        work = work_of_one_request(folder, embedder)
        found |= {name: [(name, inputs)] for name, inputs in work}
        found[f"all four, {embedder}"] = work
    return found


def measured(folder: Path, seconds: float) -> Iterator[Found]:
    """Measure every case in every arrangement: callers side by side, then batches of one caller."""
    for what, work in cases(folder).items():
        for arrangement in ARRANGEMENTS:
            with Contestant(Caller, folder, work, arrangement) as caller:
                loads = [(callers, 1) for callers in CALLERS]
                loads += [(1, batch) for batch in BATCHES[1:]]
                for callers, batch in loads:
                    figures = undisturbed(caller, (callers, batch, seconds))
                    yield Found(what, arrangement.name, callers, batch, *figures)


def undisturbed(caller: Contestant, load: tuple[int, int, float]) -> tuple[float, ...]:
    """Return what ``caller`` measures while other programs do least, and how much they did."""
    tried: list[tuple[float, ...]] = []
    while len(tried) < TRIES and (not tried or tried[-1][-1] > DISTURBED):
        others = machine.Others()
        [figures] = caller.ask(load)
        tried.append((*(round(figure, 3) for figure in figures), others.cores()))
    return min(tried, key=lambda figures: figures[-1])


def table(found: Sequence[Found]) -> str:
    """Return a line for each case and arrangement: ms of a call, requests a second.

    A star where other programs took part of the processor.
    """
    columns = [f"{n} at once" for n in CALLERS] + [f"batch of {n}" for n in BATCHES[1:]]
    lines = [f"{'ms, requests a second':36}" + "".join(f"{c:>18}" for c in columns)]
    by_line: dict[tuple[str, str], list[Found]] = {}
    for one in found:
        by_line.setdefault((one.what, one.arrangement), []).append(one)
    what = ""
    for (case, arrangement), row in by_line.items():
        if case != what:
            what = case
            lines.append(case.upper())
        cells = (
            f"{one.latency:8.2f} {one.rate:6.1f}/s{'*' if one.others > DISTURBED else ' '}"
            for one in row
        )
        lines.append(f"  {arrangement:34}" + "".join(cells))
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.inference", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="for each figure")
    parser.add_argument("--output", type=Path, default=RESULT, help="where the JSON goes")
    asked = parser.parse_args(arguments)
    cores = machine.keep_to_two_cores()
    KEPT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=KEPT) as folder:
        bench = Bench(Path(folder), quick=False, cores=cores)
        os.environ.update(bench.environment())  # the settings that photographs are read by
        found = list(measured(bench.networks, asked.seconds))
    whole = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine.facts(cores),
        "rows": [asdict(one) for one in found],
    }
    asked.output.write_text(json.dumps(whole, indent=1) + "\n")
    print(table(found))


if __name__ == "__main__":
    main()
