"""dlib's 29-layer face ResNet, read from its ``.dat`` file without dlib, as a torch module.

The file is one flat stream from the picture to the embedding: the version numbers of all layers,
then for every layer its name, its settings and its weights. The geometry is checked against what
the file says of itself; every ``affine`` layer (a scale and an offset a channel) is multiplied
into the convolution before it.

Source: ``dlib/dnn/*.h``, ``dlib/serialize.h`` and ``tools/python/src/face_recognition.cpp`` of
dlib 20 (Boost licence), read for the format and the geometry; none of their code is used. The
weights: Davis King, CC0.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from recognition.networks.sources import UnusableWeights
from recognition.pipeline.embed import DlibResNet
from recognition.pipeline.types import Floats

if TYPE_CHECKING:
    from torch import nn

# Filters of the residual blocks after the stem; True: the block halves height and width.
BLOCKS: tuple[tuple[int, bool], ...] = (
    *((32, False),) * 3,
    (64, True),
    *((64, False),) * 3,
    (128, True),
    *((128, False),) * 2,
    (256, True),
    *((256, False),) * 2,
    (256, True),
)
STEM_FILTERS = 32
#: What the pipeline does with the network, which the file has to agree with: pixels of the square
#: picture that goes in, and what is taken off red, green and blue.
SIZE, MEANS = DlibResNet.crop_size, DlibResNet.means.ravel()


@dataclass(frozen=True, slots=True, eq=False)
class Convolution:
    """One convolution with its affine layer multiplied in.

    ``weights``: (out, in, height, width) float32; ``bias``: (out,) float32; ``stride`` in pixels.
    """

    weights: Floats
    bias: Floats
    stride: int


@dataclass(frozen=True, slots=True, eq=False)
class DlibWeights:
    """What the ``.dat`` file holds: convolutions in order, ``projection`` (256, 128) float32."""

    convolutions: tuple[Convolution, ...]
    projection: Floats


class _Stream:
    """Reads dlib's serialization: integers of variable length, floats as mantissa and exponent."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def finished(self) -> bool:
        return self._at == len(self._data)

    def take(self, count: int) -> bytes:
        piece = self._data[self._at : self._at + count]
        if len(piece) != count:
            raise UnusableWeights(f"ends early, at byte {len(self._data)}")
        self._at += count
        return piece

    def integer(self) -> int:
        """Read one integer: a byte with its length and sign, then little-endian bytes."""
        head = self.take(1)[0]
        value = int.from_bytes(self.take(head & 0x0F), "little")
        return -value if head & 0x80 else value

    def integers(self, count: int) -> tuple[int, ...]:
        return tuple(self.integer() for _ in range(count))

    def real(self) -> float:
        mantissa, exponent = self.integers(2)
        return float(mantissa) * 2.0**exponent

    def flags(self, count: int) -> None:
        if set(self.take(count)) - set(b"01"):
            raise UnusableWeights(f"no flags at byte {self._at - count}")

    def text(self) -> str:
        return self.take(self.integer()).decode("ascii", "replace")

    def expect(self, expected: object, found: object) -> None:
        if found != expected:
            raise UnusableWeights(f"found {found!r:.60} in place of {expected!r}, near {self._at}")

    def tensor(self) -> Floats:
        """Read a tensor: version 2, four dimensions, raw little-endian float32."""
        version, *shape = self.integers(5)
        if version != 2 or min(shape) < 0:
            raise UnusableWeights(f"no tensor at byte {self._at}")
        raw = self.take(4 * prod(shape))
        return np.frombuffer(raw, dtype="<f4").reshape(shape).astype(np.float32)

    def shape(self) -> tuple[int, ...]:
        version, *shape = self.integers(5)
        if version != 1:
            raise UnusableWeights(f"no shape at byte {self._at}")
        return tuple(shape)


def read_weights(data: bytes) -> DlibWeights:
    """Read the whole ``.dat`` file. Raises UnusableWeights when it is not this very network."""
    stream = _Stream(data)
    _opening(stream)
    convolutions = [_convolution(stream, filters=STEM_FILTERS, width=7, stride=2, innermost=True)]
    _named(stream, "relu_")
    _pool(stream, "max_pool_2", width=3, stride=2)
    for filters, halves in BLOCKS:
        convolutions += _block(stream, filters, halves=halves)
    _pool(stream, "avg_pool_2", width=0, stride=1)  # width 0: the whole plane
    projection = _projection(stream)
    if not stream.finished:
        raise UnusableWeights("holds more than the network")
    return DlibWeights(tuple(convolutions), projection)


def _opening(stream: _Stream) -> None:
    """Read the loss layer's settings, the version numbers of all layers and the input's settings.

    Only the layer next to the input has version 3, so that one ends the version numbers.
    """
    stream.expect(1, stream.integer())
    stream.expect("loss_metric_2", stream.text())
    stream.real(), stream.real()  # margin and distance of the loss, wanted in training only
    while (version := stream.integer()) != 3:
        if version not in (1, 2):
            raise UnusableWeights(f"layer of version {version}")
    stream.expect("input_rgb_image_sized", stream.text())
    means = (stream.real(), stream.real(), stream.real())
    if any(abs(mean - known) > 1e-3 for mean, known in zip(means, MEANS, strict=True)):
        raise UnusableWeights(f"subtracts {means} from the picture")
    stream.expect((SIZE, SIZE), stream.integers(2))


