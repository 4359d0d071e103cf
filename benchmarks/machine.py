"""What the figures were measured on: never a host's name or a path."""

from __future__ import annotations

import os
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

PACKAGES = (
    "django",
    "gunicorn",
    "onnxruntime",
    "numpy",
    "faiss-cpu",
    "pillow",
    "torch",
    "facenet-pytorch",
    "dlib-bin",
    "redis",
)
#: Cores and threads of every contestant.
CORES = 2
THREADS = 2


def keep_to_two_cores() -> int:
    """Bind this process and its children to two cores and threads; return how many there are."""
    for library in ("OMP", "OPENBLAS", "MKL"):
        os.environ[f"{library}_NUM_THREADS"] = str(THREADS)
    if not hasattr(os, "sched_setaffinity"):  # macOS
        return min(CORES, os.cpu_count() or 1)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    return len(os.sched_getaffinity(0))


def facts(cores: int) -> dict[str, object]:
    """Return processor, memory and versions."""
    return {
        "processor": processor(),
        "cores_used": cores,
        "cores": psutil.cpu_count(),
        "threads": THREADS,
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := installed(name))},
    }


def processor() -> str:
    """Return the processor's name as the system tells it."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def installed(package: str) -> str:
    """Return the version of a package, nothing where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


class Others:
    """What programs other than this one take of the processor: more than a little spoils a run."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self._started, self._at_start = time.perf_counter(), _busy() - _own()

    @property
    def seconds(self) -> float:
        """Return how long this has been watched."""
        return time.perf_counter() - self._started

    def cores(self) -> float:
        """Return how many cores they have kept busy on average."""
        return max(0.0, round((_busy() - _own() - self._at_start) / self.seconds, 2))


def _busy() -> float:
    """Return the seconds that all cores together were not idle."""
    times = psutil.cpu_times()
    return float(times.user + times.system + times.nice)


def _own() -> float:
    """Return the seconds that this process and all that came from it were at work."""
    own = psutil.Process()
    return sum(_worked(process) for process in [own, *own.children(recursive=True)])


def _worked(process: psutil.Process) -> float:
    """Return a process's seconds, with those of its children that have ended."""
    try:
        return float(sum(process.cpu_times()[:4]))
    except psutil.NoSuchProcess:  # it ended just now
        return 0.0
