"""The cast of the gallery's tests."""

from __future__ import annotations

import pytest

from tests.gallery.book import Book


@pytest.fixture
def book() -> Book:
    book = Book()
    book.put(1, [1, 0, 0, 0])
    book.put(2, [0, 1, 0, 0])
    return book
