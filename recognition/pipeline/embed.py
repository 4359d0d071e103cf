"""Turn crops of faces into embeddings: unit vectors whose dot product is the similarity."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from PIL import Image

from recognition.pipeline.align import PLACES_SIZE, aligned, with_margin
from recognition.pipeline.resample import planar
from recognition.pipeline.types import Detection, Floats, Network, Picture, Pixels

#: Crops, of up to two views, that are embedded at once: more cost memory and gain no time on a CPU.
AT_ONCE = 8
#: How many times as near dlib's second view of a face is (docs/decisions.md, 2026-11-26).
NEARER = 1.15
#: From crops (N, S, S, 3) to what a network is given of each, (N, 3, S, S) a view.
Views = Callable[[Pixels], list[Floats]]


class Embedder(Protocol):
    """Makes embeddings; those of different ``id`` are never compared.

    ``dimension``: D, the length of an embedding; ``crop_size``: S, the side of a crop in pixels.
    """

    id: str
    dimension: int
    crop_size: int

    def crop(self, picture: Picture, detection: Detection) -> Pixels:
        """Return the (S, S, 3) uint8 crop of one face, cut from the full picture."""
        ...

    def embed(self, crops: Pixels) -> Floats:
        """Return (N, D) float32 rows of length 1 for (N, S, S, 3) uint8 crops."""
        ...


class FaceNet:
    """InceptionResnetV1 trained on VGGFace2. Source: arXiv:1503.03832; facenet-pytorch (MIT)."""

    id = "facenet-vggface2"
    dimension = 512
    crop_size = 160
    # The margin of facenet-pytorch's own evaluation on LFW, in pixels of the crop.
    margin = 14

    def __init__(self, network: Network, *, mirrored: bool = False) -> None:
        self._network = network
        self._mirrored = mirrored

    def crop(self, picture: Picture, detection: Detection) -> Pixels:
        """Return (160, 160, 3) uint8: the detector's box with its margin."""
        return with_margin(picture, detection.outline, size=self.crop_size, margin=self.margin)

    def embed(self, crops: Pixels) -> Floats:
        """Return (N, 512) float32 rows of length 1."""
        return unit_means(self._network, crops, self._views, self.dimension)

    def _views(self, crops: Pixels) -> list[Floats]:
        views = [crops, mirror_images(crops)] if self._mirrored else [crops]
        return [(planar(view) - np.float32(127.5)) / np.float32(128) for view in views]


class DlibResNet:
    """dlib's face recognition ResNet, version 1 (CC0, Davis King), ported."""

    id = "dlib-resnet-v1"
    dimension = 128
    crop_size = PLACES_SIZE
    # What dlib's input layer takes away from red, green and blue (dlib/dnn/input.h).
    means = np.array([122.782, 117.001, 104.298], dtype=np.float32).reshape(1, 3, 1, 1)

    def __init__(self, network: Network, *, mirrored: bool = True) -> None:
        self._network = network
        self._mirrored = mirrored

    def crop(self, picture: Picture, detection: Detection) -> Pixels:
        """Return (150, 150, 3) uint8: the face upright, its landmarks in their places."""
        return aligned(picture, detection.landmarks, size=self.crop_size)

    def embed(self, crops: Pixels) -> Floats:
        """Return (N, 128) float32 rows of length 1."""
        return unit_means(self._network, crops, self._views, self.dimension)

    def _views(self, crops: Pixels) -> list[Floats]:
        views = [nearer(crops), mirror_images(crops)] if self._mirrored else [crops]
        return [(planar(view) - self.means) / np.float32(256) for view in views]


def mirror_images(crops: Pixels) -> Pixels:
    """Return (N, S, S, 3) mirror images of (N, S, S, 3) crops."""
    return crops[:, :, ::-1]


def nearer(crops: Pixels) -> Pixels:
    """Return (N, S, S, 3): the middle of (N, S, S, 3) crops, seen ``NEARER`` times as near."""
    views = np.empty_like(crops)
    size = crops.shape[1]
    edge = size * (1 - 1 / NEARER) / 2
    for view, crop in zip(views, crops, strict=True):
        middle = (edge, edge, size - edge, size - edge)
        image = Image.fromarray(crop)
        view[:] = image.resize((size, size), Image.Resampling.BILINEAR, box=middle)
    return views


def unit_means(network: Network, crops: Pixels, views: Views, dimension: int) -> Floats:
    """Embed N crops, a few at a time; return (N, D) means over the views of each."""
    embeddings = np.empty((len(crops), dimension), dtype=np.float32)
    for start in range(0, len(crops), AT_ONCE):
        seen = views(crops[start : start + AT_ONCE])
        rows = unit(network.run(np.concatenate(seen))[0])
        means = rows.reshape(len(seen), len(seen[0]), dimension).sum(axis=0)
        embeddings[start : start + AT_ONCE] = unit(means)
    return embeddings


def unit(rows: Floats) -> Floats:
    """Return (N, D) rows brought to length 1."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    result: Floats = rows / np.maximum(lengths, np.finfo(np.float32).tiny)
    return result
