"""One run: how much is measured, and what several sections need."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

from benchmarks.site import ROOT, Site, environment
from benchmarks.timing import Effort
from recognition.pipeline.embed import DlibResNet, FaceNet

DIMENSIONS = {kind.id: kind.dimension for kind in (DlibResNet, FaceNet)}
EMBEDDERS = tuple(DIMENSIONS)
#: Converted networks are kept from one run to the next.
KEPT = Path(os.environ.get("FACESITE_DATA_DIR", ROOT / "var")) / "benchmarks"


class Bench:
    """What a section is given. ``folder`` is emptied at the end; ``quick``: a few rounds only."""

    def __init__(self, folder: Path, *, quick: bool, cores: int) -> None:
        self.folder, self.quick, self.cores = folder, quick, cores
        self._sites: dict[tuple[str, int], Site] = {}

    @property
    def people(self) -> int:
        """Return how many people the usual gallery has."""
        return 1_000 if self.quick else 10_000

    def effort(self, rounds: int, seconds: float) -> Effort:
        """Return how much to measure, next to nothing in a quick run."""
        return Effort(3, 0, warm_up=1) if self.quick else Effort(rounds, seconds)

    @cached_property
    def networks(self) -> Path:
        """Return the folder of the converted networks, FaceNet from seeded random numbers."""
        folder = KEPT / "networks"
        self.say("converting networks, unless they are there")
        command = [sys.executable, "-m", "benchmarks.networks", str(folder)]
        subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
        return folder

    @property
    def facenet_weights(self) -> Path:
        """Return the file that FaceNet was converted from."""
        from tests.networks.seeded import seeded_weights

        return seeded_weights(self.networks)

    def environment(self) -> dict[str, str]:
        """Return the environment of a Facesite without people."""
        return environment(self.folder / "empty", self.networks)

    def site(self, embedder: str, people: int) -> Site:
        """Return a site that is not started, its gallery filled; the same one the second time."""
        if (embedder, people) not in self._sites:
            self.say(f"registering {people:,} people of {embedder}")
            folder = self.folder / f"{embedder}-{people}"
            self._sites[embedder, people] = Site(folder, self.networks, embedder, people)
        return self._sites[embedder, people]

    def fill(self, wanted: Sequence[tuple[str, int]]) -> None:
        """Fill several sites at once, a core each: a million people take minutes."""
        assert self.networks.is_dir()  # converted before, and not by each of them
        with ThreadPoolExecutor(self.cores) as threads:
            list(threads.map(lambda each: self.site(*each), wanted))

    def say(self, what: str) -> None:
        """Tell on stderr what is done now."""
        print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Stop every server; sites can be started again."""
        for site in self._sites.values():
            site.stop()
