"""Threads that stay on their cores, for work of a few milliseconds that is shared out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import cycle


def own_cores() -> list[int]:
    """Return the cores that this process may use; empty where the system does not tell them."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def core_count() -> int:
    """Return on how many cores this process may run."""
    return len(own_cores()) or os.cpu_count() or 1


def pinned(count: int, name: str, begin: Callable[[], None] | None = None) -> ThreadPoolExecutor:
    """Return ``count`` threads, each kept to one core in turn; each calls ``begin`` first.

    Where two threads wake up on one core, the system parts them after milliseconds only, and the
    work is done by then (docs/decisions.md).
    """
    own = own_cores()
    cores = cycle(own)

    def start() -> None:
        if own:
            with suppress(OSError):  # the core was taken from this process since: any other will do
                os.sched_setaffinity(0, {next(cores)})
        if begin:
            begin()

    return ThreadPoolExecutor(count, name, start)


@contextmanager
def kept_off(cores: set[int]) -> Iterator[None]:
    """Keep the calling thread off ``cores``, where others wait for what it hands them."""
    own = set(own_cores())
    if not own - cores:
        yield
        return
    with suppress(OSError):
        os.sched_setaffinity(0, own - cores)
    try:
        yield
    finally:
        with suppress(OSError):
            os.sched_setaffinity(0, own)
