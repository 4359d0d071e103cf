"""Error rates against an independent computation: scikit-learn's curves, scipy's intervals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import det_curve, roc_curve

from recognition.evaluation import rates
from recognition.evaluation.comparing import Comparisons
from recognition.evaluation.redrawing import bootstrap

RANDOM = np.random.default_rng(5)
GENUINE = RANDOM.normal(0.6, 0.15, 4_000).astype(np.float32).round(3)  # with ties
IMPOSTOR = RANDOM.normal(0.0, 0.15, 60_000).astype(np.float32).round(3)
TRUTH = np.r_[np.ones(len(GENUINE)), np.zeros(len(IMPOSTOR))]
SCORES = np.r_[GENUINE, IMPOSTOR]


def compared(people: int = 400) -> Comparisons:
    pairs = RANDOM.integers(people, size=(len(IMPOSTOR), 2))
    return Comparisons.of(GENUINE, IMPOSTOR, RANDOM.integers(people, size=len(GENUINE)), pairs)


@pytest.mark.parametrize("fmr", [1e-1, 1e-2, 1e-3, 1e-4])
def test_fnmr_at_an_fmr_is_that_of_sklearns_roc(fmr):
    limit = rates.threshold_for(IMPOSTOR, fmr)
    fpr, tpr, _ = roc_curve(TRUTH, SCORES, drop_intermediate=False)
    assert rates.share_reaching(GENUINE, limit) == pytest.approx(tpr[fpr <= fmr].max(), abs=1e-9)
    assert rates.share_reaching(IMPOSTOR, limit) <= fmr


def test_the_equal_error_rate_is_that_of_sklearns_det():
    fpr, fnr, _ = det_curve(TRUTH, SCORES)
    at = np.argmin(np.abs(fpr - fnr))
    rate, _ = rates.equal_error_rate(np.sort(GENUINE), np.sort(IMPOSTOR))
    assert rate == pytest.approx((fpr[at] + fnr[at]) / 2, abs=1e-6)


@pytest.mark.parametrize("digits", [1, 2, 7])
@pytest.mark.parametrize("apart", [0.0, 0.3, 3.0])
def test_the_equal_error_rate_is_that_of_all_thresholds(digits, apart):
    generator = np.random.default_rng(2)
    genuine = generator.normal(apart, 0.2, 37).astype(np.float32).round(digits)  # tied
    impostor = generator.normal(0, 0.2, 203).astype(np.float32).round(digits)
    thresholds = np.unique(np.r_[genuine, impostor])
    fmr = (impostor >= thresholds[:, None]).mean(axis=1)
    fnmr = (genuine < thresholds[:, None]).mean(axis=1)
    nearest = np.abs(fmr - fnmr).min()
    rate, threshold = rates.equal_error_rate(np.sort(genuine), np.sort(impostor))
    found = (impostor >= np.float32(threshold)).mean(), (genuine < np.float32(threshold)).mean()
    assert abs(found[0] - found[1]) == pytest.approx(nearest, abs=1e-12)
    assert rate == pytest.approx(sum(found) / 2, abs=1e-12)


def test_where_all_scores_are_one_nobody_is_told_apart():
    alike = np.full(5, 0.5, np.float32)
    assert rates.equal_error_rate(alike, alike)[0] == 0.5
    assert rates.threshold_for(alike, 0.1) > 0.5 == rates.threshold_for(alike, 1.0)


@pytest.mark.parametrize("rate", [0.0, 0.2, 0.5, 1.0])
def test_of_tied_scores_no_more_than_the_rate_reach_the_threshold(rate):
    scores = np.float32([0.9, 0.8, 0.8, 0.8, 0.1])
    limit = rates.threshold_for(scores, rate)
    below = np.nextafter(np.float32(limit), np.float32(-1))
    assert rates.share_reaching(scores, limit) <= rate
    assert rate == 1 or rates.share_reaching(scores, below) > rate


def test_the_curve_lies_on_sklearns():
    drawn = rates.curve(np.sort(GENUINE), np.sort(IMPOSTOR), pairs=len(IMPOSTOR))
    fpr, tpr, limits = roc_curve(TRUTH, SCORES, drop_intermediate=False)
    for limit, fmr, fnmr in zip(*drawn.values(), strict=True):
        at = np.flatnonzero(limits >= limit)[-1]
        assert (fmr, fnmr) == (pytest.approx(fpr[at]), pytest.approx(1 - tpr[at]))


@pytest.mark.parametrize(("errors", "trials"), [(0, 50), (3, 100), (50, 50), (1, 100_000)])
def test_wilsons_interval_is_scipys(errors, trials):
    expected = binomtest(errors, trials).proportion_ci(method="wilson")
    assert rates.wilson(errors, trials) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_a_rate_that_the_data_cannot_tell_is_refused():
    report = rates.verification(compared())
    told = {row["fmr"]: row for row in report["fnmr_at_fmr"]}
    assert "fnmr" in told[1e-4] and "fnmr" not in told[1e-5]
    assert "pairs of people cannot tell" in told[1e-5]["refused"]
    assert "300,000 are needed" in told[1e-5]["refused"]


def test_many_comparisons_of_few_people_tell_no_small_rate():
    found = compared(people=20)  # 60,000 comparisons of 190 pairs
    report = rates.verification(found)
    assert (report["impostor"], report["pairs_of_people"]) == (60_000, found.pairs)
    assert found.pairs <= 20 * 21 / 2 and found.owners == 20
    assert all("refused" in row for row in report["fnmr_at_fmr"])
    assert report["curve"]["fmr"][0] == pytest.approx(3 / found.pairs, rel=0.05)  # tied


def test_a_pair_of_people_is_one_whoever_comes_first():
    scores = np.float32([0.1, 0.2, 0.3])
    found = Comparisons.of(scores[:1], scores, np.array([7]), np.array([[7, 9], [9, 7], [7, 8]]))
    assert (found.pairs, found.owners) == (2, 1)


def test_the_bootstrap_surrounds_the_rate():
    report = rates.verification(compared())
    for row in report["fnmr_at_fmr"][:2]:
        low, high = row["fnmr"]["bootstrap_95"]
        assert low <= row["fnmr"]["rate"] <= high
        assert high - low < 0.2


def test_somebody_of_many_photographs_does_not_move_the_rate_that_is_asked_for():
    generator = np.random.default_rng(1)
    impostor = generator.normal(size=20_000).astype(np.float32)
    genuine = generator.normal(2, size=20_000).astype(np.float32)
    others = generator.integers(1, 200, size=(20_000, 2))
    others[:18_000, 0] = 0  # one person is in nine of ten comparisons
    found = Comparisons.of(genuine, impostor, generator.integers(0, 200, 20_000), others)
    low, high = bootstrap(found, [1e-2], 0.1)[0][1e-2]
    assert high - low < 0.25


def test_the_equal_error_rate_has_an_interval():
    found = rates.verification(compared())["eer"]
    low, high = found["bootstrap_95"]
    assert low <= found["rate"] <= high < found["rate"] + 0.05
    assert "refused" not in found


def test_an_equal_error_rate_of_few_is_not_told():
    few = Comparisons.of(GENUINE[:9], IMPOSTOR[:9], np.arange(9), np.arange(18).reshape(9, 2))
    told = rates.verification(few)["eer"]["refused"]
    assert "9 people with several photographs cannot tell" in told


def test_where_nobody_is_missed_the_rule_of_three_bounds_the_rate():
    high = replace(compared(), genuine=GENUINE + 9)
    fnmr = rates.verification(high)["fnmr_at_fmr"][0]["fnmr"]
    assert fnmr["rate"] == 0 and fnmr["bootstrap_95"] == [0.0, 3 / high.owners]


def test_where_all_are_told_apart_the_rule_of_three_bounds_the_equal_error_rate():
    found = replace(compared(), genuine=GENUINE + 9)
    eer = rates.verification(found)["eer"]
    assert eer["rate"] == 0 and eer["bootstrap_95"] == [0.0, 3 / found.owners]


def test_thinning_the_highest_scores_moves_no_interval_much(monkeypatch):
    found = compared()
    whole = bootstrap(found, [1e-2], 0.02)
    monkeypatch.setattr("recognition.evaluation.redrawing.HIGHEST", 1_500)
    part = bootstrap(found, [1e-2], 0.02)
    assert part[0][1e-2] == pytest.approx(whole[0][1e-2], abs=0.004)
    assert part[1] == pytest.approx(whole[1], abs=0.004)


def test_ten_folds_choose_their_threshold_on_the_other_nine():
    same = np.tile([True, False], 500)
    scores = np.where(same, 0.8, 0.2).astype(np.float32)
    scores[:2] = [0.1, 0.9]  # one fold has two errors
    found = rates.ten_fold(scores, same, np.arange(1000) // 100)
    assert found["folds"] == [0.98, *[1.0] * 9]
    assert found["mean"] == pytest.approx(0.998)
    assert found["standard_error"] == pytest.approx(0.002)


def test_each_folds_threshold_is_the_best_of_the_others_with_ties_too():
    generator = np.random.default_rng(4)
    same = np.tile([True, False], 100)
    scores = generator.normal(0.5 + 0.2 * same, 0.2).astype(np.float32).round(1)
    folds = np.arange(200) // 20
    found = rates.ten_fold(scores, same, folds)
    for fold, limit in enumerate(found["thresholds"]):
        others, own = folds != fold, folds == fold
        right = [((scores[others] >= t) == same[others]).mean() for t in np.unique(scores)]
        chosen = ((scores[others] >= np.float32(limit)) == same[others]).mean()
        assert chosen == pytest.approx(max(right))
        told = (scores[own] >= np.float32(limit)) == same[own]
        assert found["folds"][fold] == pytest.approx(told.mean())


@pytest.mark.parametrize(("folds", "said"), [(1, "one fold"), (2, "outside of fold")])
def test_without_other_folds_of_both_kinds_no_threshold_is_chosen(folds, said):
    same = np.r_[np.ones(10, bool), np.zeros(10, bool)]
    with pytest.raises(ValueError, match=said):
        rates.ten_fold(same.astype(np.float32), same, np.arange(20) * folds // 20)


def test_mean_and_deviation_are_those_of_double_precision(monkeypatch):
    monkeypatch.setattr(rates, "PART", 1_000)
    wanted = IMPOSTOR.astype(np.float64)
    assert rates.spread(IMPOSTOR) == pytest.approx((wanted.mean(), wanted.std()), abs=1e-12)


def test_a_face_that_was_not_found_is_an_error():
    same = np.tile([True, False], 50)
    scores = np.where(same, 0.8, 0.2).astype(np.float32)
    scores[4] = np.nan
    assert rates.ten_fold(scores, same, np.arange(100) // 10)["mean"] == pytest.approx(0.99)
