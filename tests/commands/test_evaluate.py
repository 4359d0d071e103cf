"""manage.py evaluate: error rates of photographs, of pairs, and of a gallery."""

from __future__ import annotations

import json
import re
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from facesite.install import requirements
from recognition.evaluation import stored
from recognition.management.commands.evaluate import NO_PLOTS
from recognition.models import StoredCalibration
from recognition.runtime import DLIB

FOLDER = Path(__file__).parent


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
    assert report["in_force"]["fnir"]["errors"] == 0
    assert report["in_force"]["promised"]["fpir"] > 0
    assert "3 genuine, 4 impostor comparisons.)" in ran.stdout
    assert report["attempts"]["register"]["errors"] == 0


def test_a_gallerys_groups_go_by_user_id(evaluate, register, tmp_path):
    for user_id, name in (("barack", "obama"), ("barack", "obama2"), ("joe", "biden")):
        register(user_id, name)
    labels = tmp_path / "labels.csv"
    labels.write_text("person,side\nbarack,left\njoe,right\n")
    _, ran = evaluate("--gallery", "default", "--labels", labels)
    assert ran.status == 0 and "By side" not in ran.stdout  # three photographs tell no rate


def test_photographs_that_the_service_refuses_are_counted(evaluate, people, photos):
    dark = BytesIO()
    ImageEnhance.Brightness(Image.open(photos.obama3)).enhance(0.15).save(dark, "JPEG")
    root = people({"barack": ["obama", "obama2", dark.getvalue()], "joe": ["biden"], "no": [b"x"]})
    report, ran = evaluate(root, "--embedder", DLIB)
    assert (report["failure_to_detect"]["errors"], report["failure_to_detect"]["trials"]) == (1, 5)
    assert report["failure_to_acquire"]["reasons"] == {"no_face": 1, "low_quality": 1}
    assert report["failure_to_enrol"]["errors"] == 1
    assert report["verification"]["genuine"] == 3
    assert "Failure to acquire: refused as a probe: 40.00 %" in ran.stdout
    asked = report["in_force"]["fnir"]["trials"] + report["in_force"]["fpir"]["trials"]
    registered = report["failure_to_enrol"]["trials"] // 2
    assert asked == report["photographs"] - registered


def test_without_matplotlib_it_says_so_before_and_draws_nothing(
    evaluate, two, settings, monkeypatch
):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    report, ran = evaluate(two, "--embedder", DLIB)
    assert ran.status == 0 and report["verification"]["genuine"] == 3
    assert 'make install EXTRAS="convert evaluate"' in ran.stderr
    assert not list((settings.DATA_DIR / "out").glob("*.png"))


def test_the_command_that_is_named_installs_matplotlib():
    extras = re.search(r'make install EXTRAS="(.+)"', NO_PLOTS)[1].split()
    assert any(line.startswith("matplotlib") for line in requirements(extras))


def test_what_is_written_is_listed(command, two, settings, tmp_path_factory):
    settings.DATA_DIR = tmp_path_factory.mktemp("data")
    ran = command("evaluate", two, "--embedder", DLIB, "--name", "Our door", "--jobs", "1")
    [name] = stored.newest_first()
    assert name.endswith("-our-door") and f"Written: {stored.home() / name}" in ran.stdout
    assert {"det", "scores"} <= set(stored.find(name).plots)


def test_stress_spoils_probes_in_five_steps(evaluate, two):
    report, ran = evaluate(two, "--embedder", DLIB, "--stress")
    kinds = report["stress"]["kinds"]
    assert len(kinds) == 8 and {len(steps) for steps in kinds.values()} == {5}
    assert kinds["reduced"][-1]["fnmr"]["rate"] >= kinds["reduced"][0]["fnmr"]["rate"]
    assert kinds["darkened"][0]["fnmr"]["errors"] == 0
    assert kinds["darkened"][-1]["refused"] == 2
    assert "lower half covered" in ran.stdout


def test_few_people_make_no_calibration(evaluate, two):
    report, ran = evaluate(two, "--embedder", DLIB, "--calibrate", "ours")
    assert (report, ran.status) == (None, 2) and "80 are needed" in ran.stderr


