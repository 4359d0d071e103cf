"""``register`` and ``unregister``."""

from __future__ import annotations

import pytest

from recognition import services
from recognition.models import Event, Reference, Subject
from tests.conftest import TESTER


def test_register_makes_references_and_names_them(command, photos):
    ran = command("register", "barack", photos.obama, photos.obama2, "--name", "Barack Obama")
    assert ran.status == 0
    ids = {line.rpartition(" ")[2] for line in ran.lines[:2]}
    assert ids == {str(reference.pk) for reference in Reference.objects.all()}
    assert ran.lines[2] == "barack has 2 references (dlib-resnet-v1)"
    assert Subject.objects.get().display_name == "Barack Obama"


def test_register_is_written_down_under_the_command(command, photos):
    command("register", "barack", photos.obama)
    assert Event.objects.get().actor == "command:register"


def test_register_again_adds_nothing(command, photos):
    command("register", "barack", photos.obama)
    ran = command("register", "barack", photos.obama)
    assert ran.lines[0] == f"obama.jpg: registered already as {Reference.objects.get().pk}"
    assert Reference.objects.count() == 1


def test_register_with_replace_erases_the_others(command, photos):
    command("register", "barack", photos.obama)
    command("register", "barack", photos.obama2, "--replace")
    assert Reference.objects.count() == 1


def test_a_dry_run_stores_nothing(command, photos):
    ran = command("register", "barack", photos.obama, "--dry-run")
    assert ran.lines[0] == "obama.jpg: can be registered"
    assert not Subject.objects.exists()


def test_a_refused_photograph_is_named_and_the_status_says_so(command, photos, tmp_path):
    (tmp_path / "notes.jpg").write_text("no picture")
    ran = command("register", "barack", photos.obama, tmp_path / "notes.jpg")
    assert ran.status == 1
    assert "notes.jpg: unsupported_image: The file seems to be a text." in ran.stderr
    assert Reference.objects.count() == 1


def test_only_refused_photographs_are_an_error_with_a_hint(command, tmp_path):
    (tmp_path / "notes.jpg").write_text("no picture")
    ran = command("register", "barack", tmp_path / "notes.jpg")
    assert ran.status == 2
    assert "Send JPEG, PNG, WebP, BMP, GIF or HEIC" in ran.stderr
    assert not Subject.objects.exists()


def test_a_face_known_under_another_id_is_said(command, photos):
    command("register", "barack", photos.obama)
    ran = command("register", "somebody", photos.obama2)
    assert ran.lines[1].startswith("looks like barack: similarity 0.9")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["../x", "obama"], "invalid_request: user_id must be 1 to 128"),
        (["barack", "nothing.jpg"], "nothing.jpg cannot be read"),
        (["barack", "."], ". cannot be read: it is no file"),
        (["barack", "obama", "--gallery", "none"], "gallery_not_found"),
        (["barack", "obama", "--face", "3"], "face counts from 0"),
        (["barack", "obama", "--box", "1,1,50,50"], "No face was found inside the given box."),
        (["barack", *["obama"] * 11], "At most 10 photographs at once"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_reason(command, photos, arguments, said):
    ran = command("register", *(getattr(photos, word, word) for word in arguments))
    assert ran.status == 2
    assert said in ran.stderr
    assert not Subject.objects.exists()


@pytest.mark.parametrize("box", ["1,2,3", "1,2,0,9", "a,b,c,d", "nan,1,2,3"])
def test_an_odd_box_is_no_argument(command, photos, box):
    assert "is no box" in command("register", "barack", photos.obama, f"--box={box}").stderr


def test_a_file_that_is_too_large_is_not_read(command, photos, settings):
    settings.MAX_IMAGE_BYTES = 50_000
    ran = command("register", "barack", photos.obama)
    assert "obama.jpg has 99,392 bytes; 50,000 are allowed." in ran.stderr


def test_register_goes_into_the_gallery_named(command, photos):
    services.create_gallery("door", actor=TESTER)
    command("register", "barack", photos.obama, "--gallery", "door")
    assert Subject.objects.get().gallery.name == "door"


def test_unregister_erases_and_counts(command, register):
    register("barack", "obama", "obama2")
    ran = command("unregister", "barack")
    assert ran.lines == [
        "barack erased from default: subjects 1, references 2, crops 2, templates 1"
    ]
    assert not Reference.objects.exists()


def test_unregister_of_nobody_is_an_error(command):
    ran = command("unregister", "nobody")
    assert (ran.status, ran.stderr.split(":")[0]) == (2, "user_not_found")
