"""The port of dlib's face ResNet against dlib itself."""

from __future__ import annotations

import dlib
import numpy as np
import pytest

from recognition.networks.catalogue import DLIB
from recognition.networks.dlib_resnet import MEANS, SIZE, read_weights
from recognition.networks.session import OnnxNetwork
from recognition.networks.sources import UnusableWeights

PHOTOGRAPHS = ("obama", "obama2", "obama3", "biden", "astronaut", "obama_partial_face")


@pytest.fixture(scope="module")
def oracle(weights):
    return dlib.face_recognition_model_v1(str(weights(DLIB)))


@pytest.fixture(scope="module")
def chips(chip):
    """Return (8, 150, 150, 3) uint8: photographs, noise and a black picture."""
    photographs = [chip(name, SIZE, SIZE) for name in PHOTOGRAPHS]
    noise = np.random.default_rng(3).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    return np.stack([*photographs, noise, np.zeros_like(noise)])


def test_the_port_gives_the_embeddings_of_dlib(store, oracle, chips):
    theirs = np.array([oracle.compute_face_descriptor(np.array(chip)) for chip in chips])
    inputs = (chips.astype(np.float32) - np.float32(MEANS)) / 256
    ours = OnnxNetwork(store.find(DLIB)).run(inputs.transpose(0, 3, 1, 2))[0]
    assert ours.shape == (8, 128)
    assert np.abs(ours - theirs).max() < 1e-4
    assert np.abs(theirs[0] - theirs[3]).max() > 0.05


@pytest.fixture(scope="module")
def data(weights):
    return weights(DLIB).read_bytes()


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:1000],
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda data: data.replace(b"affine_", b"affine?", 1),
        lambda data: data.replace(b"con_4", b"con_9", 1),
        lambda data: b"<html>" + data,
    ],
    ids=["empty", "beginning", "a byte short", "a byte long", "affine", "con", "page"],
)
def test_read_weights_refuses_a_damaged_file(data, damage):
    with pytest.raises(UnusableWeights):
        read_weights(damage(data))


def test_read_weights_refuses_the_other_files_of_the_package(weights):
    other = weights(DLIB).with_name("mmod_human_face_detector.dat")
    with pytest.raises(UnusableWeights):
        read_weights(other.read_bytes())
