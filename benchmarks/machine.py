"""What the figures were measured on: never a host's name or a path."""

from __future__ import annotations

import os
import platform
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


def load_before() -> float:
    """Return the load average of the last minute; over 0.5 the machine was not quiet."""
    return round(os.getloadavg()[0], 2)
