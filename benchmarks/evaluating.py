"""What ``manage.py evaluate`` takes of time and memory for as many photographs as LFW has.

Run it: ``python -m benchmarks.evaluating``. Embeddings are made up: 13,233 of 5,749 people, as many
of each as in LFW (Huang and others 2007). All pairs are compared, 87.5 million, twice: as they are,
and with refused photographs counted; then a calibration is made of them, and a gallery's references
are left out one by one.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

# How many people have so many photographs; those with more than ten have 29 on average.
COUNTS = {1: 4069, 2: 779, 3: 291, 4: 187, 5: 112, 6: 55, 7: 39, 8: 33, 9: 26, 10: 15, 24: 141}
FAMOUS = (530, 260)
DIMENSIONS = 128
MOST = 2_000  # MB


def made_up() -> Any:
    """Return embeddings (N, D) of length 1, and whose they are (N,)."""
    generator = np.random.default_rng(1)
    counts = [*FAMOUS, *(n for n, people in COUNTS.items() for _ in range(people))]
    labels = np.repeat(np.arange(len(counts)), counts)
    centres = generator.normal(size=(len(counts), DIMENSIONS)).astype(np.float32)
    rows = centres[labels] + 0.8 * generator.normal(size=(len(labels), DIMENSIONS))
    rows = rows.astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True), labels


def measured(what: str, act: Callable[[], object]) -> None:
    """Do it, and say how long it took and the most memory that this process has had so far."""
    started = time.perf_counter()
    act()
    seconds = time.perf_counter() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{what}: {seconds:.0f} s, {memory:,.0f} MB", flush=True)
    if memory > MOST:
        sys.exit(f"That is more than {MOST:,} MB.")


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "facesite.settings")
    import django

    django.setup()
    from recognition.evaluation import calibrating, report, searches, served
    from recognition.evaluation.samples import Sample

    embeddings, labels = made_up()
    sample = Sample([f"p{n}/{at}" for at, n in enumerate(labels.tolist())], embeddings, labels)
    print(f"{len(labels):,} photographs of {len(np.unique(labels)):,} people")
    options = {"references": 1, "strangers": None}
    measured("as served", lambda: served.people_served(sample, **options))
    measured("all faces", lambda: report.people_report(sample, **options))
    measured("calibrated", lambda: calibrating.measured(embeddings, labels, (100, 1_000)))
    measured("left out one by one", lambda: searches.leave_one_out(embeddings, labels))


if __name__ == "__main__":
    main()
