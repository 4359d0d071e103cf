"""Thresholds and what they decide."""

from __future__ import annotations

import pytest

from recognition.decisions import Calibration, Policy, Wanted, decide
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
