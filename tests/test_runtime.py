"""What a server loads before anybody asks."""

from __future__ import annotations

import pytest

from recognition import runtime
from recognition.networks.catalogue import DLIB, MTCNN


@pytest.fixture
def nothing_loaded():
    for built in (runtime.store, runtime.network):
        built.cache_clear()
    yield
    for built in (runtime.store, runtime.network, runtime.extractor):
        built.cache_clear()


def test_networks_are_loaded_before_the_first_request(nothing_loaded):
    runtime._load_networks()
    assert all(runtime.network(name)._sessions for name in (*MTCNN, DLIB))


def test_a_server_without_networks_starts_all_the_same(nothing_loaded, settings, tmp_path):
    settings.NETWORKS_FOLDERS = [tmp_path]
    runtime._load_networks()
    assert not runtime.store().has(DLIB)
