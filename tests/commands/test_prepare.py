"""``prepare``: everything ready to serve, once."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.core.exceptions import ObjectDoesNotExist
from django.test import RequestFactory

from recognition.management.commands import prepare
from recognition.models import SCOPES, ApiKey, Gallery

KEY = "an environment's key of 40 characters ok"


@pytest.fixture
def offline(command, settings, tmp_path, monkeypatch):
    """Return a function that prepares what lies in a folder of its own."""
    settings.STATIC_ROOT = tmp_path / "static"
    monkeypatch.setattr(prepare, "DOWNLOADS", tmp_path / "downloads")
    return lambda *options: command("prepare", "--offline", *options)


def test_the_first_run_makes_an_administrator_and_a_key(offline):
    said = offline().stdout
    password = re.search(r"administrator: admin   password: (\S+)", said)[1]
    key = ApiKey.objects.get_from_key(re.search(r"API key: (\S+\.\S+)", said)[1])
    asked = RequestFactory().post("/")
    assert authenticate(asked, username="admin", password=password).is_superuser
    assert key.scopes == list(SCOPES)


def test_a_second_run_changes_nothing_and_says_so(offline):
    offline()
    ran = offline()
    told = [line for line in ran.lines if not line.startswith(" ")]
    assert [line.rpartition(": ")[2] for line in told] == ["there already"] * 5
    assert (get_user_model().objects.count(), ApiKey.objects.count()) == (1, 1)


def test_an_administrator_who_is_there_is_left_alone(offline, django_user_model):
    django_user_model.objects.create_superuser("root", password="x")
    assert "Administrator: there already" in offline().lines
    assert django_user_model.objects.count() == 1


def test_the_key_of_the_environment_is_taken_and_no_other_made(offline, settings):
    settings.API_KEY = KEY
    said = offline().stdout
    assert ApiKey.objects.get_from_key(KEY).from_environment
    assert (ApiKey.objects.count(), KEY in said) == (1, False)


def test_the_key_of_the_environment_goes_with_the_setting(offline, settings):
    settings.API_KEY = KEY
    offline()
    settings.API_KEY = ""
    offline()
    with pytest.raises(ObjectDoesNotExist):
        ApiKey.objects.get_from_key(KEY)


def test_static_files_are_gathered_when_they_changed(offline, settings, tmp_path):
    assert "Static files: gathered" in offline().lines
    own = tmp_path / "own"
    own.mkdir()
    settings.STATICFILES_DIRS = [own]
    (own / "new.css").write_text("a {}")
    assert "Static files: gathered" in offline().lines
    assert (tmp_path / "static" / "new.css").exists()


def test_a_folder_that_cannot_be_written_to_is_named(offline, settings, tmp_path):
    (tmp_path / "file").touch()
    settings.STATIC_ROOT = tmp_path / "file" / "static"
    ran = offline()
    assert ran.status == 2 and f"{tmp_path}/file/static" in ran.stderr


def test_offline_downloads_nothing(offline):
    assert "Downloading" not in offline().stdout


def test_an_embedder_without_a_download_downloads_nothing(command, offline, settings):
    settings.FACE_MODEL = "dlib-resnet-v1"
    said = command("prepare").stdout
    assert "Downloading" not in said
    assert "A new gallery gets the embedder dlib-resnet-v1." in said


def test_a_download_is_tried_until_people_are_registered_by_another_embedder(gallery):
    assert not prepare._galleries_are_settled()
    Gallery.objects.update(embedder="dlib-resnet-v1")
    assert prepare._galleries_are_settled()


def test_a_download_that_is_asked_for_is_tried_at_every_start(gallery, settings):
    settings.FACE_MODEL = "facenet-vggface2"
    Gallery.objects.update(embedder="dlib-resnet-v1")
    assert not prepare._galleries_are_settled()


def test_facenet_asked_for_by_name_and_not_at_hand_is_an_error(offline, settings):
    settings.FACE_MODEL = "facenet-vggface2"
    ran = offline()
    assert ran.status == 2
    assert "FACENET_WEIGHTS" in ran.stderr


def test_the_networks_alone_touch_no_database(offline):
    assert offline("--networks").lines[0] == "Networks: there already"
    assert not ApiKey.objects.exists()
