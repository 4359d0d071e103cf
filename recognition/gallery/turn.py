"""The secret turn: what leaves for a foreign store is no template any more, but compares alike."""

from __future__ import annotations

import hashlib
import hmac
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from recognition.pipeline.types import Floats


class Turn:
    """An orthogonal matrix made from a secret, another one for each embedder.

    Turned templates have the inner products of the templates themselves. Every machine that has
    the secret makes the same matrix.
    """

    def __init__(self, secret: str, embedder: str, dimension: int) -> None:
        self._seed = f"{embedder}:{secret}".encode()
        self._dimension = dimension

    def __call__(self, templates: Floats) -> Floats:
        """Return the (N, D) templates turned, float32."""
        turned: Floats = templates @ self._matrix
        return turned

    @cached_property
    def _matrix(self) -> Floats:
        square = gaussians(self._seed, self._dimension**2).reshape(self._dimension, -1)
        orthogonal, upper = np.linalg.qr(square)
        # With a positive diagonal there is one such factor alone, whatever LAPACK computes it,
        # and all turns are equally likely. Source: Mezzadri, arXiv:math-ph/0609050.
        return (orthogonal * np.sign(np.diag(upper))).astype(np.float32)


def fingerprint(secret: str) -> str:
    """Return what tells secrets apart and gives none away."""
    return hmac.new(secret.encode(), b"facesite turn", hashlib.sha256).hexdigest()[:16]


def gaussians(seed: bytes, count: int) -> NDArray[np.float64]:
    """Return ``count`` normal numbers that nobody can tell without ``seed``.

    Not numpy's generators: their streams may change with its version. Box and Muller's transform
    of the bytes of SHAKE-256.
    """
    raw = np.frombuffer(hashlib.shake_256(seed).digest(16 * ((count + 1) // 2)), "<u8")
    uniform = ((raw >> np.uint64(11)) + 0.5) / 2**53  # inside (0, 1)
    radii, angles = np.sqrt(-2 * np.log(uniform[::2])), 2 * np.pi * uniform[1::2]
    pairs = np.concatenate([radii * np.cos(angles), radii * np.sin(angles)])
    return pairs[:count]
