"""What a calibration tells: thresholds by references, rates, and what it does not support."""

from __future__ import annotations

import pytest

from recognition.curves import Calibration
from recognition.decisions import Policy, Wanted, conflicts, decide, fmr_for
from recognition.gallery.exact import Candidate
from recognition.models import Gallery
from recognition.runtime import DLIB, FACENET

SHIPPED = Calibration.of(DLIB)


def test_thresholds_rise_with_references_and_never_fall():
    limits = [SHIPPED.threshold_at(1e-5, count) for count in (1, 2, 3, 4, 5, 10, 50)]
    assert limits == sorted(limits)
    assert limits[0] < limits[1] < limits[2]


@pytest.mark.parametrize("fmr", [1e-2, 2e-3, 1e-4, 1e-5])
def test_the_rate_at_a_threshold_is_the_one_it_stands_for(fmr):
    assert SHIPPED.fmr_at(SHIPPED.threshold_at(fmr)) == pytest.approx(fmr, rel=1e-6)


def test_people_with_more_references_are_missed_less_often():
    missed = [SHIPPED.fnmr_at(SHIPPED.threshold_at(1e-4, n), n) for n in (1, 2, 3, 5)]
    assert missed == sorted(missed, reverse=True)


def test_the_rate_of_a_search_is_that_of_all_comparisons_together():
    assert 1 - (1 - fmr_for(0.01, 1000)) ** 1000 == pytest.approx(0.01)


def test_a_policy_tells_the_rates_that_its_threshold_stands_for():
    policy = Policy.for_identify(DLIB, people=100, gallery=Gallery(name="default"))
    assert policy.expected()["fpir"] == pytest.approx(0.01)
    assert 0.1 < policy.expected()["fnir"] < 0.2
    assert policy.warning() is None


def test_a_given_threshold_has_rates_too():
    policy = Policy.for_verify(DLIB, wanted=Wanted(threshold=SHIPPED.threshold_at(1e-4)))
    assert policy.expected()["fmr"] == pytest.approx(1e-4)


def test_a_stricter_target_raises_the_threshold():
    strict, loose = (Policy.for_verify(DLIB, wanted=Wanted(target=t)) for t in (1e-5, 1e-2))
    assert strict.threshold > loose.threshold
    assert (strict.source, strict.fmr) == ("request_target", 1e-5)


@pytest.mark.parametrize(("people", "said"), [(100_000, "fitted tail"), (10**8, "capped")])
def test_a_target_beyond_the_data_is_warned_of(people, said):
    policy = Policy.for_identify(DLIB, people=people, gallery=Gallery(name="default"))
    assert said in policy.warning()


def test_no_less_is_promised_than_the_capped_threshold_keeps():
    policy = Policy.for_identify(DLIB, people=10**8, gallery=Gallery(name="default"))
    assert policy.expected()["fpir"] == pytest.approx(1 - (1 - SHIPPED.ends_at) ** 10**8)


def test_a_threshold_for_many_references_is_borne_by_their_own_comparisons():
    supported = {curve.references: curve.supported for curve in SHIPPED.curves}
    target = (supported[1] * supported[5]) ** 0.5
    one, five = (
        Policy.for_verify(DLIB, wanted=Wanted(target=target), references=n) for n in (1, 5)
    )
    assert one.warning() is None
    assert "fitted tail" in five.warning()


def test_what_is_not_measured_is_warned_of_and_promises_nothing():
    policy = Policy.for_verify(FACENET, wanted=Wanted(target=1e-4))
    assert (policy.source, policy.expected()) == ("not_measured", None)
    assert "not measured" in policy.warning()


def test_precedence_is_request_its_target_gallery_its_target_setting_target(settings):
    gallery = Gallery(name="default", threshold=0.9, target_fmr=1e-4)
    settings.FACE_MATCHING_THRESHOLD = 0.7
    wanted = [Wanted(0.5, 1e-3), Wanted(target=1e-3), Wanted()]
    sources = [Policy.for_verify(DLIB, gallery=gallery, wanted=w).source for w in wanted]
    assert sources == ["request", "request_target", "gallery"]
    gallery.threshold = None
    assert Policy.for_verify(DLIB, gallery=gallery).source == "gallery_target"
    assert Policy.for_verify(DLIB).source == "setting"


def test_the_settings_give_the_targets(settings):
    settings.FACE_TARGET_FMR = 1e-4
    assert Policy.for_verify(DLIB).threshold == SHIPPED.threshold_at(1e-4)


def test_whoever_has_more_references_must_come_nearer():
    policy = Policy.for_identify(DLIB, people=100, gallery=Gallery(name="default"))
    between = [Candidate(1, policy.threshold + 0.001)]
    assert decide(between, policy, limit=5).status == "match"
    assert decide(between, policy, limit=5, references={1: 3}).status == "unknown"


def test_one_person_for_two_faces_is_a_conflict():
    policy = Policy(threshold=0.9, source="request", margin=0.0)
    found = [decide([Candidate(n, 0.95)], policy, limit=1) for n in (7, 8, 7)]
    assert conflicts(found) == {7: [0, 2]}


def test_who_is_only_the_second_for_another_face_is_in_no_conflict():
    policy = Policy(threshold=0.9, source="request", margin=0.0)
    two = decide([Candidate(7, 0.96), Candidate(8, 0.95)], policy, limit=2)
    assert conflicts([two, decide([Candidate(8, 0.95)], policy, limit=2)]) == {}
