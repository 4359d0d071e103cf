"""Threads on cores of their own."""

from __future__ import annotations

import os
import threading

import pytest

from recognition import runtime
from recognition.admission import Client
from recognition.threads import kept_off, own_cores, pinned


def test_each_thread_keeps_to_one_core_of_this_process():
    together = threading.Barrier(3)
    begun = []

    def look(_: int) -> set[int]:
        together.wait(timeout=10)  # so that each thread has one to do
        return os.sched_getaffinity(0)

    with pinned(3, "test", lambda: begun.append(threading.current_thread().name)) as threads:
        found = list(threads.map(look, range(3)))
    assert len(begun) == 3
    assert all(len(cores) == 1 for cores in found)
    assert set().union(*found) == set(own_cores()[:3])


@pytest.fixture
def two_at_once(settings):
    settings.MAX_RUNNING, settings.INFERENCE_THREADS = 2, 2
    for built in (runtime.places, runtime._workers):
        built.cache_clear()
    yield runtime.places()
    runtime.places.cache_clear()
    runtime._workers.cache_clear()


def test_a_request_that_is_alone_uses_several_threads(two_at_once):
    assert runtime.alone() and runtime.workers()
    with two_at_once.place(Client()):
        assert runtime.alone() and runtime.workers()


def test_in_company_each_request_keeps_to_its_own_thread(two_at_once):
    with two_at_once.place(Client()), two_at_once.place(Client()):
        assert not runtime.alone() and runtime.workers() is None
    assert runtime.alone()


def test_a_thread_is_kept_off_cores_for_a_while():
    own = set(own_cores())
    with kept_off({min(own)}):
        assert os.sched_getaffinity(0) == (own - {min(own)} or own)
    assert os.sched_getaffinity(0) == own


def test_a_thread_is_not_kept_off_all_cores():
    with kept_off(set(own_cores())):
        assert os.sched_getaffinity(0) == set(own_cores())
