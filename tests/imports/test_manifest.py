"""For whom a file is, by its path."""

from __future__ import annotations

import pytest

from recognition.import_models import Import
from recognition.models import Gallery
from recognition.services.manifest import Entry, Manifest


@pytest.fixture
def listed(db, settings):
    """Return a function that tells for whom paths are: a user_id, or a code or state."""

    def told(*paths: str, size: int = 1) -> list[str]:
        batch = Import(gallery=Gallery.objects.get())
        rows = Manifest(batch, [Entry(path, size) for path in paths]).rows()
        return [row.user_id if row.state == "awaited" else row.code or row.state for row in rows]

    return told


def test_each_folder_is_a_person(listed):
    assert listed("ada/1.jpg", "Joe Biden/1.png") == ["ada", "joe-biden"]


@pytest.mark.parametrize("root", ["people/", "export/people/", "Schöne Bilder/2024/"])
def test_folders_that_hold_everything_are_no_person(listed, root):
    assert listed(f"{root}ada/1.jpg", f"{root}joe/1.jpg") == ["ada", "joe"]


def test_a_single_folder_of_pictures_is_a_person(listed):
    assert listed("ada/1.jpg", "ada/2.jpg", "ada/old/3.jpg") == ["ada", "ada", "passed_over"]


def test_a_stray_picture_makes_nobody_of_the_folder_of_people(listed):
    told = listed("people/stray.jpg", "people/ada/1.jpg", "people/joe/1.jpg")
    assert told == ["passed_over", "ada", "joe"]


@pytest.mark.parametrize(
    "path",
    [
        "ada/.hidden.jpg",
        ".git/1.jpg",
        "__MACOSX/ada/._1.jpg",
        "ada/Thumbs.db",
        "ada/notes.txt",
        "stray.jpg",
    ],
)
def test_what_is_nobodys_picture_is_passed_over(listed, path):
    assert listed(path, "ada/1.jpg", "joe/1.jpg") == ["passed_over", "ada", "joe"]


@pytest.mark.parametrize("path", ["../ada/1.jpg", "ada/../../1.jpg", "/ada/1.jpg", "C:/ada/1.jpg"])
def test_a_path_that_leads_out_is_refused(listed, path):
    assert listed(path, "ada/1.jpg") == ["unsafe_name", "ada"]


def test_two_folders_of_one_user_id_are_left_out(listed):
    assert listed("Zoë K/1.jpg", "Zoe K/1.jpg", "ada/1.jpg") == ["left_out", "left_out", "ada"]


def test_a_file_that_is_too_large_need_not_be_sent(listed, settings):
    assert listed("ada/1.jpg", size=settings.MAX_IMAGE_BYTES + 1) == ["image_too_large"]


def test_folders_in_a_zip_are_no_files(listed):
    assert listed("people/", "people/ada/", "people/ada/1.jpg", "people/joe/1.jpg") == [
        "ada",
        "joe",
    ]


def test_a_folder_whose_name_is_no_text_is_left_out(db):
    batch = Import(gallery=Gallery.objects.get())
    [row] = Manifest(batch, [Entry("\ud800/1.jpg", 1)]).rows()
    assert (row.code, row.detail.isprintable()) == ("left_out", True)
