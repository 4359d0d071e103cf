"""The digits in faiss's order: what it adds up, what is overwritten."""

from __future__ import annotations

import numpy as np
import pytest

from recognition.gallery.codebook import Codebook
from recognition.gallery.codes import Codes
from tests.gallery.crowd import alike
from tests.gallery.test_codebook import bounds

CAPACITY = 192


@pytest.fixture(params=[16, 128, 300, 1000])
def templates(request) -> np.ndarray:
    return alike(CAPACITY, request.param)


@pytest.fixture(params=[64, 256])
def book(request, templates) -> Codebook:
    return Codebook(templates, request.param)


def written(book: Codebook, rows: np.ndarray, templates: np.ndarray) -> Codes:
    """Return codes with templates in rows and nothing elsewhere."""
    codes = Codes(book, CAPACITY)
    codes.wipe(np.arange(CAPACITY))
    codes.write(rows, *book.digits(templates, templates @ book.turn))
    return codes


def test_faiss_adds_up_what_the_digits_say(book, templates):
    codes = written(book, np.arange(CAPACITY)[::-1], templates)  # each in another's place
    codes.write(np.arange(CAPACITY), *book.digits(templates, templates @ book.turn))
    highest, rows = codes.highest(book.bounds(templates[:5]), CAPACITY, CAPACITY)
    expected = np.take_along_axis(bounds(book, templates[:5], templates), rows, axis=1)
    assert [sorted(each) for each in rows.tolist()] == [list(range(CAPACITY))] * 5
    assert np.allclose(highest, expected, atol=4e-3)  # faiss rounds to a 255th
    assert (np.diff(highest, axis=1) <= 0).all()


def test_rows_past_the_count_are_left_out(book, templates):
    codes = written(book, np.arange(CAPACITY), templates)
    _, rows = codes.highest(book.bounds(templates[:3]), 77, 77)
    assert sorted(rows[0].tolist()) == list(range(77))


def test_wiping_overwrites_a_row_and_no_other(book, templates):
    gone = np.array([0, 16, 17, 40, 191])
    codes = written(book, np.arange(CAPACITY), templates)
    codes.wipe(gone)
    kept = np.setdiff1d(np.arange(CAPACITY), gone)
    assert np.array_equal(codes._packed, written(book, kept, templates[kept])._packed)
    assert codes._packed.any()
