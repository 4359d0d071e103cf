"""The pipeline on the real converted networks."""

from __future__ import annotations

from pathlib import Path

import pytest

from recognition.networks.session import OnnxNetwork
from recognition.networks.store import NetworkStore
from recognition.pipeline.detect import Detector
from recognition.pipeline.embed import DlibResNet
from recognition.pipeline.extract import Extractor
from recognition.pipeline.quality import QualityLimits
from recognition.pipeline.types import Network


@pytest.fixture(scope="session")
def store(networks_dir: Path) -> NetworkStore:
    return NetworkStore([networks_dir])


@pytest.fixture(scope="session")
def detector(store: NetworkStore) -> Detector:
    return Detector(*(OnnxNetwork(store.find(f"mtcnn-{net}")) for net in ("pnet", "rnet", "onet")))


@pytest.fixture(scope="session")
def network(store: NetworkStore) -> Network:
    return OnnxNetwork(store.find("dlib-resnet-v1"))


@pytest.fixture(scope="session")
def embedder(network: Network) -> DlibResNet:
    return DlibResNet(network)


@pytest.fixture(scope="session")
def extractor(detector: Detector, embedder: DlibResNet) -> Extractor:
    return Extractor(detector, embedder, QualityLimits())
