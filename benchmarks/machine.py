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
#: Cores and threads of every contestant: DESIGN section 6 speaks of two cores.
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
        self._started = time.perf_counter()
        self._at_start = _busy() - _own()

    def cores(self) -> float:
        """Return how many cores they kept busy on average; call it when all children are gone."""
        return round((_busy() - _own() - self._at_start) / (time.perf_counter() - self._started), 2)


def _busy() -> float:
    """Return the seconds that all cores together were not idle."""
    times = psutil.cpu_times()
    return float(times.user + times.system + times.nice)


def _own() -> float:
    """Return the seconds that this process and its children that have ended were at work."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
