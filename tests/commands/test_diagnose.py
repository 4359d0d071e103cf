"""manage.py diagnose: what is the matter with one person?"""

from __future__ import annotations

import json

import numpy as np
import pytest

from recognition import vault
from recognition.models import Reference, Subject


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


@pytest.mark.parametrize("user_id", ["nobody", "no body", "x" * 200])
def test_nobody_of_that_name_is_an_error(command, user_id):
    ran = command("diagnose", user_id)
    assert ran.status == 2 and "No user" in ran.stderr


def test_one_reference_is_compared_with_nothing(command, photos):
    command("register", "joe", photos.biden)
    found = told(command, "joe")
    assert [one["to_others"] for one in found["references"]] == [None]
    assert found["advice"] == ["Register 2 more photographs, taken on other days."]
    assert "the only one" in command("diagnose", "joe").stdout


def test_who_has_no_reference_is_told_to_be_never_matched(command, known):
    Reference.objects.all().delete()
    Subject.objects.get().make_template()
    found = told(command, "barack")
    assert (found["references"], found["neighbours"]) == ([], [])
    assert found["advice"] == [
        "There is no reference: this person is never matched. Register a photograph."
    ]


def test_who_has_references_of_another_embedder_alone_is_told_so(command, known):
    Reference.objects.update(embedder="facenet-vggface2")
    Subject.objects.get().make_template()
    [advice] = told(command, "barack")["advice"]
    assert advice.startswith("2 references are another embedder's than the gallery's")


def test_who_has_references_set_aside_alone_is_told_so(command, known):
    Reference.objects.update(aside=True)
    Subject.objects.update(active=False)
    inactive, aside = told(command, "barack")["advice"]
    assert "inactive" in inactive and "All 2 references are set aside" in aside


def test_of_two_references_that_differ_neither_is_blamed(command, photos):
    command("register", "joe", photos.biden, photos.astronaut)
    found = told(command, "joe")
    both = [one["reference_id"] for one in found["references"]]
    [said] = [one for one in found["advice"] if "below the threshold" in one]
    assert all(one in said for one in both)
