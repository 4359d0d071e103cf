"""The hash table does what a dict does."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recognition.gallery.places import Places

# Close together, far apart and negative, so that they meet in the table.
NUMBERS = st.one_of(st.integers(0, 40), st.integers(-(2**63), 2**63 - 1))
ACTS = st.lists(st.tuples(st.booleans(), st.lists(NUMBERS, unique=True, max_size=60)), max_size=20)


def array(numbers: list[int]) -> np.ndarray:
    return np.array(numbers, np.int64)


@given(acts=ACTS, asked=st.lists(NUMBERS, max_size=20))
def test_places_are_those_of_a_dict(acts, asked):
    places, expected, row = Places(), {}, 0
    for put, numbers in acts:
        if put:
            rows = np.arange(row, row + len(numbers))
            places.put(array(numbers), rows)
            expected |= dict(zip(numbers, rows.tolist(), strict=True))
            row += len(numbers)
        else:
            gone = [expected.pop(n) for n in numbers if n in expected]
            assert places.remove(array(numbers)).tolist() == gone
    everybody = [*expected, *asked]
    assert len(places) == len(expected)
    assert places.rows(array(everybody)).tolist() == [expected.get(n, -1) for n in everybody]


def test_a_large_table_grows_and_uses_little_memory():
    places, numbers = Places(), np.random.default_rng(0).integers(0, 2**62, 300_000)
    for first in range(0, len(numbers), 4096):
        some = np.arange(first, min(first + 4096, len(numbers)))
        places.put(numbers[some], some)
    assert np.array_equal(places.rows(numbers), np.arange(len(numbers)))
    assert (places._numbers.nbytes + places._rows.nbytes) / len(numbers) < 50  # bytes a person


def test_whoever_counts_people_while_the_table_grows_misses_nobody(monkeypatch):
    places, seen, add = Places(), [], Places._add
    monkeypatch.setattr(Places, "_add", lambda p, n, r: seen.append(len(p)) or add(p, n, r))
    for first in (0, 600):
        places.put(np.arange(first, first + 600), np.arange(first, first + 600))
    assert seen == [0, 600, 600] and len(places) == 1200  # put; moved to a larger table; put


def test_people_who_come_and_go_do_not_make_the_table_grow():
    places, numbers = Places(), np.arange(400)
    for turn in range(200):
        places.put(numbers + turn * 400, numbers)
        places.remove(numbers + turn * 400)
    assert len(places) == 0 and len(places._rows) == 1024
