"""The secret turn: what Milvus gets is no template, and compares alike."""

from __future__ import annotations

import numpy as np
import pytest

from recognition.gallery.turn import Turn, fingerprint, gaussians

DIMENSIONS = pytest.mark.parametrize("dimension", [128, 512])


def people(dimension: int) -> np.ndarray:
    vectors = np.random.default_rng(0).normal(size=(300, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@DIMENSIONS
def test_turned_templates_keep_their_inner_products(dimension):
    templates = people(dimension)
    turned = Turn("secret", "e", dimension)(templates)
    assert turned.dtype == np.float32
    assert turned @ turned.T == pytest.approx(templates @ templates.T, abs=1e-5)


@DIMENSIONS
def test_a_turned_template_is_as_strange_to_itself_as_to_others(dimension):
    templates = people(dimension)
    similarities = (Turn("secret", "e", dimension)(templates) * templates).sum(axis=1)
    assert np.abs(similarities).max() < 5 / np.sqrt(dimension)


@DIMENSIONS
def test_another_secret_or_embedder_turns_otherwise(dimension):
    templates = people(dimension)
    turns = [Turn("secret", "e", dimension), Turn("other", "e", dimension)]
    turns.append(Turn("secret", "f", dimension))
    one, other, third = (turn(templates) for turn in turns)
    assert np.abs((one * other).sum(axis=1)).max() < 5 / np.sqrt(dimension)
    assert np.abs((one * third).sum(axis=1)).max() < 5 / np.sqrt(dimension)


def test_every_machine_makes_the_same_turn_of_one_secret():
    templates = people(128)
    assert (Turn("secret", "e", 128)(templates) == Turn("secret", "e", 128)(templates)).all()
    # Written down once: another numpy must not make another matrix, or no row fits any more.
    first = Turn("secret", "e", 128)(np.eye(128, dtype=np.float32))[0, :3]
    assert first.tolist() == pytest.approx([-0.0345878, 0.1440177, 0.0299966], abs=1e-6)


def test_the_numbers_of_the_turn_are_normal():
    numbers = gaussians(b"seed", 100_001)
    assert len(numbers) == 100_001
    assert [numbers.mean(), numbers.std()] == pytest.approx([0, 1], abs=0.01)
    assert (np.abs(numbers) < 1.96).mean() == pytest.approx(0.95, abs=0.003)


def test_a_fingerprint_tells_secrets_apart():
    assert fingerprint("secret") == fingerprint("secret") != fingerprint("other")
