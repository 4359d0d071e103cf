"""Install Facesite's packages into the environment whose Python runs this.

``python -m facesite.install [EXTRA ...]``; the Makefile calls it with ``convert`` (the default of
``make install``), with ``convert test`` or with nothing (what serving needs, without torch).
Only the standard library is used: nothing else is there yet.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import threading
import tomllib
import urllib.error
import urllib.request
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
CONSTRAINTS = PROJECT / "constraints.txt"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
PROBE_SECONDS = 5.0  # for name look-up, connection and answer together
# Megabytes downloaded and on the disk afterwards, summed over the wheels of constraints.txt.
SERVING = (100, 400)
CONVERSION = (140, 450)
CPU_TORCH = (200, 800)
CUDA_TORCH = (3000, 5600)


def main(extras: list[str]) -> int:
    """Install the requirements of ``extras``; return pip's exit status."""
    torch_wanted = "convert" in extras and not is_installed("torch")
    index = torch_index() if torch_wanted else ""
    much = torch_wanted or not is_installed("django")
    if much:
        announce(torch_wanted, index)
    if index and install_torch(index) != 0:
        if "TORCH_INDEX" in os.environ:
            return 1
        print(f"{index} has no fitting torch: taking PyPI's.", flush=True)
    quiet = [] if much else ["--quiet"]  # else a line for each package that is there already
    return pip(*quiet, "--constraint", str(CONSTRAINTS), *requirements(extras))


def requirements(extras: list[str]) -> list[str]:
    """Return what ``pyproject.toml`` asks for: the dependencies and those of ``extras``."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    optional: dict[str, list[str]] = project["optional-dependencies"]
    return [*project["dependencies"], *(line for extra in extras for line in optional[extra])]


def is_installed(name: str) -> bool:
    """Return whether the package ``name`` is in this environment, whole or not."""
    return any(importlib.metadata.distributions(name=name))


def torch_index() -> str:
    """Return the index to take torch from: TORCH_INDEX, PyTorch's CPU index, or "" for PyPI.

    On x86-64 Linux alone is PyPI's torch a CUDA build; elsewhere it is small already.
    """
    if "TORCH_INDEX" in os.environ:
        return os.environ["TORCH_INDEX"]
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        return ""
    return CPU_INDEX if answers(f"{CPU_INDEX}/torch/", PROBE_SECONDS) else ""


def answers(url: str, seconds: float) -> bool:
    """Return whether ``url`` answers 200 within ``seconds``, the name look-up included.

    A look-up cannot be given a time-out, so it is left behind in a thread of its own.
    """
    answered = threading.Event()

    def ask() -> None:
        try:
            with urllib.request.urlopen(url, timeout=seconds) as response:  # noqa: S310  # an index that pip uses
                if response.status == 200:
                    answered.set()
        except (OSError, ValueError) as error:
            print(f"{url} does not answer: {error}", file=sys.stderr)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(seconds)
    return answered.is_set()


def announce(torch_wanted: bool, index: str) -> None:
    """Say beforehand how much is downloaded, and stop where the disk is too small."""
    parts = [SERVING]
    if torch_wanted:
        cuda = not index and (platform.system(), platform.machine()) == ("Linux", "x86_64")
        parts += [CONVERSION, CUDA_TORCH if cuda else CPU_TORCH]
    download, disk = (sum(sizes) for sizes in zip(*parts, strict=True))
    source = f" (torch from {index or 'PyPI'})" if torch_wanted else ""
    print(
        f"Downloading about {download / 1000:.1f} GB of packages{source}, "
        f"{disk / 1000:.1f} GB in {sys.prefix}.",
        flush=True,
    )
    if torch_wanted and download > 1000:
        print(
            f"Where {CPU_INDEX} is reachable, torch's CPU build is taken instead: "
            "about 0.4 GB in all. TORCH_INDEX=URL names another index.",
            flush=True,
        )
    free = shutil.disk_usage(sys.prefix).free // 1_000_000
    if free < disk:
        sys.exit(f"Only {free / 1000:.1f} GB are free there: make room, or set VENV=FOLDER.")


def install_torch(index: str) -> int:
    """Install torch and torchvision, and nothing else, from ``index``; return pip's status.

    Whatever they need comes from PyPI afterwards: no other package is taken from that index.
    """
    lines = CONSTRAINTS.read_text().splitlines()
    pins = [line for line in lines if line.startswith(("torch==", "torchvision=="))]
    return pip("--index-url", index, "--no-deps", *pins)


def pip(*arguments: str) -> int:
    """Run ``pip install`` with ``arguments`` in this environment; return its exit status."""
    command = [sys.executable, "-m", "pip", "install", *arguments]
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_USER": "0"}
    return subprocess.run(command, env=environment, cwd=PROJECT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
