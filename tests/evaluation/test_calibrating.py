"""From embeddings to a calibration, and galleries whose people have different references."""

from __future__ import annotations

import numpy as np
import pytest

from recognition import calibration
from recognition.evaluation import calibrating, mixtures
from recognition.evaluation.drawing import draw_mixture
from recognition.evaluation.mixtures import Mixture
from recognition.pipeline.embed import unit
from recognition.pipeline.types import Floats
from tests.evaluation.test_searches import crowd


def some(*counts: int, noise: float = 0.5) -> tuple[Floats, np.ndarray]:
    """Return embeddings and labels of people of whom there are so many photographs each."""
    embeddings, labels = crowd(len(counts), max(counts), noise)
    kept = np.tile(np.arange(max(counts)), len(counts)) < np.repeat(counts, max(counts))
    return embeddings[kept], labels[kept]


@pytest.mark.parametrize(
    ("counts", "references"),
    [
        ((2,) * 90, [1]),
        ((3,) * 90, [1, 2]),
        ((2,) * 60 + (1,) * 40, [1]),
        ((3,) * 29 + (2,) * 60, [1]),
        ((4,) * 30 + (1,) * 60, [1, 2, 3]),
    ],
)
def test_there_are_thresholds_for_as_many_references_as_somebody_can_be_asked_with(
    counts, references
):
    embeddings, labels = some(*counts)
    told = calibrating.measured(embeddings, labels, (len(counts) // 2,))
    assert [table["references"] for table in told["by_references"]] == references
    assert {row["references"] for row in told["searches"]} == {1, 3} & set(references)
    assert 0 <= told["ambiguity_margin"] < 1


@pytest.mark.parametrize(
    ("counts", "said"),
    [((1,) * 100, "0 people have two"), ((2,) * 29 + (1,) * 90, "29 people"), ((4,) * 79, "79")],
)
def test_too_few_make_no_calibration(counts, said):
    embeddings, labels = some(*counts)
    with pytest.raises(ValueError, match=said):
        calibrating.measured(embeddings, labels, (40,))


def test_somebody_of_very_many_photographs_does_not_rule_the_thresholds():
    embeddings, labels = some(*(2,) * 119, 500)
    famous = labels == 119
    # Somebody whom a good many resemble.
    embeddings[famous] = unit(embeddings[famous] + 0.5 * embeddings[labels < 119].mean(0))
    assert np.bincount(labels[calibrating.kept_of(labels)]).max() == calibrating.MOST_EACH
    with_them, without = (
        calibrating.measured(embeddings[kept], labels[kept], (60,))["by_references"][0]
        for kept in (np.ones(len(labels), bool), ~famous)
    )
    for one, other in zip(with_them["thresholds"][:6], without["thresholds"], strict=False):
        assert one["similarity"] == pytest.approx(other["similarity"], abs=0.03)


def test_of_very_many_people_with_templates_some_are_compared(monkeypatch):
    monkeypatch.setattr(calibration, "MOST_DRAWN", 5_000)
    embeddings, labels = some(*(3,) * 100, *(2,) * 20)
    found = calibration.template_scores(embeddings, labels, references=2, seed=1)
    assert found[2] == 41 and len(found[0].similarities) == 41  # all of them have a third
    assert len(found[1].similarities) == 41 * 119


def test_two_people_who_are_compared_twice_are_one_pair():
    tables = calibrating.tables_of(*some(*(3,) * 90))
    supported = [3 / table["supported"] for table in tables]
    assert supported == pytest.approx([90 * 89 / 2] * 2)


def test_galleries_leave_strangers_over():
    assert calibrating.sizes_of(3_000) == (100, 1_000)
    assert calibrating.sizes_of(1_000) == (100,) and calibrating.sizes_of(90) == (45,)


def test_where_all_have_three_a_larger_gallery_is_told_from_those_there_are():
    embeddings, labels = some(*(4,) * 100, *(1,) * 400, noise=0.3)
    tables = calibrating.tables_of(embeddings, labels)
    few, many = (
        {row["threshold_is"]: row for row in mixtures.alike(embeddings, labels, tables, people)}
        for people in (100, 1_000)
    )
    assert few["fpir 1 %"]["registered"] == many["fpir 1 %"]["registered"] == 100
    for rows in (few, many):
        assert 0.003 < rows["fpir 1 %"]["fpir"] <= 0.01  # of a few strangers, met with again
    assert many["fpir 1 %"]["threshold"] > few["fpir 1 %"]["threshold"]
    assert many["fpir 1 %"]["fnir"] >= few["fpir 1 %"]["fnir"]


def test_nobody_is_asked_by_a_photograph_that_is_registered():
    embeddings, labels = crowd(60, 4)
    gallery = draw_mixture(labels, people=40, references=3, seed=1)
    drawn = Mixture.of(gallery, embeddings, labels)
    assert drawn.counts.tolist() == [3] * 40
    assert drawn.known.shape == (40, 40) and drawn.strangers.shape == (20, 40)
    assert drawn.known.max() < 0.9999


def test_who_has_two_photographs_is_registered_from_one():
    drawn = draw_mixture(np.repeat(np.arange(30), 2), people=30, references=3, seed=1)
    assert set(drawn.counts.tolist()) == {1} and len(drawn.probes) == 30


def test_a_handicap_is_taken_from_who_has_so_many_references():
    known = np.array([[0.9, 0.1], [0.1, 0.9]], np.float32)
    strangers = np.full((100, 2), 0.5, np.float32)
    drawn = [Mixture(np.array([1, 3]), known, strangers, np.arange(2), np.arange(100))]
    plain = mixtures._mixed(drawn, {1: 0.0, 3: 0.0})
    assert plain["fnir"] == 0 and plain["fnir_by_references"] == {1: 0.0, 3: 0.0}
    assert plain["fnir_95"] == [0, 1]  # of two people
    handicapped = mixtures._mixed(drawn, {1: 0.0, 3: 0.7})
    assert handicapped["fnir_by_references"] == {1: 0.0, 3: 1.0}
    assert handicapped["fnir"] == pytest.approx(0.5)
