"""Error rates from scores, with intervals; what the scores cannot support is refused.

FMR: share of impostor scores at or above a threshold; FNMR: share of genuine ones below it.
Every comparison counts alike; but what they can tell follows from how many different people, or
pairs of people, they are of. Source of terms: ISO/IEC 19795-1.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recognition.calibration import RULE_OF_THREE
from recognition.evaluation.choosing import Flags
from recognition.evaluation.comparing import Comparisons, Scores
from recognition.evaluation.redrawing import bootstrap
from recognition.evaluation.watching import Watch, unwatched

RATES = (1e-2, 1e-3, 1e-4, 1e-5)
Z = 1.959963984540054  # of the normal distribution, both sides, 95 %
PART = 2_000_000  # scores that are taken in double precision at once
PAIRS = "pairs of people"
CURVE_POINTS = 200


def wilson(errors: float, trials: int) -> tuple[float, float]:
    """Return the 95 % interval of a proportion. Source: Wilson 1927."""
    if not trials:
        return 0.0, 1.0
    share, z2 = errors / trials, Z * Z
    middle = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    spread = np.sqrt(share * (1 - share) / trials + z2 / (4 * trials**2))
    half = float(Z * spread / (1 + z2 / trials))
    low = 0.0 if errors == 0 else max(0.0, middle - half)
    return low, 1.0 if errors == trials else min(1.0, middle + half)


def proportion(errors: int, trials: int) -> dict[str, Any]:
    """Return a rate with its counts and interval; ``rate`` None without a trial."""
    low, high = wilson(errors, trials)
    rate = errors / trials if trials else None
    return {"rate": rate, "errors": errors, "trials": trials, "interval_95": [low, high]}


def supported(rate: float, count: int) -> bool:
    """Say whether so many people, or pairs of them, can tell so small a rate (rule of three)."""
    return count > 0 and rate >= RULE_OF_THREE / count


def refusal(rate: float, count: int, of: str) -> str:
    """Say why a rate is not given; ``of``: what there are ``count`` different ones of."""
    needed = int(np.ceil(RULE_OF_THREE / rate))
    return f"{count:,} {of} cannot tell a rate of {rate:g}; at least {needed:,} are needed."


def least_told(count: int) -> float:
    """Return the least rate that so many people, or pairs of them, can tell."""
    return min(1.0, RULE_OF_THREE / max(1, count))


def threshold_for(scores: Scores, rate: float) -> float:
    """Return the least threshold that at most a share ``rate`` of the scores reaches."""
    return _limit(np.sort(scores), rate)


def _limit(rising: Scores, rate: float) -> float:
    allowed = int(np.floor(rate * len(rising) + 1e-9))
    if allowed >= len(rising):
        return float(rising[0])
    return float(np.nextafter(rising[len(rising) - 1 - allowed], np.float32(np.inf)))


def share_reaching(scores: Scores, threshold: float) -> float:
    """Return the share of scores at or above ``threshold``."""
    return float((scores >= np.float32(threshold)).mean())


def equal_error_rate(genuine: Scores, impostor: Scores) -> tuple[float, float]:
    """Return (rate, threshold) where FMR and FNMR are nearest to each other: their mean.

    The scores must rise. Of two thresholds that are equally near, the lower one.
    """
    trials = len(genuine), len(impostor)

    def counts(thresholds: Any) -> tuple[Any, Any]:
        accepted = trials[1] - np.searchsorted(impostor, thresholds)
        return accepted, np.searchsorted(genuine, thresholds)

    def crossed(at: int) -> bool:
        accepted, missed = counts(impostor[at])
        return bool(int(accepted) * trials[0] < int(missed) * trials[1])

    # The errors cross between two impostor scores; the lowest of all is reached by every one.
    first = bisect_left(range(trials[1]), True, key=crossed)
    around = impostor[first - 1 : first + 1]
    low = np.searchsorted(genuine, around[0])
    high = np.searchsorted(genuine, around[-1], "right") if first < trials[1] else trials[0]
    thresholds = np.unique(np.concatenate([around, genuine[low:high]]))
    accepted, missed = counts(thresholds)
    at = int(np.argmin(np.abs(accepted * trials[0] - missed * trials[1])))
    rate = (accepted[at] / trials[1] + missed[at] / trials[0]) / 2
    return float(rate), float(thresholds[at])


def thresholds_along(rising: Scores, least: float, points: int) -> Scores:
    """Return thresholds, from the highest down, that rates from ``least`` on need, evenly in their
    logarithm: scores themselves, so that a rate there is a count."""
    rates = np.geomspace(least, 1.0, points)
    at = np.maximum(np.ceil(rates * len(rising) - 1e-9).astype(int), 1) - 1
    return np.unique(rising[len(rising) - 1 - at])[::-1]


def curve(genuine: Scores, impostor: Scores, pairs: int) -> dict[str, list[float]]:
    """Return thresholds with FMR and FNMR, evenly in log FMR: DET and ROC are drawn from these.

    The scores must rise. ``pairs`` of people tell from which FMR on.
    """
    thresholds = thresholds_along(impostor, least_told(pairs), CURVE_POINTS)
    fmr = len(impostor) - np.searchsorted(impostor, thresholds)
    fnmr = np.searchsorted(genuine, thresholds)
    return {
        "threshold": thresholds.tolist(),
        "fmr": (fmr / len(impostor)).tolist(),
        "fnmr": (fnmr / len(genuine)).tolist(),
    }


def verification(found: Comparisons, watch: Watch = unwatched) -> dict[str, Any]:
    """Return EER and FNMR at FMR 1e-2 to 1e-5, each with intervals, and the curve."""
    genuine, impostor = np.sort(found.genuine), np.sort(found.impostor)
    told = [fmr for fmr in RATES if supported(fmr, found.pairs)]
    rate, threshold = equal_error_rate(genuine, impostor)
    spans, of_eer = bootstrap(found, told, rate, watch)
    rows: list[dict[str, Any]] = []
    for fmr in RATES:
        if fmr not in told:
            rows.append({"fmr": fmr, "refused": refusal(fmr, found.pairs, PAIRS)})
            continue
        limit = _limit(impostor, fmr)
        missed = int(np.searchsorted(genuine, np.float32(limit)))
        fnmr = proportion(missed, len(genuine)) | {"bootstrap_95": spans[fmr]}
        rows.append({"fmr": fmr, "threshold": limit, "fnmr": fnmr})
    eer = {"rate": rate, "threshold": threshold, "bootstrap_95": of_eer}
    return {
        "genuine": len(genuine),
        "impostor": len(impostor),
        "people_with_several": found.owners,
        "pairs_of_people": found.pairs,
        "eer": eer | _too_few(found, rate),
        "fnmr_at_fmr": rows,
        "curve": curve(genuine, impostor, found.pairs),
    }


def _too_few(found: Comparisons, rate: float) -> dict[str, str]:
    """Return why the EER is not told, nothing where there is enough to tell it by."""
    for count, of in ((found.owners, "people with several photographs"), (found.pairs, PAIRS)):
        if not supported(rate, count):
            return {"refused": f"{count:,} {of} cannot tell a rate under {least_told(count):.2g}."}
    return {}


def ten_fold(similarities: Scores, same: Flags, folds: NDArray[np.int64]) -> dict[str, Any]:
    """Return the share of pairs told right, each fold by the best threshold of the others.

    A pair with a face that was not found is NaN, and an error. Mean and standard error of the
    folds. Source: LFW's protocol for View 2. Raises ``ValueError`` where a threshold cannot be
    chosen: of one fold alone, or without pairs of both kinds in the others.
    """
    numbers = np.unique(folds)
    if len(numbers) < 2:
        raise ValueError("the list has one fold, and a threshold is chosen on the others")
    shares, limits = [], []
    for fold in numbers:
        training = (folds != fold) & ~np.isnan(similarities)
        if len(np.unique(same[training])) < 2:
            raise ValueError(
                f"outside of fold {fold + 1} there are no pairs of both kinds to choose a "
                "threshold on: pairs of one person, and of two, whose faces are found"
            )
        limit = best_threshold(similarities[training], same[training])
        tested = folds == fold
        found = ~np.isnan(similarities[tested])
        shares.append(float((found & ((similarities[tested] >= limit) == same[tested])).mean()))
        limits.append(limit)
    error = float(np.std(shares, ddof=1) / np.sqrt(len(shares)))
    told = {"mean": float(np.mean(shares)), "standard_error": error}
    return told | {"folds": shares, "thresholds": limits}


def best_threshold(similarities: Scores, same: Flags) -> float:
    """Return the threshold that tells most pairs right, the middle one where several do: half-way
    to the next lower similarity."""
    order = np.argsort(-similarities, kind="stable")
    gained = np.cumsum(np.where(same[order], 1, -1))
    # Scores that are equal are accepted together.
    last = np.r_[np.diff(similarities[order]) != 0, True]
    gained = np.where(last, gained, -len(gained) - 1)
    best = np.flatnonzero(gained == gained.max())
    at = best[len(best) // 2]
    accepted, refused = similarities[order[[at, min(at + 1, len(order) - 1)]]]
    middle = np.float32((float(accepted) + float(refused)) / 2)
    return float(middle if middle > refused else accepted)


def spread(scores: Scores) -> tuple[float, float]:
    """Return mean and standard deviation, to the last digits and without a copy of the scores."""
    mean = float(np.mean(scores, dtype=np.float64))
    squares = sum(
        float(((part.astype(np.float64) - mean) ** 2).sum())
        for part in np.array_split(scores, 1 + len(scores) // PART)
    )
    return mean, float(np.sqrt(squares / len(scores)))
