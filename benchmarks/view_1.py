"""The embeddings of LFW's View 1, kept under var/benchmarks for the code that made them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.bench import KEPT, Bench
from benchmarks.contestant import Contestant, become_facesite
from benchmarks.photographs import VIEW_1
from recognition.networks.catalogue import DLIB
from recognition.pipeline.types import Floats

ABSENT = "LFW's View 1 is not in ../shared/data"


class Extracted:
    """Embeds every photograph; in a process of its own, for Django can be set up only once."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        become_facesite(environment)
        make_key()

    def __call__(self, embedder: str) -> dict[str, Floats]:
        """Return an embedding for each ``<person>/<photograph>``."""
        from recognition.evaluation.extraction import photographs_in
        from recognition.management.commands.measure_thresholds import extract_all

        return extract_all(photographs_in(VIEW_1), embedder)


def make_key() -> None:
    """Make the key that embeddings are kept under, where no Facesite has made one."""
    from django.conf import settings

    from recognition.vault import master

    if not settings.FACE_MASTER_KEY_FILE.exists():
        master.make(settings.FACE_MASTER_KEY_FILE)


def keeping(bench: Bench, networks: Path) -> dict[str, str]:
    """Return the environment of a Facesite that keeps embeddings from one run to the next."""
    kept = {"FACESITE_DATA_DIR": str(KEPT), "FACESITE_NETWORKS_DIR": str(networks)}
    return bench.environment() | kept


def embeddings() -> tuple[Floats, NDArray[np.intp]] | None:
    """Return dlib-resnet-v1's embeddings (N, D) and whose they are (N,); None without View 1."""
    if not VIEW_1.is_dir():
        return None
    KEPT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=KEPT) as folder:
        bench = Bench(Path(folder), quick=False, cores=1)
        with Contestant(Extracted, keeping(bench, bench.networks)) as extracted:
            [found] = extracted.ask(DLIB)
    people = [name.split("/")[0] for name in found]
    return np.stack(list(found.values())), np.unique(people, return_inverse=True)[1]
