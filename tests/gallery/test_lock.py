"""Readers together, a writer alone, nobody for ever outside."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from recognition.gallery.lock import ReadWriteLock

SOON = 5.0  # seconds


def test_readers_are_inside_together():
    lock, together = ReadWriteLock(), threading.Barrier(3)

    def read() -> int:
        with lock.reading():
            return together.wait(SOON)  # breaks unless all three are inside

    with ThreadPoolExecutor(3) as threads:
        readers = [threads.submit(read) for _ in range(3)]
    assert sorted(reader.result() for reader in readers) == [0, 1, 2]


def test_a_writer_is_alone():
    lock, inside, seen = ReadWriteLock(), [], []

    def work(number: int) -> None:
        for _ in range(50):
            with lock.writing() if number < 2 else lock.reading():
                inside.append("w" if number < 2 else "r")
                time.sleep(0)
                seen.append("".join(inside))
                inside.pop()

    with ThreadPoolExecutor(5) as threads:
        list(threads.map(work, range(5)))
    assert {state for state in seen if "w" in state} == {"w"}


def test_a_reader_gets_in_between_writers_that_never_rest():
    lock, stop = ReadWriteLock(), threading.Event()

    def write() -> None:
        while not stop.is_set():
            with lock.writing():
                time.sleep(0.001)

    with ThreadPoolExecutor(3) as threads:
        for _ in range(3):
            threads.submit(write)
        started = time.monotonic()
        for _ in range(20):
            with lock.reading():
                pass
        stop.set()
    assert time.monotonic() - started < SOON


def test_a_writer_gets_in_between_readers_that_never_rest():
    lock, stop = ReadWriteLock(), threading.Event()

    def read() -> None:
        while not stop.is_set():
            with lock.reading():
                time.sleep(0.001)

    with ThreadPoolExecutor(3) as threads:
        for _ in range(3):
            threads.submit(read)
        started = time.monotonic()
        for _ in range(20):
            with lock.writing():
                pass
        stop.set()
    assert time.monotonic() - started < SOON


def test_the_lock_is_free_after_an_error():
    lock = ReadWriteLock()
    for enter in (lock.reading, lock.writing):
        try:
            with enter():
                raise ValueError
        except ValueError:
            with lock.writing():
                pass
    assert lock._readers == 0
