"""Runs a converted network with ONNX Runtime."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import onnxruntime

from recognition.pipeline.types import Floats

_ERRORS_ONLY = 3  # ONNX Runtime's severity: 0 verbose, 1 info, 2 warning, 3 error, 4 fatal


class OnnxNetwork:
    """A converted network, loaded on first use; ``run`` may be called from many threads at once.

    ``threads``: how many one run may use; 0 leaves it to ONNX Runtime (one a core). ``arena``:
    keep the memory that a run needs for the next one.
    """

    def __init__(self, path: Path, *, threads: int = 0, arena: bool = False) -> None:
        self.path = path
        self._threads, self._arena = threads, arena
        self._lock = threading.Lock()
        self._session: onnxruntime.InferenceSession | None = None

    def run(self, inputs: Floats) -> list[Floats]:
        """Return the outputs for one normalised (N, C, H, W) float32 array, in the file's order."""
        session = self._session or self._load()
        name = session.get_inputs()[0].name
        outputs = session.run(None, {name: np.ascontiguousarray(inputs, dtype=np.float32)})
        return [np.asarray(output, dtype=np.float32) for output in outputs]

    def _load(self) -> onnxruntime.InferenceSession:
        with self._lock:
            if self._session is None:
                self._session = onnxruntime.InferenceSession(
                    str(self.path),
                    _options(self._threads, self._arena),
                    providers=["CPUExecutionProvider"],
                )
            return self._session


def _options(threads: int, arena: bool) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    # Without it each layer's output is memory that the system has to give and to clear anew. For
    # PNet that takes as long as the network, and what it keeps is small, for its inputs come in
    # strips; an embedder would keep 60 MB for a group of faces, and gain nothing.
    options.enable_cpu_mem_arena = arena
    # Idle threads would else wait in a busy loop, each network's own, and take the cores from
    # other requests: on a busy machine a run took twice as long.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = _ERRORS_ONLY
    return options
