"""``identify``: one line a face, for people, as CSV and as JSON."""

from __future__ import annotations

import csv
import json

import pytest
from PIL import Image, ImageOps

from recognition import services
from recognition.models import Event
from tests.conftest import TESTER


@pytest.fixture
def known(register) -> None:
    register("barack", "obama", display_name="Barack Obama")
    register("joe", "biden")


def columns(line: str) -> list[str]:
    return line.split("\t")


def test_identify_names_who_is_known(command, known, photos):
    ran = command("identify", photos.obama2, photos.astronaut)
    first, second = map(columns, ran.lines)
    assert ran.status == 0
    assert (first[0], first[2:4]) == (str(photos.obama2), ["match", "barack"])
    assert (second[0], second[2:4]) == (str(photos.astronaut), ["unknown", "-"])
    assert Event.objects.filter(act="identify", actor="command:identify").count() == 2


def test_json_says_what_the_service_says(command, known, gallery, photos):
    line = json.loads(command("identify", photos.obama2, "--json").stdout)
    answer = services.identify(gallery, photos.upload("obama2"), actor=TESTER)
    [match] = answer.matches
    assert (line["status"], line["reason"]) == ("match", answer.faces[0].decision.reason)
    assert line["matches"] == [
        {
            "user_id": "barack",
            "display_name": "Barack Obama",
            "similarity": round(match.similarity, 6),
            "threshold": round(match.threshold, 6),
        }
    ]
    assert line["box"]["x"] == round(answer.faces[0].face.box.x, 1)


def test_csv_can_be_read_back(command, known, photos, tmp_path):
    odd = tmp_path / 'a, "b"\nc.jpg'
    odd.write_bytes(photos.obama2.read_bytes())
    [row] = csv.DictReader(command("identify", odd, "--csv").lines)
    assert row["file"] == str(odd).replace("\n", "\N{REPLACEMENT CHARACTER}")
    assert (row["status"], row["user_id"], row["display_name"]) == (
        "match",
        "barack",
        "Barack Obama",
    )


def test_every_face_of_a_picture_has_a_line(command, known, photos, tmp_path):
    both = Image.new("RGB", (1200, 500))
    for number, photo in enumerate((photos.obama2, photos.biden)):
        both.paste(ImageOps.contain(Image.open(photo), (600, 500)), (600 * number, 0))
    both.save(tmp_path / "both.png")
    lines = command("identify", tmp_path / "both.png", "--json").lines
    assert {json.loads(line)["matches"][0]["user_id"] for line in lines} == {"barack", "joe"}
    assert [json.loads(line)["face"] for line in lines] == [0, 1]


def test_a_folder_is_searched_without_hidden_files(command, known, people):
    root = people({"inner": ["obama2"], ".hidden": ["biden"], ".": ["biden"]})
    (root / "notes.txt").write_text("no picture")
    (root / ".dot.jpg").write_text("no picture")
    ran = command("identify", root)
    assert [columns(line)[0] for line in ran.lines] == [f"{root}/0.jpg", f"{root}/inner/0.jpg"]
    assert "1 files passed over" in ran.stderr


def test_a_picture_without_a_face_has_a_line_too(command, known, tmp_path):
    Image.new("RGB", (300, 300), "grey").save(tmp_path / "grey.png")
    ran = command("identify", tmp_path / "grey.png", "--json")
    line = json.loads(ran.stdout)
    assert (ran.status, line["status"], line["box"], line["matches"]) == (0, "no_face", None, [])


@pytest.mark.parametrize("form", ["--json", "--csv"])
def test_unreadable_files_are_counted_and_the_others_done(command, known, photos, tmp_path, form):
    (tmp_path / "notes.jpg").write_text("no picture")
    ran = command("identify", "gone.jpg", tmp_path / "notes.jpg", photos.obama2, form)
    rows = map(json.loads, ran.lines) if form == "--json" else csv.DictReader(ran.lines)
    assert [row["status"] for row in rows] == ["invalid_image", "unsupported_image", "match"]
    assert ran.status == 1
    assert ran.stderr.endswith("2 of 3 files could not be read.")
    assert "gone.jpg: invalid_image:" in ran.stderr


def test_an_ambiguous_face_has_both_people_in_its_line(command, known, photos, settings):
    settings.FACE_AMBIGUITY_MARGIN = 1.0
    ran = command("identify", photos.obama2, "--csv", "--threshold", "0.1")
    [row] = csv.DictReader(ran.lines)
    assert (row["status"], row["user_id"]) == ("ambiguous", "barack joe")


def test_in_an_empty_gallery_everybody_is_unknown(command, photos):
    assert columns(command("identify", photos.obama).lines[0])[2] == "unknown"


def test_nothing_to_look_at_is_an_error(command, tmp_path):
    ran = command("identify", tmp_path)
    assert (ran.status, ran.stderr) == (2, "There are no pictures.")
