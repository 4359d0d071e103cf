"""Verifying, comparing and identifying through the services, on real faces."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from recognition import services
from recognition.decisions import MATCH, Decision, Wanted
from recognition.errors import RecognitionError
from recognition.gallery.exact import Candidate
from recognition.models import Event, Subject
from recognition.services import recognition
from recognition.services.results import Selection, Upload
from tests.conftest import TESTER

PRINCIPAL = Selection()


@pytest.fixture
def identify(gallery, photos):
    def identify_by_name(name: str, **options: object):
        return services.identify(gallery, photos.upload(name), actor=TESTER, **options)

    return identify_by_name


@pytest.fixture
def verify(gallery, photos):
    def verify_by_name(user_id: str, name: str, **options: object):
        upload = photos.upload(name)
        return services.verify(
            gallery, user_id, upload, selection=PRINCIPAL, actor=TESTER, **options
        )

    return verify_by_name


def test_identify_names_a_registered_person_from_another_photograph(register, identify):
    register("barack", "obama")
    register("joe", "biden")
    found = identify("obama2")
    assert found.faces[0].decision.status == "match"
    assert [m.user_id for m in found.matches] == ["barack"]


def test_identify_leaves_a_stranger_unknown_and_names_the_nearest_on_request(register, identify):
    register("barack", "obama")
    found = identify("astronaut", candidates=3)
    assert (found.faces[0].decision.status, found.matches) == ("unknown", [])
    assert [m.user_id for m in found.faces[0].candidates] == ["barack"]


def test_identify_names_people_without_reading_the_whole_gallery(register, identify):
    register("barack", "obama")
    with CaptureQueriesContext(connection) as queries:
        identify("obama2")
    (asked,) = (q["sql"] for q in queries if '"recognition_subject"."user_id"' in q["sql"])
    condition = asked.partition("WHERE")[2]
    assert '"number" IN' in condition and "gallery_id" not in condition


def test_identify_looks_nobody_up_for_a_stranger(register, identify):
    register("barack", "obama")
    identify("obama")  # the index is loaded
    with CaptureQueriesContext(connection) as queries:
        assert identify("astronaut").faces[0].decision.status == "unknown"
    assert not [q["sql"] for q in queries if '"user_id"' in q["sql"]]


def test_identify_in_an_empty_gallery_knows_nobody(identify):
    found = identify("obama")
    assert (found.faces[0].decision.status, found.people) == ("unknown", 0)


def test_two_ids_of_one_person_are_ambiguous(register, identify):
    register("barack", "obama")
    register("barry", "obama")
    found = identify("obama2", limit=1)
    assert found.faces[0].decision.status == "ambiguous"
    assert {m.user_id for m in found.matches} == {"barack", "barry"}


def test_the_unregistered_are_never_named_again(register, identify, gallery):
    register("barack", "obama")
    assert identify("obama2").matches
    services.unregister(gallery, "barack", actor=TESTER)
    assert not identify("obama2").matches
    assert identify("obama2").people == 0


def test_the_inactive_are_never_matched(register, identify, verify, gallery):
    register("barack", "obama")
    services.update_user(gallery, "barack", {"active": False}, actor=TESTER)
    assert not identify("obama").matches
    assert (verify("barack", "obama").verified, verify("barack", "obama").similarity) == (
        False,
        None,
    )


def test_galleries_are_searched_apart(register, gallery, photos):
    register("barack", "obama")
    other = services.create_gallery("other", actor=TESTER)
    found = services.identify(other, photos.upload("obama"), actor=TESTER)
    assert (found.people, found.matches) == (0, [])


def test_a_higher_threshold_of_the_request_makes_it_unknown(register, identify):
    register("barack", "obama")
    found = identify("obama2", wanted=Wanted(0.9999))
    assert (found.policy.source, found.faces[0].decision.status) == ("request", "unknown")


def test_the_gallery_threshold_holds(register, gallery, photos):
    register("barack", "obama")
    gallery.threshold = 0.9999
    found = services.identify(gallery, photos.upload("obama2"), actor=TESTER)
    assert (found.policy.source, found.matches) == ("gallery", [])


def test_verify_accepts_the_claimed_person(register, verify):
    register("barack", "obama")
    answer = verify("barack", "obama2")
    assert answer.verified and answer.similarity > answer.policy.threshold


def test_verify_refuses_another_person(register, verify):
    register("barack", "obama")
    assert not verify("barack", "biden").verified


def test_verify_of_an_unknown_user_is_not_found(verify):
    with pytest.raises(RecognitionError) as refusal:
        verify("nobody", "obama")
    assert refusal.value.code == "user_not_found"


def test_compare_tells_same_from_different(gallery, photos):
    def verified(first: str, second: str) -> bool:
        uploads = photos.upload(first), photos.upload(second)
        selections = PRINCIPAL, PRINCIPAL
        return services.compare(gallery, uploads, selections=selections, actor=TESTER).verified

    assert verified("obama", "obama2")
    assert not verified("obama", "biden")


def test_identify_keeps_the_decision_by_number_alone(register, identify):
    register("barack", "obama")
    identify("obama2")
    event = Event.objects.filter(act="identify").get()
    best = event.decision["faces"][0]["candidates"][0]
    assert (event.outcome, best["subject"]) == ("match", Subject.objects.get().number)
    assert "barack" not in str(event.decision)


def test_an_event_keeps_the_nearest_and_the_first_who_are_named():
    found = [Candidate(number, 0.99 - number / 100) for number in range(7)]
    decision = Decision(MATCH, "", matches=tuple(found[4:]))  # others do not reach their own
    assert recognition._told(decision, found) == [*found[:3], *found[4:6]]


def test_verifying_an_unknown_user_is_an_event(verify):
    with pytest.raises(RecognitionError):
        verify("nobody", "obama")
    assert (Event.objects.get().act, Event.objects.get().outcome) == ("verify", "user_not_found")


def test_a_refused_probe_is_an_event_too(gallery):
    with pytest.raises(RecognitionError):
        services.identify(gallery, Upload("a", b"text"), actor=TESTER)
    assert Event.objects.get().outcome == "unsupported_image"


def test_a_person_of_three_photographs_must_be_met_more_closely(register, verify):
    register("barack", "obama")
    one = verify("barack", "obama2").policy
    register("barack", "obama2", "obama3")
    three = verify("barack", "obama2").policy
    assert three.threshold > one.threshold and (one.references, three.references) == (1, 3)


def test_who_turns_inactive_while_a_picture_is_looked_at_is_not_verified(
    register, verify, gallery, monkeypatch
):
    register("barack", "obama")
    look = recognition.look

    def look_meanwhile(*arguments):
        services.update_user(gallery, "barack", {"active": False}, actor=TESTER)
        return look(*arguments)

    monkeypatch.setattr(recognition, "look", look_meanwhile)
    answer = verify("barack", "obama2")
    assert (answer.verified, answer.similarity) == (False, None) and "inactive" in answer.reason


@pytest.mark.parametrize("change", ["inactive", "elsewhere"])
def test_whom_the_index_does_not_know_to_be_gone_is_not_named(register, identify, change):
    register("barack", "obama")
    assert identify("obama2").matches
    other = services.create_gallery("other", actor=TESTER)
    Subject.objects.update(**{"active": False} if change == "inactive" else {"gallery": other})
    found = identify("obama2", candidates=5)
    assert (found.faces[0].decision.status, found.faces[0].candidates) == ("unknown", [])
