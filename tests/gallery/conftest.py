"""The cast of the gallery's tests."""

from __future__ import annotations

from hashlib import sha256

import pytest
from redis import Redis

from recognition.gallery.breaker import Breaker
from recognition.gallery.cache import TemplateCache
from recognition.gallery.rows import LAYOUT
from tests.gallery.book import EMBEDDER, Book, D

COPY, BLOCK_0 = f"facesite:test:{LAYOUT}:copy", f"facesite:test:{LAYOUT}:{EMBEDDER}:0"


def secret(epoch: str) -> bytes:
    """Return the key of an epoch, as the master key would give it."""
    return sha256(epoch.encode()).digest()


@pytest.fixture
def book() -> Book:
    book = Book()
    book.put(1, [1, 0, 0, 0])
    book.put(2, [0, 1, 0, 0])
    return book


@pytest.fixture
def cache(redis_server) -> TemplateCache:
    client = Redis(port=redis_server.port, socket_timeout=0.2, retry=None)
    return TemplateCache(lambda: client, "facesite:test", {EMBEDDER: D}, Breaker(), secret=secret)
