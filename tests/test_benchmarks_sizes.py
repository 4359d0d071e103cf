"""``python -m benchmarks.sizes``: the figures of docs/scaling.md that no clock is needed for."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from recognition.decisions import CALIBRATIONS
from recognition.sealing import OVERHEAD
from tests.servers import ROOT

PEOPLE = 100
GUIDE = (ROOT / "docs" / "scaling.md").read_text()


@pytest.mark.slow
def test_sizes_says_what_a_person_and_a_request_weigh(networks_dir: Path):
    command = [sys.executable, "-m", "benchmarks.sizes", "--people", str(PEOPLE)]
    environment = {**os.environ, "FACESITE_NETWORKS_DIR": str(networks_dir)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = dict(line.rsplit(": ", 1) for line in done.stdout.splitlines())
    sizes = {name: float(re.sub(r"[^\d.]", "", value)) for name, value in said.items()}
    assert sizes["PostgreSQL, the embedding in a Reference (float32, sealed)"] == 4 * 128 + OVERHEAD
    assert sizes["Redis, a person of facenet-vggface2"] > 4 * 512
    assert all(size > 0 for size in sizes.values())


def test_the_guide_tells_the_error_rates_of_the_calibration():
    stored = json.loads((CALIBRATIONS / "dlib-resnet-v1.json").read_text())["thresholds"]
    rates = {row["fmr"]: (f"{row['similarity']:.3f}", f"{row['fnmr']:.0%}") for row in stored}
    rows = re.findall(r"^\| [\d, M]+ \| (1e-\d+)(?: f)? \| ([\d.]+) \| (\d+) % \|", GUIDE, re.M)
    assert len(rows) == 5
    assert [(float(fmr), (limit, f"{missed}%")) for fmr, limit, missed in rows] == [
        (float(fmr), rates[float(fmr)]) for fmr, _, _ in rows
    ]
