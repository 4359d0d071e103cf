"""Error rates against an independent computation: scikit-learn's curves, scipy's intervals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import det_curve, roc_curve

from recognition.evaluation import rates
from recognition.evaluation.rates import Comparisons

RANDOM = np.random.default_rng(5)
GENUINE = RANDOM.normal(0.6, 0.15, 4_000).astype(np.float32).round(3)  # with ties
IMPOSTOR = RANDOM.normal(0.0, 0.15, 60_000).astype(np.float32).round(3)
TRUTH = np.r_[np.ones(len(GENUINE)), np.zeros(len(IMPOSTOR))]
SCORES = np.r_[GENUINE, IMPOSTOR]


def compared(people: int = 400) -> Comparisons:
    pairs = RANDOM.integers(people, size=(len(IMPOSTOR), 2))
    return Comparisons(GENUINE, IMPOSTOR, RANDOM.integers(people, size=len(GENUINE)), pairs)


@pytest.mark.parametrize("fmr", [1e-1, 1e-2, 1e-3, 1e-4])
def test_fnmr_at_an_fmr_is_that_of_sklearns_roc(fmr):
    limit = rates.threshold_for(IMPOSTOR, fmr)
    fpr, tpr, _ = roc_curve(TRUTH, SCORES, drop_intermediate=False)
    assert rates.share_reaching(GENUINE, limit) == pytest.approx(tpr[fpr <= fmr].max(), abs=1e-9)
    assert rates.share_reaching(IMPOSTOR, limit) <= fmr


def test_the_equal_error_rate_is_that_of_sklearns_det():
    fpr, fnr, _ = det_curve(TRUTH, SCORES)
    at = np.argmin(np.abs(fpr - fnr))
    rate, _ = rates.equal_error_rate(GENUINE, IMPOSTOR)
    assert rate == pytest.approx((fpr[at] + fnr[at]) / 2, abs=1e-6)


def test_the_curve_lies_on_sklearns():
    drawn = rates.curve(GENUINE, IMPOSTOR)
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
    assert "300,000 are needed" in told[1e-5]["refused"]


def test_the_bootstrap_surrounds_the_rate():
    report = rates.verification(compared())
    for row in report["fnmr_at_fmr"][:2]:
        low, high = row["fnmr"]["bootstrap_95"]
        assert low <= row["fnmr"]["rate"] <= high
        assert high - low < 0.2


def test_the_equal_error_rate_has_an_interval():
    found = rates.verification(compared())["eer"]
    low, high = found["bootstrap_95"]
    assert low <= found["rate"] <= high < found["rate"] + 0.05
    assert "refused" not in found


def test_an_equal_error_rate_of_few_is_not_told():
    few = Comparisons(GENUINE[:9], IMPOSTOR[:9], np.arange(9), np.arange(18).reshape(9, 2))
    assert "9 trials cannot tell" in rates.verification(few)["eer"]["refused"]


def test_ten_folds_choose_their_threshold_on_the_other_nine():
    same = np.tile([True, False], 500)
    scores = np.where(same, 0.8, 0.2).astype(np.float32)
    scores[:2] = [0.1, 0.9]  # one fold has two errors
    found = rates.ten_fold(scores, same, np.arange(1000) // 100)
    assert found["folds"] == [0.98, *[1.0] * 9]
    assert found["mean"] == pytest.approx(0.998)
    assert found["standard_error"] == pytest.approx(0.002)


def test_a_face_that_was_not_found_is_an_error():
    same = np.tile([True, False], 50)
    scores = np.where(same, 0.8, 0.2).astype(np.float32)
    scores[4] = np.nan
    assert rates.ten_fold(scores, same, np.arange(100) // 10)["mean"] == pytest.approx(0.99)
