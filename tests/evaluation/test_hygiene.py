"""What stands out in a gallery, planted among made-up people."""

from __future__ import annotations

import numpy as np

from recognition.evaluation import hygiene
from recognition.evaluation.hygiene import Suspicion
from recognition.pipeline.embed import unit

RANDOM = np.random.default_rng(4)
PEOPLE, EACH = 300, 4


def audited(embeddings, labels) -> tuple[list[Suspicion], list[Suspicion]]:
    found, templates, people = hygiene.compare(embeddings, labels, lambda rows: None)
    chances = hygiene.chances_of(embeddings, labels, found)
    references = hygiene.suspicious_references(found, labels, chances)
    return references, hygiene.alike(templates, people, lambda rows: None)


def crowd() -> tuple[np.ndarray, np.ndarray]:
    centres = np.repeat(RANDOM.normal(size=(PEOPLE, 64)), EACH, axis=0)
    rows = centres + 0.5 * RANDOM.normal(size=centres.shape)
    return unit(rows.astype(np.float32)), np.repeat(np.arange(PEOPLE), EACH)


def test_moved_references_come_first_with_whom_they_resemble():
    embeddings, labels = crowd()
    moved = np.arange(0, 40 * EACH, EACH)
    true = labels[moved].copy()
    labels[moved] = (true + 100) % PEOPLE
    worst = audited(embeddings, labels)[0][:40]
    assert {one.references[0] for one in worst} == set(moved.tolist())
    assert {(one.references[0], one.other) for one in worst} == set(
        zip(moved.tolist(), true.tolist(), strict=True)
    )
    assert {one.kind for one in worst} == {"nearer_to_other"}


def test_people_under_two_ids_are_the_most_alike():
    embeddings, labels = crowd()
    halves = np.arange(len(labels)) % EACH < EACH // 2
    split = (labels < 40) & halves
    labels[split] += 1000
    pairs = {frozenset((one.person, one.other)) for one in audited(embeddings, labels)[1][:40]}
    assert pairs == {frozenset((n, n + 1000)) for n in range(40)}


def test_a_gallery_in_order_raises_no_suspicion_of_references():
    assert not [one for one in audited(*crowd())[0] if one.kind == "nearer_to_other"]


def test_two_references_that_differ_are_one_finding():
    embeddings, labels = crowd()
    kept = (labels > 0) | (np.arange(len(labels)) < 2)
    embeddings, labels = embeddings[kept], labels[kept]
    embeddings[1] = embeddings[labels == 7][0]
    [case] = [one for one in audited(embeddings, labels)[0] if one.person == 0]
    assert case.references == (1, 0) and case.other == 7


def test_blocks_make_no_difference(monkeypatch):
    embeddings, labels = crowd()
    whole = audited(embeddings, labels)
    monkeypatch.setattr(hygiene, "BLOCK", 7)
    parts = audited(embeddings, labels)
    assert [(s.person, s.other) for s in whole[1][:50]] == [
        (s.person, s.other) for s in parts[1][:50]
    ]
    assert [s.references for s in whole[0]] == [s.references for s in parts[0]]
