"""Error rates from scores, with intervals; what the scores cannot support is refused.

FMR: share of impostor scores at or above a threshold; FNMR: share of genuine ones below it.
Every comparison counts alike. Source of terms: ISO/IEC 19795-1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recognition.calibration import RULE_OF_THREE

Scores = NDArray[np.float32]  # (N,)
Flags = NDArray[np.bool_]  # (N,)
People = NDArray[np.int64]  # (N, 2): who is compared with whom
Doubles = NDArray[np.float64]

RATES = (1e-2, 1e-3, 1e-4, 1e-5)
Z = 1.959963984540054  # of the normal distribution, both sides, 95 %
RESAMPLES = 200
SEED = 19795


@dataclass(frozen=True, slots=True, eq=False)
class Comparisons:
    """Scores and who was compared: genuine (G,) and their people (G,), impostor (I,) and (I, 2)."""

    genuine: Scores
    impostor: Scores
    genuine_people: NDArray[np.int64]
    impostor_people: People


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


def supported(rate: float, trials: int) -> bool:
    """Say whether so many trials can tell so small a rate (rule of three, 95 %)."""
    return trials > 0 and rate >= RULE_OF_THREE / trials


def refusal(rate: float, trials: int) -> str:
    """Say why a rate is not given."""
    needed = int(np.ceil(RULE_OF_THREE / rate))
    return f"{trials:,} trials cannot tell a rate of {rate:g}; at least {needed:,} are needed."


def threshold_for(scores: Scores, rate: float) -> float:
    """Return the least threshold that at most a share ``rate`` of the scores reaches."""
    ordered = np.sort(scores)[::-1]
    allowed = int(np.floor(rate * len(ordered) + 1e-9))
    if allowed >= len(ordered):
        return float(ordered[-1])
    return float(np.nextafter(ordered[allowed], np.float32(np.inf)))


def share_reaching(scores: Scores, threshold: float) -> float:
    """Return the share of scores at or above ``threshold``."""
    return float((scores >= np.float32(threshold)).mean())


def equal_error_rate(genuine: Scores, impostor: Scores) -> tuple[float, float]:
    """Return (rate, threshold) where FMR and FNMR are nearest to each other: their mean."""
    thresholds = np.unique(np.concatenate([genuine, _thinned(impostor)]))
    fnmr = np.searchsorted(np.sort(genuine), thresholds) / len(genuine)
    fmr = 1 - np.searchsorted(np.sort(impostor), thresholds) / len(impostor)
    at = int(np.argmin(np.abs(fmr - fnmr)))
    return float((fmr[at] + fnmr[at]) / 2), float(thresholds[at])


def _thinned(scores: Scores, most: int = 2_000_000) -> Scores:
    """Return at most so many of the scores, evenly through their order, the highest included."""
    return np.sort(scores)[::-1][:: max(1, -(-len(scores) // most))]


def curve(genuine: Scores, impostor: Scores, points: int = 200) -> dict[str, list[float]]:
    """Return thresholds with FMR and FNMR, evenly in log FMR: DET and ROC are drawn from these."""
    least = RULE_OF_THREE / len(impostor)
    rates = np.geomspace(least, 1.0, points)
    ordered = np.sort(impostor)[::-1]
    at = np.minimum((rates * len(ordered)).astype(int), len(ordered) - 1)
    thresholds = np.unique(ordered[at])[::-1]
    fmr = len(ordered) - np.searchsorted(ordered[::-1], thresholds)
    fnmr = np.searchsorted(np.sort(genuine), thresholds)
    return {
        "threshold": thresholds.tolist(),
        "fmr": (fmr / len(ordered)).tolist(),
        "fnmr": (fnmr / len(genuine)).tolist(),
    }


def verification(found: Comparisons) -> dict[str, Any]:
    """Return EER and FNMR at FMR 1e-2 to 1e-5, each with intervals, and the curve."""
    genuine, impostor = found.genuine, found.impostor
    rows: list[dict[str, Any]] = []
    for fmr in RATES:
        if not supported(fmr, len(impostor)):
            rows.append({"fmr": fmr, "refused": refusal(fmr, len(impostor))})
            continue
        limit = threshold_for(impostor, fmr)
        missed = int((genuine < np.float32(limit)).sum())
        fnmr = proportion(missed, len(genuine))
        fnmr["bootstrap_95"] = bootstrap_fnmr(found, fmr)
        rows.append({"fmr": fmr, "threshold": limit, "fnmr": fnmr})
    return {
        "genuine": len(genuine),
        "impostor": len(impostor),
        "eer": _eer(found),
        "fnmr_at_fmr": rows,
        "curve": curve(genuine, impostor),
    }


def _eer(found: Comparisons) -> dict[str, Any]:
    """Return the EER with its interval; ``refused`` where there is too little to tell it by."""
    rate, threshold = equal_error_rate(found.genuine, found.impostor)
    trials = min(len(found.genuine), len(found.impostor))
    told = {"rate": rate, "threshold": threshold, "bootstrap_95": bootstrap_eer(found, rate)}
    least = RULE_OF_THREE / trials
    if rate < least:
        told["refused"] = f"{trials:,} trials cannot tell a rate under {least:.2g}."
    return told


def bootstrap_fnmr(found: Comparisons, fmr: float, resamples: int = RESAMPLES) -> list[float]:
    """Return the 95 % interval of FNMR at an FMR, people being drawn again with replacement."""
    top = _highest(found, fmr)
    rates = []
    for reached, weights in _redrawn(found, top, resamples):
        within = int(np.searchsorted(reached, fmr, side="right"))
        limit = found.impostor[top[min(within, len(top) - 1)]]
        rates.append(float(weights[found.genuine <= limit].sum() / weights.sum()))
    return interval(rates)


def bootstrap_eer(found: Comparisons, rate: float, resamples: int = RESAMPLES) -> list[float]:
    """Return the 95 % interval of the EER, which is ``rate``, people being drawn again."""
    top = _highest(found, rate)
    order = np.argsort(found.genuine, kind="stable")
    below = np.searchsorted(found.genuine[order], found.impostor[top])
    rates = []
    for reached, weights in _redrawn(found, top, resamples):
        missed = np.concatenate([[0], np.cumsum(weights[order])])[below] / weights.sum()
        at = int(np.argmin(np.abs(reached - missed)))
        rates.append(float((reached[at] + missed[at]) / 2))
    return interval(rates)


def _highest(found: Comparisons, fmr: float) -> NDArray[np.int64]:
    """Return the highest impostor scores' places, from the top: all that can matter at ``fmr``."""
    kept = min(len(found.impostor), max(1000, int(5 * fmr * len(found.impostor))))
    top = np.argpartition(-found.impostor, kept - 1)[:kept]
    return np.asarray(top[np.argsort(-found.impostor[top], kind="stable")])


