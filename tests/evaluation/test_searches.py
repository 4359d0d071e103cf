"""Searches measured, against loops that do the same one by one."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from recognition.evaluation import searches
from recognition.evaluation.searches import Searched
from recognition.pipeline.embed import unit

RANDOM = np.random.default_rng(3)


def crowd(people: int, photographs: int, noise: float = 0.7) -> tuple[np.ndarray, np.ndarray]:
    """Return embeddings (N, 16) and labels (N,) of made-up people."""
    centres = np.repeat(RANDOM.normal(size=(people, 16)), photographs, axis=0)
    rows = centres + noise * RANDOM.normal(size=centres.shape)
    return unit(rows.astype(np.float32)), np.repeat(np.arange(people), photographs)


def test_ranks_and_similarities_are_those_of_a_loop():
    embeddings, labels = crowd(30, 3)
    registered, probes, strangers = searches.split(embeddings, labels, references=2, strangers=True)
    templates, people = searches.templates_of(*registered)
    found = searches.search(templates, people, probes, strangers)
    for n, (probe, whose) in enumerate(zip(*probes, strict=True)):
        similarities = {p: float(t @ probe) for p, t in zip(people, templates, strict=True)}
        order = sorted(similarities, key=similarities.__getitem__, reverse=True)
        assert found.ranks[n] == order.index(whose) + 1
        assert found.own[n] == pytest.approx(similarities[whose], abs=1e-6)


def test_strangers_are_never_registered():
    embeddings, labels = crowd(20, 2)
    parts = searches.split(embeddings, labels, references=1, strangers=True)
    registered, probes, strangers = (set(part[1].tolist()) for part in parts)
    assert len(registered) == len(strangers) == 10 and probes == registered
    assert not registered & strangers


def test_leaving_one_out_is_what_a_loop_does():
    embeddings, labels = crowd(12, 3)
    _, found = searches.leave_one_out(embeddings, labels)
    for n, (probe, whose) in enumerate(zip(embeddings, labels, strict=True)):
        rest = (labels == whose) & (np.arange(len(labels)) != n)
        mean = embeddings[rest].mean(axis=0)
        assert found.own[n] == pytest.approx(float(probe @ mean / np.linalg.norm(mean)), abs=1e-5)
        others = [embeddings[labels == p].mean(axis=0) for p in range(12) if p != whose]
        best = max(float(probe @ m / np.linalg.norm(m)) for m in others)
        assert found.strangers[n] == pytest.approx(best, abs=1e-5)


def test_fpir_is_kept_at_the_threshold_for_it():
    embeddings, labels = crowd(600, 2)
    parts = searches.split(embeddings, labels, references=1, strangers=True)
    found = searches.search(*searches.templates_of(*parts[0]), *parts[1:])
    report = searches.identification(found)
    assert [row["fpir"] for row in report["fnir_at_fpir"] if "fnir" in row] == [1e-1, 1e-2]
    row = report["fnir_at_fpir"][1]
    assert searches.fpir_at(found, row["threshold"]) <= 0.01
    assert searches.fnir_at(found, row["threshold"]) == pytest.approx(row["fnir"]["rate"])


def test_fpir_and_fnir_are_those_of_sklearns_roc_with_ties_too():
    generator = np.random.default_rng(6)
    own = generator.normal(0.7, 0.2, 400).astype(np.float32).round(2)
    outside = generator.normal(0.3, 0.2, 900).astype(np.float32).round(2)
    ranks = generator.choice([1, 2], 400, p=[0.9, 0.1])
    found = Searched(50, ranks, own, np.arange(400), outside, np.arange(900))
    truth, scores = np.r_[np.ones(400), np.zeros(900)], np.r_[np.where(ranks > 1, -1, own), outside]
    fpr, tpr, _ = roc_curve(truth, scores, drop_intermediate=False)
    report = searches.identification(found)
    for row in report["fnir_at_fpir"][:2]:
        assert row["fnir"]["rate"] == pytest.approx(1 - tpr[fpr <= row["fpir"]].max(), abs=1e-12)
    for limit, fpir, fnir in zip(*report["curve"].values(), strict=True):
        assert fpir == (outside >= np.float32(limit)).mean()
        assert fnir == ((ranks > 1) | (own < np.float32(limit))).mean()


def test_photographs_of_few_strangers_tell_no_small_rate():
    embeddings, labels = crowd(50, 40)
    parts = searches.split(embeddings, labels, references=1, strangers=True)
    found = searches.search(*searches.templates_of(*parts[0]), *parts[1:])
    report = searches.identification(found)
    assert (report["strangers"], report["different_strangers"]) == (1000, 25)
    assert "25 strangers cannot tell" in report["fnir_at_fpir"][0]["refused"]
    assert report["curve"]["fpir"][0] == pytest.approx(3 / 25)


@pytest.mark.parametrize("cells", [1, 100])
def test_blocks_make_no_difference(monkeypatch, cells):
    embeddings, labels = crowd(40, 3)
    whole = searches.leave_one_out(embeddings, labels)
    monkeypatch.setattr(searches, "CELLS", cells)
    parts = searches.leave_one_out(embeddings, labels)
    assert parts[0].impostor == pytest.approx(whole[0].impostor, abs=1e-6)
    assert (parts[0].impostor_people == whole[0].impostor_people).all()
    assert (parts[1].ranks == whole[1].ranks).all()


def test_of_very_many_impostors_some_are_kept(monkeypatch):
    monkeypatch.setattr(searches, "MOST_IMPOSTORS", 1_000)
    found, _ = searches.leave_one_out(*crowd(60, 2))
    assert 800 < len(found.impostor) < 1_200 and found.pairs == len(found.impostor)
