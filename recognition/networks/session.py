"""Runs a converted network with ONNX Runtime."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime

from recognition.pipeline.types import Floats
from recognition.threads import kept_off, own_cores

_ERRORS_ONLY = 3  # ONNX Runtime's severity: 0 verbose, 1 info, 2 warning, 3 error, 4 fatal


class OnnxNetwork:
    """A converted network, loaded on first use; ``run`` may be called from many threads at once.

    ``threads``: how many a run may use while ``alone`` says so, else one; 0 leaves it to ONNX
    Runtime (one a core). ``pinned``: those beside the calling one have cores of their own.
    ``arena``: keep the memory that a run needs for the next one.
    """

    def __init__(
        self,
        path: Path,
        *,
        threads: int = 0,
        arena: bool = False,
        alone: Callable[[], bool] = lambda: True,
        pinned: bool = False,
    ) -> None:
        self.path = path
        self._threads, self._arena, self._alone = threads, arena, alone
        self._helpers = own_cores()[1:threads] if pinned else []
        self._lock = threading.Lock()
        self._sessions: dict[int, onnxruntime.InferenceSession] = {}  # by threads

    def load(self) -> None:
        """Load what a run needs that is alone."""
        self._load(self._threads)

    def run(self, inputs: Floats) -> list[Floats]:
        """Return the outputs for one normalised (N, C, H, W) float32 array, in the file's order."""
        threads = self._threads if self._alone() else 1
        session = self._sessions.get(threads) or self._load(threads)
        name = session.get_inputs()[0].name
        with kept_off(set(self._helpers) if threads > 1 else set()):
            outputs = session.run(None, {name: np.ascontiguousarray(inputs, dtype=np.float32)})
        return [np.asarray(output, dtype=np.float32) for output in outputs]

    def _load(self, threads: int) -> onnxruntime.InferenceSession:
        with self._lock:
            if threads not in self._sessions:
                self._sessions[threads] = onnxruntime.InferenceSession(
                    str(self.path),
                    _options(threads, self._arena, self._helpers),
                    providers=["CPUExecutionProvider"],
                )
            return self._sessions[threads]


def _options(threads: int, arena: bool, helpers: list[int]) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    # Without it each layer's output is memory that the system has to give and to clear anew. For
    # PNet that takes as long as the network, and what it keeps is small, for its inputs come in
    # strips; an embedder would keep 60 MB for a group of faces, and gain nothing.
    options.enable_cpu_mem_arena = arena
    # Threads wait for each layer in a busy loop, for sleeping and waking up takes as long as many
    # layers; but no longer than a run, or they would take the cores from all else.
    options.add_session_config_entry("session.intra_op.allow_spinning", "1")
    options.add_session_config_entry("session.force_spinning_stop", "1")
    if len(helpers) == threads - 1 > 0:
        cores = ";".join(str(core + 1) for core in helpers)  # ONNX Runtime counts from 1
        options.add_session_config_entry("session.intra_op_thread_affinities", cores)
    options.log_severity_level = _ERRORS_ONLY
    return options
