"""Converts networks to ONNX: the one place that uses torch, facenet-pytorch and the exporter.

Every network takes ``pixels``, one normalised float32 (N, 3, H, W) array, red first; normalising
is the pipeline's: (x - 127.5) / 128 for MTCNN and FaceNet, for dlib see ``pipeline.embed``. N is
free everywhere, H and W in the P-net. The outputs, float32, in this order:

- `mtcnn-pnet` (N, 3, H, W), sides of 12 or more: `regression` (N, 4, h, w), `probability`
  (N, 2, h, w). A cell looks at 12 x 12 pixels, the next one 2 pixels on; h = ceil((H - 2) / 2) - 4.
- `mtcnn-rnet` (N, 3, 24, 24): `regression` (N, 4), `probability` (N, 2).
- `mtcnn-onet` (N, 3, 48, 48): `regression` (N, 4), `landmarks` (N, 10), `probability` (N, 2).
- `facenet-vggface2` (N, 3, 160, 160): `embedding` (N, 512), of length 1.
- `dlib-resnet-v1` (N, 3, 150, 150): `embedding` (N, 128), of any length.

`probability`: no face, face. `regression`: how far the left, top, right and bottom side of the
window has to move, in parts of its size. `landmarks`: five x, then five y, in parts of the
window's size, in the order of ``pipeline.types.LANDMARKS``.
"""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recognition.networks import dlib_resnet
from recognition.networks.catalogue import DLIB, FACENET
from recognition.networks.session import OnnxNetwork
from recognition.networks.sources import UnusableWeights
from recognition.pipeline.types import Floats

if TYPE_CHECKING:
    from torch import Tensor, nn

# Goes up by one when what this module writes changes: `prepare` then converts everything anew.
CONVERTER = "2"
LANES = 16  # channels that ONNX Runtime computes at once; others leave its layout
TOLERANCE = 1e-4  # of an output, ONNX Runtime against torch


