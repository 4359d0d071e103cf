"""manage.py measure_thresholds: a calibration of a folder of people."""

from __future__ import annotations

import json

import numpy as np
import pytest

from recognition.curves import Calibration
from recognition.evaluation import calibrating, extraction
from recognition.evaluation.cache import BESIDE, version_of
from recognition.management.commands import measure_thresholds
from recognition.management.commands.measure_thresholds import extract_all, pairs
from recognition.runtime import DLIB
from tests.evaluation.test_searches import crowd


@pytest.fixture
def known(settings, tmp_path_factory):
    settings.DATA_DIR = tmp_path_factory.mktemp("data")


def test_too_few_people_are_refused_before_faces_are_looked_for(command, people, monkeypatch):
    monkeypatch.delattr("recognition.pipeline.extract.Extractor.detect")
    ran = command("measure_thresholds", people({"a": ["obama", "obama2"], "b": ["biden"]}))
    assert ran.status and "80 are needed" in ran.stderr


def test_embeddings_are_those_that_evaluate_keeps(command, people, known, monkeypatch):
    photographs = extraction.photographs_in(people({"a": ["obama", "obama2"], "no": [b"x"]}))
    options = {"jobs": 1, "verbosity": 0}
    taken = extraction.take([p.path for p in photographs], DLIB, options)
    monkeypatch.delattr("recognition.pipeline.extract.Extractor.detect")
    found = extract_all(photographs, DLIB, options)
    assert list(found) == ["a/0.jpg", "a/1.jpg"]
    assert (found["a/0.jpg"] == taken[0].embedding).all()


def test_what_was_too_large_is_read_once_it_may_be(command, people, known, settings):
    photographs = extraction.photographs_in(people({"a": ["obama"]}))
    options, allowed = {"jobs": 1, "verbosity": 0}, settings.MAX_IMAGE_PIXELS
    settings.MAX_IMAGE_PIXELS = 100
    assert extract_all(photographs, DLIB, options) == {}
    settings.MAX_IMAGE_PIXELS = allowed
    assert list(extract_all(photographs, DLIB, options)) == ["a/0.jpg"]


def test_a_calibration_is_written_with_where_it_comes_from(command, people, tmp_path, monkeypatch):
    embeddings, labels = crowd(100, 4, noise=0.3)
    found = {
        f"p{n}/{at}.jpg": row for at, (n, row) in enumerate(zip(labels, embeddings, strict=True))
    }
    monkeypatch.setattr(measure_thresholds, "extract_all", lambda *_: found)
    monkeypatch.setattr(calibrating, "lacking", lambda labels: "")
    output = tmp_path / "ours.json"
    assert command("measure_thresholds", people({"a": ["obama"]}), "--output", output).status == 0
    document = json.loads(output.read_text())
    assert document["data_set"] == tmp_path.name
    assert len(Calibration.read(document).curves) == 3 and document["alike"][0]["references"] == 3


def test_pairs_of_a_list_are_told_right(tmp_path):
    for person in ("ann", "joe"):
        (tmp_path / person).mkdir()
        for number in (1, 2, 3, 4):
            (tmp_path / person / f"{person}_{number:04}.jpg").touch()
    listed = tmp_path / "pairs.txt"
    listed.write_text("3\nann 1 2\njoe 1 2\nann 3 4\nann 1 joe 1\nann 3 joe 3\nann 4 joe 4\n")
    rows = {"ann": np.float32([1, 0]), "joe": np.float32([0, 1])}
    found = {f"{p}/{p}_{n:04}.jpg": rows[p] for p in rows for n in (1, 2, 3, 4)}
    assert pairs(listed, found)["accuracy_ten_fold"] == 1
    del found["ann/ann_0001.jpg"]
    told = pairs(listed, found)
    assert (told["pairs"], told["with_a_face_not_found"]) == (6, 2)
    assert pairs(tmp_path / "none.txt", found) == {}


@pytest.mark.parametrize("name", BESIDE)
def test_code_that_says_what_is_kept_is_part_of_the_cache(command, monkeypatch, tmp_path, name):
    folder = tmp_path / "code"
    folder.mkdir()
    for one in BESIDE:
        (folder / one).write_text("1")
    monkeypatch.setattr("recognition.evaluation.cache.__file__", str(folder / "cache.py"))
    before = version_of(DLIB)
    (folder / name).write_text("2")
    assert version_of(DLIB) != before
