"""The bounds: nobody is more similar than theirs."""

from __future__ import annotations

import numpy as np
import pytest

from recognition.gallery import codebook
from recognition.gallery.codebook import Codebook, Scale, codebooks, parted, random_turn, written
from tests.gallery.crowd import alike, photographed, scattered


def bounds(book: Codebook, probes: np.ndarray, templates: np.ndarray) -> np.ndarray:
    """Return (P, N), added up in numpy."""
    digits, _ = book.digits(templates, templates @ book.turn)
    chosen = book.centroids[np.arange(book.columns), digits]  # (N, columns, MOST)
    asked = book.bounds(probes)
    return asked.base[:, None] + asked.vectors @ chosen.reshape(len(templates), -1).T


@pytest.mark.parametrize("dimension", [16, 128, 300, 512, 1000])
@pytest.mark.parametrize("crowd", [scattered, alike])
def test_no_similarity_is_over_its_bound(crowd, dimension):
    templates = crowd(3000, dimension)
    probes = photographed(templates[:30], templates[30:60], np.linspace(0.3, 1, 30))
    for book in codebooks(templates[1000:]):
        assert (bounds(book, probes, templates) - probes @ templates.T).min() > 0


@pytest.mark.parametrize(("dimension", "most"), [(128, (0.03, 0.02)), (512, (0.04, 0.02))])
def test_bounds_of_people_who_are_alike_are_sharp(dimension, most):
    templates = alike(3000, dimension)
    for book, limit in zip(codebooks(templates), most, strict=True):
        over = bounds(book, templates[:30], templates) - templates[:30] @ templates.T
        assert np.median(over) < limit


def test_bounds_hold_for_people_unlike_the_sample():
    book = Codebook(alike(2000, 128), 128)
    strangers = alike(2000, 128, seed=1) + 0.6 * scattered(2000, 128, seed=2)
    strangers /= np.linalg.norm(strangers, axis=1, keepdims=True)
    _, unfit = book.digits(strangers, strangers @ book.turn)
    over = bounds(book, strangers[:50], strangers) - strangers[:50] @ strangers.T
    assert 0 < unfit.sum() < len(unfit)
    assert over[:, ~unfit].min() > 0


def test_whoever_is_no_number_fits_no_code():
    templates = scattered(200, 16)
    templates[7] = np.nan
    with np.errstate(invalid="ignore"):
        book = Codebook(scattered(200, 16, seed=1), 64)
        _, unfit = book.digits(templates, templates @ book.turn)
    assert np.flatnonzero(unfit).tolist() == [7]


def test_a_probe_whose_sum_might_not_fit_is_not_sure(monkeypatch):
    book, probes = Codebook(scattered(2000, 512), 256), scattered(100, 512, seed=1)
    assert book.bounds(probes).sure.all()
    monkeypatch.setattr(codebook, "LARGEST_SUM", 10_000)
    assert not book.bounds(probes).sure.any()


def test_a_scale_writes_values_as_sums_of_digits():
    scale = Scale(start=1.0, step=0.5, digits=3)
    steps = scale.counted(np.array([1.0, 8.5, 20.0, 23.5], np.float32))
    assert steps.tolist() == [0, 15, 38, 45]
    assert scale.written(steps).tolist() == [[0, 0, 0], [15, 0, 0], [15, 15, 8], [15, 15, 15]]


def test_most_bits_go_where_people_differ_most():
    places, widths = parted(np.repeat([1.0, 0.01, 0.0], [128, 256, 128]), 256)
    bits = [4 / width if width else 0 for width in widths]
    assert bits == sorted(bits, reverse=True) and bits[0] == 4
    assert bits[-1] == 0 and places[-1].stop == 512


def test_where_all_directions_are_alike_all_are_written_alike():
    assert parted(np.ones(512), 256) == ([slice(0, 512)], [2])


def test_the_turn_is_orthogonal_and_the_same_every_time():
    turn = random_turn(64)
    assert np.allclose(turn @ turn.T, np.eye(64), atol=1e-5)
    random_turn.cache_clear()
    assert np.array_equal(turn, random_turn(64))


def test_books_of_one_turn_share_it_and_write_the_same_digits():
    templates = scattered(2000, 256)
    books = codebooks(templates)
    alone = [book.digits(templates, templates @ book.turn) for book in books]
    assert books[0].turn is books[1].turn
    for (digits, unfit), own in zip(written(books, templates), alone, strict=True):
        assert np.array_equal(digits, own[0]) and np.array_equal(unfit, own[1])