class ConversionFailed(Exception):
    """The converted network does not compute what the original does."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """``height`` and ``width`` of the example picture; ``free``: both may vary."""

    height: int
    width: int
    outputs: tuple[str, ...]
    free: bool = False


_SHAPES = {
    "mtcnn-pnet": _Shape(46, 61, ("regression", "probability"), free=True),
    "mtcnn-rnet": _Shape(24, 24, ("regression", "probability")),
    "mtcnn-onet": _Shape(48, 48, ("regression", "landmarks", "probability")),
    FACENET: _Shape(160, 160, ("embedding",)),
    DLIB: _Shape(dlib_resnet.SIZE, dlib_resnet.SIZE, ("embedding",)),
}


def convert(network_id: str, weights: Path, destination: Path) -> None:
    """Write the network as ONNX, and compare it with the original on noise.

    ``weights`` is a file whose SHA-256 was checked. Raises UnusableWeights when it holds something
    else, ConversionFailed when the two networks differ.
    """
    shape = _SHAPES[network_id]
    noise = np.random.default_rng(0).normal(0, 0.5, (3, 3, shape.height, shape.width))
    original = reference(network_id, weights)
    expected = run_reference(original, noise.astype(np.float32))
    _export(_eased(original), shape, destination)
    found = OnnxNetwork(destination, threads=1).run(noise.astype(np.float32))
    if any(np.abs(a - b).max() > TOLERANCE for a, b in zip(found, expected, strict=True)):
        raise ConversionFailed(f"{network_id}: ONNX Runtime and torch differ by over {TOLERANCE}.")


def reference(network_id: str, weights: Path) -> nn.Module:
    """Build the torch module that a converted network is compared with, in evaluation mode."""
    with _quiet():
        return _BUILDERS[network_id](weights).eval()


def run_reference(module: nn.Module, inputs: Floats) -> list[Floats]:
    """Run a torch module as ``OnnxNetwork.run`` runs a converted one."""
    import torch

    with torch.inference_mode():
        outputs = module(torch.from_numpy(inputs))
    outputs = (outputs,) if isinstance(outputs, torch.Tensor) else outputs
    return [output.numpy() for output in outputs]


def _dlib(weights: Path) -> nn.Module:
    return dlib_resnet.build(dlib_resnet.read_weights(weights.read_bytes()))


def _pnet(weights: Path) -> nn.Module:
    from facenet_pytorch import PNet

    return _loaded(PNet(pretrained=False), weights)


def _rnet(weights: Path) -> nn.Module:
    from facenet_pytorch import RNet

    return _loaded(RNet(pretrained=False), weights)


def _onet(weights: Path) -> nn.Module:
    from facenet_pytorch import ONet

    return _loaded(ONet(pretrained=False), weights)


def _facenet(weights: Path) -> nn.Module:
    """Build FaceNet without its classifier; ``pretrained=None`` keeps it from downloading."""
    from facenet_pytorch import InceptionResnetV1

    return _loaded(InceptionResnetV1(pretrained=None, classify=False), weights, drop="logits.")


_BUILDERS: Mapping[str, Callable[[Path], nn.Module]] = {
    "mtcnn-pnet": _pnet,
    "mtcnn-rnet": _rnet,
    "mtcnn-onet": _onet,
    FACENET: _facenet,
    DLIB: _dlib,
}


def _loaded(module: nn.Module, weights: Path, *, drop: str = "\0") -> nn.Module:
    """Load a state dict, running nothing that is in it, but for keys that begin with ``drop``."""
    import torch

    try:
        state = torch.load(weights, map_location="cpu", weights_only=True)
        kept = {name: value for name, value in state.items() if not name.startswith(drop)}
        module.load_state_dict(kept)
    except (pickle.UnpicklingError, EOFError, RuntimeError, AttributeError) as problem:
        first_line = str(problem).partition("\n")[0]
        raise UnusableWeights(f"{weights.name} holds other weights: {first_line}") from problem
    return module


def _eased(module: nn.Module) -> nn.Module:
    """Rewrite in place, with the same results, what is slow to run or to export.

    Batch normalisation is multiplied into the convolution before it: the exporter does that as
    well, but takes half as long again over the longer graph. A PReLU or a softmax of two after a
    convolution becomes operations that ONNX Runtime runs in its own layout, without turning the
    array to and fro: MTCNN's networks then take half the time.
    """
    from torch import nn
    from torch.nn.utils import fuse_conv_bn_eval

    for part in module.modules():
        convolution, normalisation = getattr(part, "conv", None), getattr(part, "bn", None)
        if isinstance(convolution, nn.Conv2d) and isinstance(normalisation, nn.BatchNorm2d):
            part.conv, part.bn = fuse_conv_bn_eval(convolution, normalisation), nn.Identity()
    layers = list(module.named_children())
    for (_, before), (name, layer) in pairwise(layers):
        if isinstance(before, nn.Conv2d) and isinstance(layer, nn.PReLU):
            following = [after for _, after in layers[layers.index((name, layer)) + 1 :]]
            after = next(one for one in following if isinstance(one, nn.Conv2d | nn.Linear))
            setattr(module, name, _prelu(_bounded_slopes(before, layer, after)))
        if isinstance(before, nn.Conv2d) and isinstance(layer, nn.Softmax):
            _subtract_the_other(before)
            setattr(module, name, nn.Sigmoid())
    return module.eval()


def _subtract_the_other(convolution: nn.Conv2d) -> None:
    """Turn two outputs a and b into a - b and b - a, whose sigmoids are the softmax of a and b."""
    if convolution.out_channels != 2:
        raise ValueError("only a softmax of two is a sigmoid")
    for values in convolution.parameters():
        values.data = values.data - values.data.flip(0)


def _bounded_slopes(before: nn.Conv2d, layer: nn.PReLU, after: nn.Module) -> Tensor:
    """Return the slopes of a PReLU between two convolutions, none over 1; alter those to fit.

    The channels between are filled up with zeros to whole ``LANES``. A slope over 1 wants one of
    these: PReLU(x) = slope * x - relu((slope - 1) * x) becomes two channels, with the slopes 1 and
    0, which ``after`` adds up. Both rise with x, so a maximum may be taken in between.
    """
    import torch
    from torch import nn

    slopes = layer.weight.detach().clone()
    steep = torch.nonzero(slopes > 1).flatten()
    channels = -(-(len(slopes) + len(steep)) // LANES) * LANES
    if channels == len(slopes):
        return slopes
    if not isinstance(after, nn.Conv2d):
        raise ValueError("what follows must be a convolution, or the channels cannot be filled up")
    first = len(slopes)
    slopes = torch.cat([slopes, torch.zeros(channels - first)])
    for name, values in before.named_parameters():
        wider = torch.cat([values.data, torch.zeros(channels - first, *values.shape[1:])])
        for extra, channel in enumerate(steep, start=first):
            wider[extra] = wider[channel] * (slopes[channel] - 1)
        getattr(before, name).data = wider
    weight = after.weight.data
    out, _, *size = weight.shape
    wider = torch.cat([weight, torch.zeros(out, channels - first, *size)], dim=1)
    for extra, channel in enumerate(steep, start=first):
        wider[:, extra] = -wider[:, channel]
        wider[:, channel] *= slopes[channel]
        slopes[channel] = 1
    after.weight.data = wider
    before.out_channels = after.in_channels = channels
    return slopes


def _prelu(slopes: Tensor) -> nn.Module:
    """Build a PReLU with slopes up to 1 as x + relu((slope - 1) * x).

    The product is a convolution of one pixel a channel, which takes the relu along.
    """
    import torch
    from torch.nn.functional import conv2d, relu

    class PReLU(torch.nn.Module):
        factors: Tensor

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("factors", (slopes - 1).reshape(-1, 1, 1, 1))

        def forward(self, pixels: Tensor) -> Tensor:
            return pixels + relu(conv2d(pixels, self.factors, groups=pixels.shape[1]))

    return PReLU()


def _export(module: nn.Module, shape: _Shape, destination: Path) -> None:
    """Write ``module`` as one ONNX file, weights inside.

    torch's newer exporter (``dynamo``): the older one is on its way out, and ONNX Runtime runs
    what either wrote at the same speed.
    """
    import torch

    axes = (0, 2, 3) if shape.free else (0,)
    # Two pictures, since the exporter takes an axis of length one for a fixed one.
    example = torch.zeros(2, 3, shape.height, shape.width)
    with _quiet():
        torch.onnx.export(
            module,
            (example,),
            destination,
            input_names=["pixels"],
            output_names=list(shape.outputs),
            dynamic_shapes=(dict.fromkeys(axes, torch.export.Dim.DYNAMIC),),
            external_data=False,
            dynamo=True,
            verbose=False,
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep warnings of the exporter and of facenet-pytorch, which nobody can act on, to itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
