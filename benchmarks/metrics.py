"""What counting costs: ``python -m benchmarks.metrics`` for docs/watching.md.

Counts, again and again, what one ``/identify`` with one face counts: the request, its stages, its
places, the decision and the quality of the face. Once in the memory of one process, once as
gunicorn's workers do, in files that they share. Also what the first use takes in a process that
has all of Facesite imported. Processor time.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import tempfile
import time

TIMES = 20_000
STAGES = ("wait", "decode", "detect", "embed", "search")
QUALITY = {
    "size": 120.0, "sharpness": 0.9, "brightness": 120.0, "yaw": 5.0, "pitch": -3.0, "roll": 1.0,
}  # fmt: skip
DECISION = {
    "embedder": "dlib-resnet-v1",
    "faces": [{"status": "match", "quality": QUALITY, "candidates": [{"similarity": 0.97}]}],
}
SHARED = "PROMETHEUS_MULTIPROC_DIR"


def identify() -> None:
    """Count one identification."""
    from recognition import metrics

    for state in (metrics.SENDING, metrics.WAITING, metrics.RUNNING):
        with metrics.held(state):
            continue
    for stage in STAGES:
        metrics.stage(stage, 0.01)
    metrics.decided("identify", "match", DECISION)
    metrics.answered("POST", "/identify", 200, "-", 0.03)


def measure() -> None:
    """Print what the first use takes, and what one identification costs."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "facesite.settings")
    importlib.import_module("django").setup()
    importlib.import_module("facesite.urls")
    before, started = resident(), time.process_time()
    identify()
    print(f"  first use: {(time.process_time() - started) * 1000:.0f} ms, ", end="")
    print(f"{(resident() - before) / 1e6:.1f} MB")
    started = time.process_time()
    for _ in range(TIMES):
        identify()
    print(f"  one /identify: {(time.process_time() - started) / TIMES * 1e6:.0f} microseconds")


def resident() -> int:
    """Return the bytes of memory that this process has."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """Measure in a process of its own for each way of counting: it is chosen at the import."""
    if sys.argv[1:] == ["here"]:
        measure()
        return
    with tempfile.TemporaryDirectory() as folder:
        for how, environment in (("in memory", {}), ("in shared files", {SHARED: folder})):
            print(f"{how}:", flush=True)
            command = [sys.executable, "-m", "benchmarks.metrics", "here"]
            subprocess.run(command, env=os.environ | environment, check=True)


if __name__ == "__main__":
    main()
