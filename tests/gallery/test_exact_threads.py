"""Searches and changes at once: nobody sees a change half done."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from recognition.gallery import exact
from recognition.gallery.exact import ExactIndex
from tests.gallery.crowd import alike, filled

FLOOR = 0.96
STAYING, COMING = 18_000, 2_000


@pytest.fixture
def templates() -> np.ndarray:
    return alike(STAYING + COMING, 32)


@pytest.fixture
def index(templates) -> ExactIndex:
    return filled(templates[:STAYING])


def churn(index: ExactIndex, numbers: np.ndarray, templates: np.ndarray, stop) -> int:
    """Put and remove the same people until told to stop; return how often."""
    rounds = 0
    while not stop.is_set():
        index.put(numbers, templates)
        index.remove(numbers.tolist())
        rounds += 1
    return rounds


def test_searches_beside_changes_find_those_who_stay(index, templates):
    assert index._segments[0].codes
    stop, coming = threading.Event(), np.arange(STAYING, STAYING + COMING) + 1
    halves = coming[:1000], coming[1000:]
    with ThreadPoolExecutor(5) as threads:
        writers = [threads.submit(churn, index, h, templates[h - 1], stop) for h in halves]
        rows = [range(first, STAYING, 97) for first in (0, 1, 2)]
        found = list(threads.map(lambda some: ask(index, templates, some), rows))
        stop.set()
    assert all(
        numbers == [row + 1 for row in some] for numbers, some in zip(found, rows, strict=True)
    )
    assert all(writer.result() > 0 for writer in writers) and len(index) == STAYING


def ask(index: ExactIndex, templates: np.ndarray, rows: range) -> list[int]:
    """Return who is most similar to each of the templates."""
    probes = [templates[row : row + 1] for row in rows]
    return [index.search(p, limit=3, floor=FLOOR)[0][0].subject_number for p in probes]


def test_a_search_sees_a_whole_change_or_none(monkeypatch):
    monkeypatch.setattr(exact, "CODED", 100)
    pair = alike(2, 32)
    index, stop = filled(alike(1000, 32, seed=1)), threading.Event()
    index.put(np.array([2001, 2002]), pair)

    def swap() -> None:
        while not stop.is_set():
            for order in (pair[::-1], pair):
                index.put(np.array([2001, 2002]), order)

    with ThreadPoolExecutor(1) as threads:
        swapping = threads.submit(swap)
        found = [index.search(pair, limit=1, floor=0.9) for _ in range(300)]
        stop.set()
    swapping.result()  # or nothing was changed meanwhile
    named = {tuple(row[0].subject_number for row in each) for each in found}
    assert named <= {(2001, 2002), (2002, 2001)}


def test_searches_run_side_by_side(index, templates, monkeypatch):
    inside = threading.Barrier(2)
    scan = exact.Segment.scan

    def met(segment, probes, limit):
        inside.wait(5)  # breaks unless two searches are here at once
        return scan(segment, probes, limit)

    monkeypatch.setattr(exact.Segment, "scan", met)
    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(lambda _: index.search(templates[:1], limit=1), range(2)))
    assert [each[0][0].subject_number for each in found] == [1, 1]
