"""``verify``: yes, no, or an error, told by the exit status."""

from __future__ import annotations

import pytest

from recognition.models import Subject


@pytest.fixture
def barack(register) -> None:
    register("barack", "obama")


def test_verify_says_yes(command, barack, photos):
    ran = command("verify", "barack", photos.obama2)
    assert ran.status == 0
    assert ran.stdout.startswith("barack: verified. The similarity 0.9")
    assert ran.stdout.endswith("(dlib-resnet-v1)\n")


def test_verify_says_no(command, barack, photos):
    ran = command("verify", "barack", photos.biden)
    assert ran.status == 1
    assert ran.stdout.startswith("barack: not verified. The similarity 0.")


def test_the_threshold_decides(command, barack, photos):
    ran = command("verify", "barack", photos.biden, "--threshold", "0.1")
    assert ran.status == 0
    assert "reaches the threshold 0.100" in ran.stdout


@pytest.mark.parametrize("threshold", ["nan", "2", "-1.5", "much"])
def test_an_odd_threshold_is_no_argument(command, barack, photos, threshold):
    ran = command("verify", "barack", photos.biden, f"--threshold={threshold}")
    assert "is no similarity" in ran.stderr


def test_an_inactive_person_is_never_verified(command, barack, photos):
    Subject.objects.update(active=False)
    ran = command("verify", "barack", photos.obama)
    assert (ran.status, "inactive" in ran.stdout) == (1, True)


@pytest.mark.parametrize(
    ("user_id", "picture", "code"),
    [("nobody", "obama", "user_not_found"), ("barack", "none.jpg", "invalid_image")],
)
def test_what_cannot_be_asked_is_an_error(command, barack, photos, user_id, picture, code):
    ran = command("verify", user_id, getattr(photos, picture, picture))
    assert (ran.status, ran.stderr.split(":")[0]) == (2, code)
