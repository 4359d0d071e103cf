"""manage.py diagnose: what is the matter with one person?"""

from __future__ import annotations

import json

import numpy as np
import pytest

from recognition import vault
from recognition.models import Reference


@pytest.fixture
def known(command, photos):
    command("register", "barack", photos.obama, photos.obama2)


def told(command, user_id: str) -> dict:
    return json.loads(command("diagnose", user_id, "--json").stdout)


def test_it_compares_the_references_and_asks_for_a_third(command, known):
    found = told(command, "barack")
    assert len(found["references"]) == 2
    assert all(0.9 < one["to_others"] <= 1 for one in found["references"])
    assert "Register 1 more" in found["advice"][0]


def test_a_mislabelled_reference_is_the_weakest_and_is_named(command, known, register):
    register("barack", "biden")
    stranger = Reference.objects.order_by("-created").first()
    found = told(command, "barack")
    assert found["references"][0]["reference_id"] == str(stranger.pk)
    assert str(stranger.pk) in " ".join(found["advice"])


def test_a_reference_of_a_former_embedder_is_not_compared(command, known):
    former = Reference.objects.first()
    former.embedder = "facenet-vggface2"
    former.seal(np.ones(512, np.float32).tobytes(), None, vault.key_of(former.subject.number))
    former.save()
    assert str(former.pk) not in str(told(command, "barack"))


def test_a_second_id_of_the_same_person_is_found(command, known, register):
    register("barry", "obama3")
    found = told(command, "barack")
    assert found["neighbours"][0]["user_id"] == "barry"
    assert "barry resembles" in " ".join(found["advice"])


def test_attempts_that_were_near_are_listed(command, known, photos):
    similarity = 0.02 + float(
        json.loads(command("identify", photos.obama3, "--json").stdout)["matches"][0]["similarity"]
    )
    command("verify", "barack", photos.obama3, f"--threshold={similarity}")
    found = told(command, "barack")
    assert [one["act"] for one in found["attempts"]] == ["verify"]
    assert "1 attempts" in " ".join(found["advice"])


def test_for_people_it_writes_lines(command, known):
    lines = command("diagnose", "barack").lines
    assert lines[0].startswith("barack: 2 references, threshold 0.9")
    assert "Advice:" in lines


def test_nobody_of_that_name_is_an_error(command):
    assert command("diagnose", "nobody").status == 2
