"""Every converted network against its torch original, as DESIGN asks: within 1e-4."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from recognition.networks import convert as conversion
from recognition.networks.catalogue import CATALOGUE, DLIB, FACENET
from recognition.networks.convert import ConversionFailed, convert, reference, run_reference
from recognition.networks.session import OnnxNetwork
from recognition.networks.sources import UnusableWeights

# Shapes that each network meets: for the P-net also the smallest, odd and large pictures.
SHAPES = {
    "mtcnn-pnet": [(1, 12, 12), (1, 13, 14), (2, 37, 51), (1, 301, 200), (1, 480, 640)],
    "mtcnn-rnet": [(1, 24, 24), (17, 24, 24)],
    "mtcnn-onet": [(1, 48, 48), (9, 48, 48)],
    FACENET: [(1, 160, 160), (2, 160, 160)],
    DLIB: [(1, 150, 150), (5, 150, 150)],
}
CASES = [(network_id, *shape) for network_id, shapes in SHAPES.items() for shape in shapes]
PHOTOGRAPHS = ("obama", "biden", "astronaut")
TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def original(weights):
    """Return a function from a network's id to its torch module; each is built once."""
    import torch

    torch.set_num_threads(1)  # more wait for each other when other tests use the cores
    return cache(lambda network_id: reference(network_id, weights(network_id)))


@pytest.fixture(scope="module")
def converted(store):
    return lambda network_id: OnnxNetwork(store.find(network_id), threads=2)


def largest_difference(ours, theirs) -> float:
    assert [a.shape for a in ours] == [b.shape for b in theirs]
    assert all(a.dtype == np.float32 for a in ours)
    return max(float(np.abs(a - b).max()) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize(("network_id", "count", "height", "width"), CASES)
def test_converted_network_computes_its_original_on_noise(
    original, converted, network_id, count, height, width
):
    noise = np.random.default_rng(1).normal(0, 0.5, (count, 3, height, width)).astype(np.float32)
    ours = converted(network_id).run(noise)
    theirs = run_reference(original(network_id), noise)
    assert largest_difference(ours, theirs) < TOLERANCE


@pytest.mark.parametrize("network_id", CATALOGUE)
def test_converted_network_computes_its_original_on_photographs(
    original, converted, chip, normalised, network_id
):
    _, height, width = SHAPES[network_id][-1]
    pictures = [normalised(chip(name, height, width)) for name in PHOTOGRAPHS]
    batch = np.concatenate(pictures)
    theirs = run_reference(original(network_id), batch)
    assert largest_difference(converted(network_id).run(batch), theirs) < TOLERANCE
    assert np.abs(theirs[0][0] - theirs[0][1]).max() > 0.01  # the networks do look at the picture


@pytest.mark.parametrize("network_id", CATALOGUE)
def test_what_else_is_in_the_batch_changes_nothing(converted, chip, normalised, network_id):
    _, height, width = SHAPES[network_id][-1]
    batch = np.concatenate([normalised(chip(name, height, width)) for name in PHOTOGRAPHS])
    network = converted(network_id)
    alone = [network.run(batch[i : i + 1]) for i in range(len(batch))]
    together = network.run(batch)
    joined = [np.concatenate(outputs) for outputs in zip(*alone, strict=True)]
    assert largest_difference(together, joined) < 1e-5


def test_probabilities_of_the_detector_add_up_to_one(converted, chip, normalised):
    picture = normalised(chip("obama", 48, 48))
    for network_id, size in (("mtcnn-pnet", 48), ("mtcnn-rnet", 24), ("mtcnn-onet", 48)):
        probability = converted(network_id).run(picture[:, :, :size, :size])[-1]
        assert np.allclose(probability.sum(axis=1), 1, atol=1e-5)


def test_pnet_gives_one_cell_every_two_pixels(converted):
    for height, width in ((12, 12), (13, 12), (480, 641)):
        grid = converted("mtcnn-pnet").run(np.zeros((1, 3, height, width), np.float32))[0]
        expected = (-(-(height - 2) // 2) - 4, -(-(width - 2) // 2) - 4)
        assert grid.shape == (1, 4, *expected)


def test_facenet_is_read_with_and_without_its_classifier(weights, tmp_path, chip, normalised):
    import torch

    state = torch.load(weights(FACENET), weights_only=True)
    assert "logits.weight" in state
    bare = tmp_path / "bare.pt"
    torch.save({k: v for k, v in state.items() if not k.startswith("logits.")}, bare)
    picture = normalised(chip("obama", 160, 160))
    full = run_reference(reference(FACENET, weights(FACENET)), picture)
    assert np.array_equal(full[0], run_reference(reference(FACENET, bare), picture)[0])
    assert np.isclose(np.linalg.norm(full[0]), 1, atol=1e-5)


def test_facenet_refuses_the_weights_of_something_else(weights, tmp_path):
    with pytest.raises(UnusableWeights, match="rnet.pt"):
        reference(FACENET, weights("mtcnn-rnet"))
    (tmp_path / "page.pt").write_text("<html>Sign in to the hotel's network</html>")
    with pytest.raises(UnusableWeights, match="page.pt"):
        reference(FACENET, tmp_path / "page.pt")


def test_facenet_runs_nothing_that_its_weights_bring(tmp_path):
    import torch

    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    torch.save({"conv2d_1a.conv.weight": Trap()}, tmp_path / "trap.pt")
    with pytest.raises(UnusableWeights):
        reference(FACENET, tmp_path / "trap.pt")
    assert not (tmp_path / "sprung").exists()


def test_convert_refuses_a_network_that_computes_something_else(weights, tmp_path, monkeypatch):
    monkeypatch.setattr(conversion, "TOLERANCE", -1.0)  # nothing is as near as that
    with pytest.raises(ConversionFailed, match="mtcnn-rnet"):
        convert("mtcnn-rnet", weights("mtcnn-rnet"), tmp_path / "rnet.onnx")
