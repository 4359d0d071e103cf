"""``register_folder``: a folder a person."""

from __future__ import annotations

import pytest

from recognition.models import Reference, Subject
from recognition.services.folders import user_id_of
from tests.conftest import registered


def test_a_folder_a_person_is_registered(command, people):
    root = people({"barack": ["obama", "obama2"], "joe": ["biden"]})
    ran = command("register_folder", root)
    assert ran.status == 0
    assert ran.lines == [
        "Registered: 3 pictures of 2 people.",
        "Registered before: 0 pictures.",
    ]
    assert registered() == {"barack": 2, "joe": 1}


def test_a_second_run_adds_nothing_and_says_so(command, people):
    root = people({"barack": ["obama", "obama2"], "Joe Biden": ["biden"]})
    command("register_folder", root)
    before = set(Reference.objects.values_list("pk", flat=True))
    ran = command("register_folder", root)
    assert ran.status == 0
    assert ran.lines == ["Nothing was added.", "Registered before: 3 pictures."]
    assert set(Reference.objects.values_list("pk", flat=True)) == before


def test_a_second_run_adds_what_is_new(command, people):
    command("register_folder", people({"barack": ["obama"]}))
    ran = command("register_folder", people({"barack": ["obama", "obama2"], "joe": ["biden"]}))
    assert ran.lines == [
        "Registered: 2 pictures of 2 people.",
        "Registered before: 1 pictures.",
    ]


def test_a_name_becomes_the_display_name_and_its_slug_the_user_id(command, people):
    command("register_folder", people({"Zoë Kravitz": ["astronaut"]}))
    subject = Subject.objects.get()
    assert (subject.user_id, subject.display_name) == ("zoe-kravitz", "Zoë Kravitz")


@pytest.mark.parametrize(
    ("name", "user_id"),
    [
        ("Zoë Kravitz", "zoe-kravitz"),
        ("Zoe\N{COMBINING DIAERESIS} Kravitz", "zoe-kravitz"),
        ("Łukasz Jørgensen-Groß", "lukasz-jorgensen-gross"),
        ("O'Neill, Shaquille", "oneill-shaquille"),
        ("李明", ""),
        ("Ivan Иван", ""),
        ("...", ""),
        ("x y" * 60, ""),
    ],
)
def test_a_user_id_is_made_of_a_name_without_losing_letters(name, user_id):
    assert user_id_of(name) == user_id


def test_two_names_with_one_user_id_are_listed_not_merged(command, people):
    ran = command("register_folder", people({"Zoë K": ["astronaut"], "Zoe K": ["biden"]}))
    assert ran.status == 1
    assert "Zoë K: its user_id zoe-k is also that of" in ran.stderr
    assert "Zoe K: its user_id zoe-k is also that of" in ran.stderr
    assert registered() == {}


def test_the_folder_named_by_the_user_id_wins(command, people):
    ran = command("register_folder", people({"zoe-k": ["astronaut"], "Zoë K": ["biden"]}))
    assert ran.status == 1
    assert registered() == {"zoe-k": 1}
    assert Subject.objects.get().display_name == ""


def test_a_name_is_not_merged_with_somebody_registered(command, people, register):
    register("zoe-k", "astronaut", display_name="Zoey K")
    ran = command("register_folder", people({"Zoë K": ["biden"]}))
    assert ran.status == 1
    assert "a registered person called 'Zoey K'" in ran.stderr
    assert registered() == {"zoe-k": 1}


def test_a_name_that_makes_no_user_id_is_left_out(command, people):
    ran = command("register_folder", people({"李明": ["biden"], "joe": ["obama"]}))
    assert ran.status == 1
    assert "李明: no user_id can be made of this name; rename it" in ran.stderr
    assert registered() == {"joe": 1}


def test_bad_files_are_listed_at_the_end_and_the_others_done(command, people):
    root = people(
        {"barack": ["obama", b"no picture", b""], "joe": [b"none"], "neil": ["astronaut"]}
    )
    ran = command("register_folder", root)
    assert ran.status == 1
    assert registered() == {"barack": 1, "neil": 1}
    assert "barack/1.jpg: unsupported_image: The file seems to be a text. Send" in ran.stderr
    assert "barack/2.jpg: invalid_image: The file is empty." in ran.stderr
    assert ran.stderr.endswith("3 pictures were refused, 0 folders left out.")


def test_what_is_no_picture_is_passed_over_and_counted(command, people):
    root = people({"barack": ["obama"]})
    (root / "barack" / "notes.txt").write_text("x")
    (root / "barack" / ".DS_Store").write_text("x")
    (root / ".hidden").mkdir()
    (root / "stray.jpg").write_text("x")
    ran = command("register_folder", root)
    assert ran.status == 0
    assert "Passed over: 2" in ran.stderr
    assert "notes.txt: no picture" in ran.stderr
    assert "stray.jpg: in no person's folder" in ran.stderr


def test_more_than_ten_pictures_of_a_person_take_several_calls(command, people, settings):
    settings.MAX_IMAGES = 2
    command("register_folder", people({"barack": ["obama", "obama2", "obama3"]}))
    assert registered() == {"barack": 3}


def test_the_same_picture_twice_is_one_reference(command, people):
    ran = command("register_folder", people({"barack": ["obama", "obama"]}))
    assert ran.lines == ["Registered: 1 pictures of 1 people.", "Registered before: 1 pictures."]


def test_a_face_under_two_ids_is_said(command, people):
    ran = command("register_folder", people({"a": ["obama"], "b": ["obama2"]}))
    assert "b looks like a: similarity 0.9" in ran.stderr


def test_a_gallery_that_is_not_there_is_an_error(command, people):
    ran = command("register_folder", people({"a": ["obama"]}), "--gallery", "none")
    assert (ran.status, ran.stderr.split(":")[0]) == (2, "gallery_not_found")


def test_a_folder_that_is_not_there_is_an_error(command, tmp_path):
    ran = command("register_folder", tmp_path / "none")
    assert ran.status == 2
    assert ran.stderr.endswith("none is no folder.")
