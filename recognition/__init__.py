"""Facesite's one application."""

import os

# ONNX Runtime's Linux builds since 1.29 report to their maker, and keep a session file in the
# temporary folder; this is read once, when the library is first imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# BLAS serves products too small to be shared; its second thread spins while it waits for more, and
# takes the processor from the networks of other requests. Read once, when numpy is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
