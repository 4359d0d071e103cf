from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from recognition.networks.catalogue import CATALOGUE, FACENET
from recognition.networks.sources import packaged_weights
from recognition.networks.store import NetworkStore
from recognition.pipeline.types import Floats, Pixels
from tests.networks.file_server import FileServer
from tests.networks.seeded import prepare_seeded, seeded_weights

FIXTURES = Path(__file__).parent.parent / "fixtures"


@pytest.fixture(scope="session")
def facenet_folder(networks_dir: Path) -> Path:
    """Return the folder of the FaceNet of seeded random numbers; kept from one run to the next."""
    return networks_dir.with_name(f"{networks_dir.name}-seeded")


@pytest.fixture(scope="session")
def store(networks_dir: Path, facenet_folder: Path) -> NetworkStore:
    """Return every converted network, FaceNet with seeded random numbers."""
    store = NetworkStore([networks_dir, facenet_folder])
    assert prepare_seeded(store, facenet_folder).ready == tuple(CATALOGUE)
    return store


@pytest.fixture(scope="session")
def weights(facenet_folder: Path) -> Callable[[str], Path]:
    """Return a function from a network's id to the file that it was converted from."""

    def weights_of(network_id: str) -> Path:
        if network_id == FACENET:
            return seeded_weights(facenet_folder)
        return packaged_weights(CATALOGUE[network_id])

    return weights_of


@pytest.fixture(scope="session")
def chip() -> Callable[[str, int, int], Pixels]:
    """Return a function: the named photograph as (height, width, 3) uint8 pixels."""

    def make(name: str, height: int, width: int) -> Pixels:
        with Image.open(FIXTURES / f"{name}.jpg") as photograph:
            return np.asarray(photograph.convert("RGB").resize((width, height)))

    return make


@pytest.fixture(scope="session")
def normalised() -> Callable[[Pixels], Floats]:
    """Return a function from pixels to the (1, 3, H, W) float32 that MTCNN and FaceNet take."""

    def normalise(pixels: Pixels) -> Floats:
        return ((pixels.astype(np.float32) - 127.5) / 128).transpose(2, 0, 1)[None]

    return normalise


@pytest.fixture
def file_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    monkeypatch.setenv("no_proxy", "*")  # the server is on this machine
    server = FileServer(np.random.default_rng(7).bytes(300_000))
    yield server
    server.stop()