@pytest.mark.parametrize(
    ("folders", "arguments", "said"),
    [
        ({"a": ["obama"], "b": ["biden"]}, [], "there are 2 photographs of 2"),
        ({"a": ["obama", "obama2"], "empty": []}, [], "there are 2 photographs of 1"),
        ({"a": [], "b": []}, [], "there are 0 photographs of 0"),
        ({"a": ["obama", "obama2"], "b": ["biden"]}, ["--references", "2"], "nobody has more than"),
        ({"a": ["obama", "obama2"], "b": ["biden"]}, ["--references", "0"], "register nobody"),
        ({"a": ["obama", "obama2"], "b": ["biden"]}, ["--calibrate", "no!"], "A name is 1 to 64"),
        ({"a": ["obama", "obama2"], "b": ["biden"]}, ["--calibrate", "new"], "80 are needed"),
    ],
)
def test_what_cannot_be_told_is_refused_before_faces_are_looked_for(
    evaluate, people, monkeypatch, folders, arguments, said
):
    monkeypatch.delattr("recognition.pipeline.extract.Extractor.detect")
    _, ran = evaluate(people(folders), "--embedder", DLIB, *arguments)
    assert ran.status == 2 and said in ran.stderr


@pytest.mark.parametrize("output", [__file__, f"{__file__}/new/folder"])
def test_where_nothing_can_be_written_nothing_is_computed(command, two, monkeypatch, output):
    monkeypatch.delattr("recognition.pipeline.extract.Extractor.detect")
    ran = command("evaluate", two, "--embedder", DLIB, "--output", output)
    assert ran.status == 2 and "no folder that can be written to" in ran.stderr


def test_a_calibrations_name_that_is_taken_is_refused_at_once(evaluate, two, monkeypatch):
    StoredCalibration.objects.create(name="ours", embedder=DLIB, document={})
    monkeypatch.delattr("recognition.pipeline.extract.Extractor.detect")
    _, ran = evaluate(two, "--embedder", DLIB, "--calibrate", "ours")
    assert ran.status == 2 and "'ours' exists already" in ran.stderr


@pytest.mark.parametrize("option", ["labels", "dates"])
def test_a_list_that_names_nobody_here_is_refused(evaluate, two, tmp_path, option):
    listed = tmp_path / "list.csv"
    listed.write_text("person,side\neve,left\n" if option == "labels" else "eve/1.jpg,2004\n")
    _, ran = evaluate(two, "--embedder", DLIB, f"--{option}", listed)
    assert ran.status == 2 and f"--{option} names none of these" in ran.stderr


def test_what_is_no_photograph_is_passed_over(evaluate, two):
    for name in ("._barack.jpg", "notes.txt", ".hidden.png"):
        (two / "barack" / name).write_bytes(b"x")
    for folder in ("nobody", "_groups", ".git", "joe/more.jpg"):
        (two / folder).mkdir()
    report, ran = evaluate(two, "--embedder", DLIB)
    assert (ran.status, report["photographs"], report["people"]) == (0, 4, 2)
    assert report["failure_to_detect"]["errors"] == 0


def test_an_empty_gallery_tells_nothing(evaluate):
    _, ran = evaluate("--gallery", "default")
    assert ran.status == 2 and "there are 0 photographs" in ran.stderr


def test_strangers_without_a_photograph_are_refused(evaluate, two, tmp_path_factory):
    nobody = tmp_path_factory.mktemp("nobody")
    _, ran = evaluate(two, "--embedder", DLIB, "--strangers", nobody)
    assert ran.status == 2 and "holds no <person>/<photograph>" in ran.stderr


def test_the_scores_of_searches_are_written_too(evaluate, two, settings):
    report, _ = evaluate(two, "--embedder", DLIB)
    scores = np.load(settings.DATA_DIR / "out" / "scores.npz")
    assert len(scores["ranks"]) == len(scores["own"]) == report["in_force"]["fnir"]["trials"]
    assert len(scores["strangers"]) == report["identification"]["open_set"]["strangers"]


@pytest.mark.parametrize(
    "without_effect",
    [
        ["--gallery", "default", "--stress"],
        ["--gallery", "default", "--dates", __file__],
        [FOLDER, "--pairs", __file__, "--calibrate", "x"],
        [FOLDER, "--pairs", __file__, "--references", "3"],
    ],
)
def test_an_option_that_would_be_without_effect_is_refused(evaluate, without_effect):
    _, ran = evaluate(*without_effect)
    assert ran.status == 2 and "cannot be had with" in ran.stderr


@pytest.mark.parametrize(
    "arguments", [[], ["nowhere"], ["--gallery", "nobody"], [FOLDER, "--labels", "nowhere"]]
)
def test_what_is_not_there_is_refused(evaluate, arguments):
    assert evaluate(*arguments)[1].status == 2
