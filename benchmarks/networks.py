"""Convert every network, FaceNet from seeded random numbers: ``python -m benchmarks.networks DIR``.

In a process of its own, for that imports torch. Quick the second time.
"""

from __future__ import annotations

import sys
from pathlib import Path

from recognition.networks.store import NetworkStore
from tests.networks.seeded import prepare_seeded

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    prepare_seeded(NetworkStore([folder]), folder)
