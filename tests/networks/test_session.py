from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from recognition.networks.catalogue import DLIB
from recognition.networks.session import OnnxNetwork


def test_a_network_loads_on_first_use():
    network = OnnxNetwork(Path("not-there.onnx"))  # would fail here, did it load
    assert network.path == Path("not-there.onnx")


def test_many_threads_may_run_a_network_at_once(store):
    inputs = np.random.default_rng(5).normal(0, 0.3, (8, 1, 3, 150, 150)).astype(np.float32)
    expected = [OnnxNetwork(store.find(DLIB), threads=1).run(each)[0] for each in inputs]
    network = OnnxNetwork(store.find(DLIB), threads=2)
    with ThreadPoolExecutor(8) as pool:
        found = [outputs[0] for outputs in pool.map(network.run, inputs)]
    assert np.allclose(found, expected, atol=1e-5)


def test_a_network_takes_arrays_of_any_layout(store):
    pixels = np.random.default_rng(5).normal(0, 0.3, (2, 150, 150, 3))  # float64, channels last
    turned = pixels.transpose(0, 3, 1, 2)
    straight = np.ascontiguousarray(turned, dtype=np.float32)
    network = OnnxNetwork(store.find(DLIB))
    assert np.array_equal(network.run(turned)[0], network.run(straight)[0])


def test_a_run_in_company_has_one_thread_and_the_same_outputs(store):
    inputs = np.random.default_rng(5).normal(0, 0.3, (1, 3, 150, 150)).astype(np.float32)
    company = [False]
    network = OnnxNetwork(store.find(DLIB), threads=2, alone=lambda: not company[0])
    alone = network.run(inputs)[0]
    company[0] = True
    assert np.allclose(network.run(inputs)[0], alone, atol=1e-6)
    assert set(network._sessions) == {1, 2}


def test_helpers_on_cores_of_their_own_change_nothing(store):
    inputs = np.random.default_rng(5).normal(0, 0.3, (1, 3, 150, 150)).astype(np.float32)
    pinned = OnnxNetwork(store.find(DLIB), threads=2, pinned=True)
    expected = OnnxNetwork(store.find(DLIB), threads=2).run(inputs)[0]
    assert np.allclose(pinned.run(inputs)[0], expected, atol=1e-6)
