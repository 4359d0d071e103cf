"""manage.py evaluate: error rates of photographs, of pairs, and of a gallery."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from recognition.runtime import DLIB


@pytest.fixture
def evaluate(command, settings, tmp_path_factory):
    """Return a function that evaluates and returns the report and the run."""
    settings.DATA_DIR = tmp_path_factory.mktemp("data")

    def run_it(*arguments: object):
        output = settings.DATA_DIR / "out"
        ran = command("evaluate", *arguments, "--output", output, "--jobs", "1")
        report = output / "report.json"
        return (json.loads(report.read_text()) if report.exists() else None), ran

    return run_it


@pytest.fixture
def two(people) -> Path:
    """Return two people, one of them on three photographs, named as LFW names them."""
    root = people({"barack": ["obama", "obama2", "obama3"], "joe": ["biden"]})
    for folder in ("barack", "joe"):
        for n, path in enumerate(sorted((root / folder).iterdir()), 1):
            path.rename(path.with_name(f"{folder}_{n:04}.jpg"))
    return root


def test_a_folder_of_people_is_measured(evaluate, two, settings):
    report, ran = evaluate(two, "--embedder", DLIB, "--name", "two")
    assert (ran.status, report["data"], report["photographs"]) == (0, "two", 4)
    assert report["failure_to_detect"]["rate"] == 0
    assert (report["verification"]["genuine"], report["verification"]["impostor"]) == (3, 3)
    assert all("refused" in row for row in report["verification"]["fnmr_at_fmr"])
    assert {"det.png", "roc.png", "scores.png"} <= {
        p.name for p in (settings.DATA_DIR / "out").iterdir()
    }
    scores = np.load(settings.DATA_DIR / "out" / "scores.npz")
    assert scores["genuine"].min() > scores["impostor"].max()


def test_a_second_run_makes_no_embedding_again(evaluate, two, monkeypatch):
    first, _ = evaluate(two, "--embedder", DLIB)
    monkeypatch.delattr("recognition.pipeline.extract.Extractor.detect")
    second, _ = evaluate(two, "--embedder", DLIB)
    assert first["verification"] == second["verification"]


def test_pairs_in_lfws_format_are_told_right(evaluate, two, tmp_path):
    same = ["barack\t1\t2", "barack\t2\t3"]
    listed = tmp_path / "pairs.txt"
    listed.write_text("\n".join(["2\t1", same[0], "barack\t1\tjoe\t1", same[1], "barack 2 joe 1"]))
    report, ran = evaluate(two, "--pairs", listed, "--embedder", DLIB)
    assert (report["pairs"], len(report["ten_fold"]["folds"])) == (4, 2)
    assert report["ten_fold"]["mean"] >= 0.5
    assert "Pairs told right, ten-fold: " in ran.stdout


@pytest.mark.parametrize("text", ["", "barack 1 2", "2\nbarack one 2", "1\nnobody 1 2"])
def test_a_list_that_cannot_be_read_is_refused(evaluate, two, tmp_path, text):
    listed = tmp_path / "pairs.txt"
    listed.write_text(text)
    assert evaluate(two, "--pairs", listed, "--embedder", DLIB)[1].status == 2


def test_a_gallery_is_measured_by_leaving_references_out(evaluate, register):
    for name in ("obama", "obama2", "obama3"):
        register("barack", name)
    register("joe", "biden")
    report, ran = evaluate("--gallery", "default")
    assert (report["kind"], report["faces"], report["people"]) == ("gallery", 4, 2)
    assert report["verification"]["genuine"] == 3
    assert report["in_force"]["fnir"] == 0 and report["in_force"]["promised"]["fpir"] > 0


def test_stress_spoils_probes_in_five_steps(evaluate, two):
    report, ran = evaluate(two, "--embedder", DLIB, "--stress")
    kinds = report["stress"]["kinds"]
    assert len(kinds) == 8 and {len(steps) for steps in kinds.values()} == {5}
    assert kinds["reduced"][-1]["fnmr"]["rate"] >= kinds["reduced"][0]["fnmr"]["rate"]
    assert kinds["darkened"][0]["fnmr"]["errors"] == 0
    assert "lower half covered" in ran.stdout


def test_few_people_make_no_calibration(evaluate, two):
    report, ran = evaluate(two, "--embedder", DLIB, "--calibrate", "ours")
    assert (report, ran.status) == (None, 2) and "80 are needed" in ran.stderr


@pytest.mark.parametrize("arguments", [[], ["nowhere"], ["--gallery", "nobody"]])
def test_what_is_not_there_is_refused(evaluate, arguments):
    assert evaluate(*arguments)[1].status == 2
