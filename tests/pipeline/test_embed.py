"""Embeddings: of unit length, the same in any company, alike for one person and for no other."""

from __future__ import annotations

import numpy as np
import pytest

from recognition.pipeline.embed import NEARER, DlibResNet, FaceNet, mirror_images, nearer, unit
from tests.pipeline import faces

CROPS = np.random.default_rng(4).integers(0, 256, (40, 150, 150, 3), dtype=np.uint8)


class Recorder:
    """A network that keeps what it is given and answers with each image's mean colour."""

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        self.batches: list[np.ndarray] = []

    def run(self, inputs: np.ndarray) -> list[np.ndarray]:
        self.batches.append(inputs)
        means = inputs[..., : inputs.shape[-1] // 2].mean(axis=(2, 3))
        return [np.tile(means, self.dimension)[:, : self.dimension]]


@pytest.fixture(scope="module")
def embeddings(extractor) -> dict[str, np.ndarray]:
    """Return the embedding of every fixture's face."""
    found = {}
    for name in faces.NAMES:
        picture = faces.picture(faces.photo(name))
        (face,) = extractor.embed(picture, extractor.detect(picture))
        found[name] = face.embedding
    return found


def test_embeddings_have_length_one(embedder):
    rows = embedder.embed(CROPS[:3])
    assert rows.shape == (3, 128) and rows.dtype == np.float32
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("company", [2, 8, 9, 16, 17, 40])
def test_an_embedding_is_the_same_whatever_else_is_in_the_batch(company, embedder):
    alone = embedder.embed(CROPS[:1])[0]
    assert np.abs(embedder.embed(CROPS[:company])[0] - alone).max() < 1e-4
    assert np.abs(embedder.embed(CROPS[:company][::-1])[-1] - alone).max() < 1e-4


def test_no_crops_give_no_embeddings(embedder):
    assert embedder.embed(CROPS[:0]).shape == (0, 128)


def test_a_mirrored_face_has_nearly_the_same_embedding(extractor, embedder):
    picture = faces.picture(faces.photo("obama"))
    crops = embedder.crop(picture, extractor.detect(picture)[0].detection)[None]
    assert embedder.embed(crops)[0] @ embedder.embed(mirror_images(crops))[0] > 0.97


def test_dlib_averages_the_nearer_view_and_the_mirror_image(network, embedder):
    plain = DlibResNet(network, mirrored=False)
    both = plain.embed(nearer(CROPS[:3])) + plain.embed(CROPS[:3, :, ::-1])
    assert np.abs(embedder.embed(CROPS[:3]) - unit(both)).max() < 1e-4


def test_nearer_shows_the_middle_of_a_crop_larger():
    rows, columns = np.mgrid[:150, :150]
    ramp = np.stack([rows, columns, rows], axis=-1).astype(np.uint8)[None]
    seen = nearer(ramp)[0].astype(float)
    expected = 74.5 + (np.arange(150) - 74.5) / NEARER
    assert seen[:, 75, 0] == pytest.approx(expected, abs=1)
    assert seen[75, :, 1] == pytest.approx(expected, abs=1)


def test_facenet_averages_crop_and_mirror_image_where_it_is_told_to():
    recorder = Recorder(512)
    crops = np.random.default_rng(0).integers(0, 256, (2, 160, 160, 3), dtype=np.uint8)
    FaceNet(recorder, mirrored=True).embed(crops)
    (batch,) = recorder.batches
    assert np.array_equal(batch[2:], batch[:2, ..., ::-1])


def test_the_same_person_is_more_similar_than_anyone_else(embeddings):
    obama = ["obama", "obama2", "obama3", "obama_partial_face"]
    others = ["biden", "astronaut"]
    same = [embeddings[a] @ embeddings[b] for a in obama for b in obama if a < b]
    different = [embeddings[a] @ embeddings[b] for a in obama for b in others]
    assert min(same) > max(different) + 0.03


def test_facenet_takes_pixels_as_facenet_pytorch_standardises_them():
    recorder = Recorder(512)
    crops = np.random.default_rng(0).integers(0, 256, (2, 160, 160, 3), dtype=np.uint8)
    assert FaceNet(recorder).embed(crops).shape == (2, 512)
    (batch,) = recorder.batches
    assert batch.dtype == np.float32
    assert np.allclose(batch, (crops.transpose(0, 3, 1, 2) - 127.5) / 128.0)


def test_dlib_takes_pixels_less_the_means_of_its_input_layer():
    recorder = Recorder(128)
    DlibResNet(recorder, mirrored=False).embed(CROPS[:1])
    (batch,) = recorder.batches
    assert np.allclose(batch[0, :, 7, 9], (CROPS[0, 7, 9] - [122.782, 117.001, 104.298]) / 256)


@pytest.mark.parametrize("mirrored", [False, True])
def test_batches_are_bounded(mirrored):
    recorder = Recorder(128)
    DlibResNet(recorder, mirrored=mirrored).embed(CROPS)
    assert max(len(batch) for batch in recorder.batches) <= 16
    assert sum(len(batch) for batch in recorder.batches) == (80 if mirrored else 40)
