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

    ``threads``: how many one run may use; 0 leaves it to ONNX Runtime (one a core).
    """

    def __init__(self, path: Path, *, threads: int = 0) -> None:
        self.path = path
        self._threads = threads
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
                    str(self.path), _options(self._threads), providers=["CPUExecutionProvider"]
                )
            return self._session


def _options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    # Without the arena each layer's output is memory that the system has to give and clear anew:
    # PNet took twice the time. What it keeps is bounded, since inputs come in strips and batches.
    options.enable_cpu_mem_arena = True
    # Idle threads would else wait in a busy loop, each network's own, and take the cores from
    # other requests: on a busy machine a run took twice as long.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = _ERRORS_ONLY
    return options
