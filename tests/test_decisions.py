"""Thresholds and what they decide."""

from __future__ import annotations

import pytest

from recognition.decisions import Calibration, Policy, Wanted, decide, fmr_for
from recognition.gallery.exact import Candidate
from recognition.models import Gallery
from recognition.runtime import DLIB, FACENET

POLICY = Policy(threshold=0.9, source="request", margin=0.02)


def candidates(*similarities: float) -> list[Candidate]:
    return [Candidate(number, s) for number, s in enumerate(similarities, 1)]


@pytest.mark.parametrize(
    ("similarities", "status", "named"),
    [
        ((), "unknown", 0),
        ((0.89,), "unknown", 0),
        ((0.9,), "match", 1),
        ((0.95, 0.89), "match", 1),
        ((0.95, 0.92), "match", 2),
        ((0.95, 0.94), "ambiguous", 2),
    ],
)
def test_decide_says_match_ambiguous_or_unknown(similarities, status, named):
    decision = decide(candidates(*similarities), POLICY, limit=5)
    assert (decision.status, len(decision.matches)) == (status, named)
    assert decision.reason.endswith(".")


def test_ambiguous_always_shows_both_people():
    assert len(decide(candidates(0.95, 0.949), POLICY, limit=1).matches) == 2


def test_the_threshold_rises_with_the_number_of_people():
    gallery = Gallery(name="default")
    rising = [
        Policy.for_identify(DLIB, people=n, gallery=gallery).threshold for n in (1, 10, 100, 1000)
    ]
    assert rising == sorted(set(rising))


def test_the_threshold_of_verify_stands_for_one_in_a_thousand():
    policy = Policy.for_verify(DLIB)
    assert (policy.source, policy.fmr) == ("calibration", 1e-3)
    assert policy.threshold == Calibration.of(DLIB).threshold_at(1e-3)


def test_facenet_says_that_it_was_not_measured():
    policy = Policy.for_verify(FACENET)
    assert (policy.threshold, policy.source, policy.fmr) == (0.70, "not_measured", None)


def test_precedence_is_request_gallery_setting_calibration(settings):
    gallery = Gallery(name="default", threshold=0.8)
    settings.FACE_MATCHING_THRESHOLD = 0.7
    assert Policy.for_verify(DLIB, gallery=gallery, wanted=Wanted(0.6)).source == "request"
    assert Policy.for_verify(DLIB, gallery=gallery).source == "gallery"
    assert Policy.for_verify(DLIB).threshold == 0.7


def test_threshold_between_two_measured_rates_lies_between_their_similarities():
    calibration = Calibration.of(DLIB)
    low, high = calibration.threshold_at(1e-3), calibration.threshold_at(1e-4)
    assert low < calibration.threshold_at(5e-4) < high


def test_threshold_past_the_data_is_the_last_measured_one():
    calibration = Calibration.of(DLIB)
    assert calibration.threshold_at(1e-12) == calibration.curves[0].similarities[-1]
    assert calibration.threshold_at(0.9) == calibration.curves[0].similarities[0]


def among(people: int) -> Policy:
    return Policy.for_identify(DLIB, people=people, gallery=Gallery())


def test_who_is_nearer_but_under_their_own_threshold_is_not_named_and_told_of():
    policy = among(100)
    low, high = policy.threshold_for(1), policy.threshold_for(3)
    found = candidates(high - 0.001, low + 0.002, low - 0.01)
    decision = decide(found, policy, limit=5, references={1: 3, 2: 1, 3: 1})
    assert (decision.status, decision.matches) == ("match", (found[1],))
    assert decision.margin == pytest.approx(0.012)
    assert f"reaches the threshold {low:.3f}. Nearer, at {high - 0.001:.3f}" in decision.reason
    assert f"must reach {high:.3f}" in decision.reason


def test_of_who_reaches_no_threshold_the_nearest_has_the_margin():
    assert decide(candidates(0.89, 0.85), POLICY, limit=5).margin == pytest.approx(0.04)


def test_two_who_are_equally_near_are_ambiguous_without_any_margin():
    policy = Policy(threshold=0.9, source="request", margin=0.0)
    assert decide(candidates(0.95, 0.95), policy, limit=1).status == "ambiguous"
    assert decide(candidates(0.95, 0.9499), policy, limit=1).status == "match"


def test_the_warning_is_of_who_has_the_most_references_of_those_compared():
    policy = among(2_000)
    assert policy.warning() is None
    assert "for people with 5 references" in str(policy.among([1, 5, 2]).warning())
    assert policy.among([]).warning() is None


def test_small_rates_among_many_people_are_no_division_by_zero():
    assert fmr_for(1e-9, 10**9) == pytest.approx(1e-18)
    policy = Policy.for_identify(DLIB, people=10**9, gallery=Gallery(), wanted=Wanted(target=1e-9))
    assert policy.expected()["fpir"] > 0 and "capped" in str(policy.warning())


def test_all_sources_of_a_threshold_come_in_their_order(settings):
    settings.FACE_MATCHING_THRESHOLD = 0.7
    both, target = {"threshold": 0.8, "target_fpir": 0.2}, {"target_fpir": 0.2}
    asked = [Wanted(0.6, 0.1), Wanted(target=0.1), Wanted(), Wanted(), Wanted()]
    found = [
        Policy.for_identify(DLIB, people=9, gallery=Gallery(**own), wanted=wanted).source
        for own, wanted in zip([both, both, both, target, {}], asked, strict=True)
    ]
    assert found == ["request", "request_target", "gallery", "gallery_target", "setting"]


def test_a_similarity_at_the_threshold_is_accepted():
    assert POLICY.accepts(0.9) and not POLICY.accepts(0.8999)


def test_no_more_matches_are_told_than_are_asked_for():
    decision = decide(candidates(0.99, 0.96, 0.93), POLICY, limit=1)
    assert (decision.status, [c.subject_number for c in decision.matches]) == ("match", [1])
