"""A worker gives back to the system what it has freed."""

from __future__ import annotations

import time

import psutil

from facesite import memory

MB = 2**20
CHUNK = 60_000  # bytes; glibc takes what is larger than 128 KB from the system piece by piece


def resident() -> float:
    return float(psutil.Process().memory_info().rss / MB)


def test_what_was_freed_goes_back_to_the_system(monkeypatch):
    monkeypatch.setattr(memory, "EVERY", 0.2)
    memory.give_back_often()
    chunks = [bytearray(b"x" * CHUNK) for _ in range(4000)]
    held = resident()
    del chunks[:-1]  # the last one keeps the heap from being cut off at its end
    deadline = time.monotonic() + 10
    while resident() > held - 150 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert resident() < held - 150, chunks
