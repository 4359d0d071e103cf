"""Commits a network in a process of its own: FOLDER ID [--kill-at N | --hang | --slow].

``--kill-at N`` kills the process, as ``kill -9`` does, just before its Nth act on a file.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from recognition.networks.store import NetworkStore, Provenance

ACTS = ("open", "os.rename", "os.remove", "os.mkdir", "fcntl.flock")


def write(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        file.write(b"new" * 500)
        if "--hang" in sys.argv:
            print("half written", flush=True)
            time.sleep(60)
        if "--slow" in sys.argv:
            time.sleep(0.3)
            print("written", flush=True)
        file.write(b"new" * 500)


def kill_at(step: int) -> None:
    acts = 0

    def count(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal acts
        if event in ACTS:
            acts += 1
            if acts == step:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


if __name__ == "__main__":
    folder, network_id = sys.argv[1:3]
    if "--kill-at" in sys.argv:
        kill_at(int(sys.argv[-1]))
    NetworkStore([Path(folder)]).commit(network_id, write, Provenance("weights.dat", "1" * 64, "1"))