def _layer_end(stream: _Stream, *, innermost: bool = False) -> None:
    """Read what training leaves behind each layer: three flags and three tensors, empty here."""
    stream.flags(3)
    for _ in range(3):
        stream.expect(0, stream.tensor().size)
    if innermost:
        stream.integer()  # the sample expansion factor


def _named(stream: _Stream, name: str) -> None:
    stream.expect(name, stream.text())
    _layer_end(stream)


def _pool(stream: _Stream, name: str, *, width: int, stride: int) -> None:
    stream.expect(name, stream.text())
    stream.expect((width, width, stride, stride, 0, 0), stream.integers(6))
    _layer_end(stream)


def _convolution(
    stream: _Stream, *, filters: int, width: int, stride: int, innermost: bool = False
) -> Convolution:
    """Read a convolution and the affine layer that follows it, as one."""
    stream.expect("con_4", stream.text())
    numbers = stream.tensor().ravel()
    padding = width // 2 if stride == 1 else 0
    settings = (filters, width, width, stride, stride, padding, padding)
    stream.expect(settings, stream.integers(7))
    shape, bias_shape = stream.shape(), stream.shape()
    stream.expect((filters, width, width), (shape[0], shape[2], shape[3]))
    stream.expect(prod(shape) + filters, numbers.size)
    stream.expect(filters, prod(bias_shape))
    for _ in range(4):  # the learning rates
        stream.real()
    _layer_end(stream, innermost=innermost)
    weights, bias = numbers[:-filters].reshape(shape), numbers[-filters:]
    gamma, beta = _affine(stream, filters)
    folded = weights * gamma[:, None, None, None]
    return Convolution(folded, bias * gamma + beta, stride)


def _affine(stream: _Stream, filters: int) -> tuple[Floats, Floats]:
    stream.expect("affine_", stream.text())
    numbers = stream.tensor().ravel()
    stream.expect((filters, filters), (prod(stream.shape()), prod(stream.shape())))
    stream.expect(0, stream.integer())  # one pair of numbers a channel
    _layer_end(stream)
    stream.expect(2 * filters, numbers.size)
    return numbers[:filters], numbers[filters:]


def _block(stream: _Stream, filters: int, *, halves: bool) -> list[Convolution]:
    """Read one residual block: two convolutions, the way round them and their sum."""
    first = _convolution(stream, filters=filters, width=3, stride=2 if halves else 1)
    _named(stream, "relu_")
    second = _convolution(stream, filters=filters, width=3, stride=1)
    if halves:
        _pool(stream, "avg_pool_2", width=2, stride=2)
    _named(stream, "add_prev_")
    _named(stream, "relu_")
    return [first, second]


def _projection(stream: _Stream) -> Floats:
    """Read the last layer: a matrix without bias."""
    stream.expect("fc_2", stream.text())
    outputs, inputs = stream.integers(2)
    numbers = stream.tensor()
    stream.expect((DlibResNet.dimension, inputs * outputs), (outputs, numbers.size))
    stream.expect(inputs * outputs, prod(stream.shape()))
    stream.shape()  # of the bias: none
    stream.expect(1, stream.integer())  # without bias
    for _ in range(4):  # the learning rates
        stream.real()
    _layer_end(stream)
    return numbers.reshape(inputs, outputs)


def build(weights: DlibWeights) -> nn.Module:
    """Build the network: (N, 3, 150, 150) float32, normalised, to (N, 128) float32, any length.

    Where the two ways of a residual block differ in size, the smaller is filled up with zeros at
    its end: channels, height and width.
    """
    from torch import Tensor, nn
    from torch.nn import functional

    class Residual(nn.Module):
        def __init__(self, first: Convolution, second: Convolution) -> None:
            super().__init__()
            self.first = _torch_convolution(first)
            self.second = _torch_convolution(second)
            self.halves = first.stride == 2
            self.outputs = second.weights.shape[0]

        def forward(self, pixels: Tensor) -> Tensor:
            through = self.second(functional.relu(self.first(pixels)))
            if not self.halves:
                return functional.relu(through + pixels)
            around = functional.avg_pool2d(pixels, 2)
            channels, rows = self.outputs - pixels.shape[1], around.shape[2] - through.shape[2]
            if rows:
                through = functional.pad(through, (0, rows, 0, rows))
            if channels:
                around = functional.pad(around, (0, 0, 0, 0, 0, channels))
            return functional.relu(through + around)

    stem, *rest = weights.convolutions
    blocks = [Residual(*pair) for pair in zip(rest[::2], rest[1::2], strict=True)]
    pool = (nn.AdaptiveAvgPool2d(1), nn.Flatten())
    stem_layers = (_torch_convolution(stem), nn.ReLU(), nn.MaxPool2d(3, stride=2))
    projection = _torch_projection(weights.projection)
    return nn.Sequential(*stem_layers, *blocks, *pool, projection).eval()


def _torch_convolution(layer: Convolution) -> nn.Conv2d:
    import torch

    outputs, inputs, width, _ = layer.weights.shape
    padding = width // 2 if layer.stride == 1 else 0
    made = torch.nn.Conv2d(inputs, outputs, width, stride=layer.stride, padding=padding)
    made.weight = torch.nn.Parameter(torch.from_numpy(layer.weights))
    made.bias = torch.nn.Parameter(torch.from_numpy(layer.bias))
    return made


def _torch_projection(projection: Floats) -> nn.Linear:
    import torch

    inputs, outputs = projection.shape
    made = torch.nn.Linear(inputs, outputs, bias=False)
    made.weight = torch.nn.Parameter(torch.from_numpy(projection.T.copy()))
    return made
