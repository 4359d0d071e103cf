"""Several photographs of a person, put together in different ways."""

from __future__ import annotations

import numpy as np
import pytest

from recognition.evaluation.drawing import draw, draw_alike
from recognition.management.commands import measure_references as command
from recognition.pipeline.embed import unit

RANDOM = np.random.default_rng(8)


def rows(*numbers: int) -> np.ndarray:
    return np.eye(4, dtype=np.float32)[list(numbers)]


def test_the_best_reference_counts_alone():
    found = command.best_reference([rows(0, 1), rows(2)], rows(1, 2))
    assert found.tolist() == [[1, 0], [0, 1]]


def test_the_mean_lies_between_its_references():
    found = command.mean_template([rows(0, 1), rows(2)], rows(1, 2))
    assert found[0].tolist() == pytest.approx([np.sqrt(0.5), 0])


def test_trimming_leaves_out_the_reference_that_is_farthest_away():
    found = command.trimmed_mean([rows(0, 0, 1)], rows(0, 1))
    assert found.ravel().tolist() == [1, 0]


def test_of_two_references_none_is_trimmed():
    kept = command.trimmed_mean([rows(0, 1)], rows(0))
    assert kept.item() == pytest.approx(np.sqrt(0.5))


def test_people_who_are_easy_to_tell_are_not_missed():
    centres = np.repeat(RANDOM.normal(size=(200, 32)), 4, axis=0)
    embeddings = unit((centres + 0.05 * RANDOM.normal(size=centres.shape)).astype(np.float32))
    drawn = [draw(np.repeat(np.arange(200), 4), people=100, references=3, seed=2)]
    assert command.fnir(command.mean_template, drawn, (embeddings, embeddings)) == 0


def test_more_people_than_there_are_ask_for_a_higher_threshold():
    generator = np.random.default_rng(3)
    rows = np.repeat(generator.normal(size=(80, 32)), 4, axis=0)
    rows = unit((rows + 0.9 * generator.normal(size=rows.shape)).astype(np.float32))
    strangers = unit(generator.normal(size=(600, 32)).astype(np.float32))
    labels = np.concatenate([np.repeat(np.arange(80), 4), np.arange(80, 680)])
    drawn = [draw_alike(labels, people=80, references=3, seed=1)]
    sides = (np.concatenate([rows, strangers]),) * 2
    few, many = (command.fnir(command.mean_template, drawn, sides, more) for more in (1, 10))
    assert few < many


def test_what_photographs_lack_is_said():
    few, enough = ["a"] * 9 + ["b"], [f"{n}" for n in range(1_001)]
    assert "2 people are too few" in command.lacking(few)
    assert "nobody has more than 5" in command.lacking(enough)
    assert command.lacking([*enough, *["0"] * 5]) == ""