def _redrawn(
    found: Comparisons, top: NDArray[np.int64], resamples: int
) -> Iterator[tuple[Doubles, NDArray[np.int64]]]:
    """Yield the shares of impostors down to each of ``top``, and the weights of the genuine ones.

    A comparison counts as often as its people were drawn, so that what one person does to many
    comparisons shows.
    """
    everybody = np.unique(np.concatenate([found.genuine_people, found.impostor_people.ravel()]))
    generator = np.random.default_rng(SEED)
    pairs = np.searchsorted(everybody, found.impostor_people[top])
    owners = np.searchsorted(everybody, found.genuine_people)
    for _ in range(resamples):
        drawn = np.bincount(
            generator.integers(len(everybody), size=len(everybody)), minlength=len(everybody)
        )
        reached = np.cumsum(drawn[pairs[:, 0]] * drawn[pairs[:, 1]]) / len(found.impostor)
        if drawn[owners].sum():
            yield reached, drawn[owners]


def interval(values: list[float]) -> list[float]:
    """Return the range of the middle 95 % of ``values``, [0, 1] without any."""
    return np.quantile(values, [0.025, 0.975]).tolist() if values else [0.0, 1.0]


def ten_fold(similarities: Scores, same: Flags, folds: NDArray[np.int64]) -> dict[str, Any]:
    """Return the share of pairs told right, each fold by the best threshold of the others.

    A pair with a face that was not found is NaN, and an error. Mean and standard error of the
    folds. Source: LFW's protocol for View 2.
    """
    shares = []
    for fold in np.unique(folds):
        training = (folds != fold) & ~np.isnan(similarities)
        limit = best_threshold(similarities[training], same[training])
        tested = folds == fold
        found = ~np.isnan(similarities[tested])
        shares.append(float((found & ((similarities[tested] >= limit) == same[tested])).mean()))
    error = float(np.std(shares, ddof=1) / np.sqrt(len(shares)))
    return {"mean": float(np.mean(shares)), "standard_error": error, "folds": shares}


def best_threshold(similarities: Scores, same: Flags) -> float:
    """Return the threshold that tells most pairs right, the middle one where several do."""
    order = np.argsort(-similarities, kind="stable")
    gained = np.cumsum(np.where(same[order], 1, -1))
    return float(np.median(similarities[order][gained == gained.max()]))
