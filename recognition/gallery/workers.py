"""The threads among which large searches and codings are shared out, one on each core."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

import faiss

from recognition.threads import core_count, pinned

Piece = TypeVar("Piece")
Result = TypeVar("Result")
_own = threading.local()


def shared_out(act: Callable[[Piece], Result], pieces: Sequence[Piece]) -> list[Result]:
    """Return what ``act`` returns for each of the pieces, in their order."""
    # To hand a single piece over would take longer than it saves.
    if len(pieces) < 2 or getattr(_own, "alone", False):
        return [act(piece) for piece in pieces]
    return list(workers().map(act, pieces))


def work_alone() -> None:
    """Have the calling thread share nothing out from now on: others need the other cores."""
    _own.alone = True


def on_one_core() -> None:
    """Have faiss work in the calling thread alone.

    Work is shared out in pieces; within a piece, threads of faiss's own would be in the way.
    """
    faiss.omp_set_num_threads(1)


@cache
def workers() -> ThreadPoolExecutor:
    """Return as many threads as there are cores; made anew in a process that was forked."""
    return pinned(core_count(), "gallery", on_one_core)


os.register_at_fork(after_in_child=workers.cache_clear)
