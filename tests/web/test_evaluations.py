"""What was measured on this machine, in the console."""

from __future__ import annotations

import pytest
from PIL import Image

from recognition.evaluation import stored
from recognition.evaluation.report import people_report
from recognition.evaluation.samples import Sample
from tests.evaluation.test_searches import crowd

PAGE = "/console/evaluations"


@pytest.fixture(autouse=True)
def home(settings, tmp_path):
    settings.DATA_DIR = tmp_path


@pytest.fixture
def write():
    """Return a function that writes an evaluation of made-up people, with one plot."""

    def write_one(data: str, date: str) -> str:
        embeddings, labels = crowd(100, 3, noise=0.1)
        sample = Sample([f"p{n}/1" for n in labels], embeddings, labels)
        report = people_report(sample, references=1, strangers=None)[0]
        report |= {"data": data, "date": date, "embedder": "none", "kind": "folder"}
        folder = stored.new_folder(report)
        folder.mkdir(parents=True)
        Image.new("RGB", (8, 6)).save(folder / "det.png")
        stored.write(report, folder)
        return folder.name

    return write_one


def test_the_newest_is_listed_first(viewer, write):
    names = [write("old <b>", "2026-11-25T08:00:00"), write("new", "2026-11-26T08:00:00")]
    text = viewer.get(PAGE).content.decode()
    assert text.index(names[1]) < text.index(names[0])
    assert "old &lt;b&gt;" in text and "FNMR 0.00 % (0.00 % to 1.26 %) at FMR 0.001" in text


def test_a_page_shows_tables_intervals_and_plots(viewer, write):
    name = write("door", "2026-11-26T08:00:00")
    text = viewer.get(f"{PAGE}/{name}").content.decode()
    assert "Verification (1:1)" in text and "FNIR at FPIR 0.1" in text
    assert "0.00 % (0.00 % to 1.26 %; 0 of 300)" in text
    assert "50 strangers cannot tell a rate of 0.001" in text
    assert f'src="{PAGE}/{name}/det.png"' in text and "style=" not in text


def test_a_plot_is_a_picture_for_who_may_see_it(viewer, client, write):
    name = write("door", "2026-11-26T08:00:00")
    answer = viewer.get(f"{PAGE}/{name}/det.png")
    assert answer["Content-Type"] == "image/png"
    assert b"".join(answer.streaming_content).startswith(b"\x89PNG")
    assert client.get(f"{PAGE}/{name}/det.png").status_code == 302


@pytest.mark.parametrize("path", ["none", "none/det.png", "{}/roc.png", "../x", "%2e%2e/det.png"])
def test_what_is_not_there_is_not_found(viewer, write, path):
    name = write("door", "2026-11-26T08:00:00")
    assert viewer.get(f"{PAGE}/{path.format(name)}").status_code == 404


def test_nothing_measured_says_how_to_measure(viewer):
    assert "manage.py evaluate --gallery default" in viewer.get(PAGE).content.decode()
