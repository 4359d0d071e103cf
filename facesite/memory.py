"""Give memory back to the system that a worker has freed.

glibc keeps what is freed, in up to eight heaps for each core, of which each grows to what its
threads once needed together. Here there is one heap a core, and what is free in them is given back
now and then: a server holds less, and does not grow (``python -m benchmarks.soak``). Having every
large block go back at once (``M_MMAP_THRESHOLD``) keeps it smaller still, but each is then zeroed
by the system before it is used, which was a fifth of the processor time of a request.
"""

from __future__ import annotations

import ctypes
import os
import threading
import time

M_ARENA_MAX = -8  # glibc's malloc.h
EVERY = 5.0  # seconds; giving back takes milliseconds, and what is needed again a little more


def give_back_often() -> None:
    """Begin to give back what is free, where the C library is glibc; before threads are made."""
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "malloc_trim"):  # musl, macOS
        return
    libc.mallopt(M_ARENA_MAX, max(2, os.cpu_count() or 1))
    threading.Thread(target=_now_and_then, name="memory", daemon=True).start()


def give_back() -> None:
    """Give back what is free now, where the C library is glibc."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)


def _now_and_then() -> None:
    while True:
        time.sleep(EVERY)
        give_back()
