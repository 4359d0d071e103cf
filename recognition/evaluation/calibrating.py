"""From embeddings of known people to a calibration: thresholds by references, and the margin."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from django.utils.text import slugify
from numpy.typing import NDArray

from recognition import calibration
from recognition.curves import Calibration, Curve
from recognition.decisions import IDENTIFY_FPIR, fmr_for
from recognition.evaluation.rates import threshold_for
from recognition.pipeline.embed import unit
from recognition.pipeline.types import Floats

REFERENCES = 3
TAKEN = range(1, REFERENCES + 1)
FEWEST_OWNERS = 30  # people with so many photographs, or there is no table for them
DRAWS = 20
SEED = 20180402


def head(embedder: str, data_set: str, command: str) -> dict[str, Any]:
    """Return where a calibration comes from."""
    date = datetime.now(UTC).date().isoformat()
    return {
        "id": f"{embedder}-{slugify(data_set)}-{date}",
        "embedder": embedder,
        "measured": True,
        "data_set": data_set,
        "date": date,
        "command": command,
    }


def measured(embeddings: Floats, labels: Any, sizes: tuple[int, ...]) -> dict[str, Any]:
    """Return counts, tables and margin; ``sizes``: of the galleries that are drawn for that."""
    tables = tables_of(embeddings, labels)
    return {
        "people": tables[0]["people"],
        "genuine_pairs": tables[0]["genuine"],
        "impostor_pairs": tables[0]["impostors"],
        "thresholds": tables[0]["thresholds"],
        "by_references": tables,
        **searched(embeddings, labels, tables, sizes),
    }


def tables_of(embeddings: Floats, labels: Any) -> list[dict[str, Any]]:
    """Return the thresholds for templates of one photograph and of several, as far as enough have
    so many."""
    everybody, counts = np.unique(labels, return_counts=True)
    tables = []
    for references in calibration.REFERENCES:
        if references == 1:
            genuine, impostors = calibration.pair_scores(embeddings, labels)
            owners, pairs = len(everybody), len(everybody) * (len(everybody) - 1) / 2
        elif (counts >= references).sum() < FEWEST_OWNERS:
            break
        else:
            genuine, impostors, owners = calibration.template_scores(
                embeddings, labels, references=references, seed=SEED
            )
            pairs = owners * (len(everybody) - 1)
        rows = calibration.threshold_table(genuine, impostors, pairs=pairs)
        tables.append(
            {
                "references": references,
                "people": owners,
                "genuine": len(genuine.similarities),
                "impostors": len(impostors.similarities),
                "supported": calibration.RULE_OF_THREE / pairs,
                "thresholds": [asdict(row) for row in rows],
            }
        )
    return tables


def searched(
    embeddings: Floats, labels: Any, tables: list[dict[str, Any]], sizes: tuple[int, ...]
) -> dict[str, Any]:
    """Return the margin, and FPIR and FNIR as decided by default and at one threshold for all."""
    curves = [Curve.of(t["references"], t["supported"], t["thresholds"]) for t in tables]
    measured = Calibration("", "", True, None, 0.0, None, tuple(curves))
    rows, margin = [], 0.0
    for people in sizes:
        fmr = fmr_for(IDENTIFY_FPIR, people)
        limit = measured.threshold_at(fmr)
        for references in (1, REFERENCES):
            shape = {"people": people, "references": references}
            drawn = [(embeddings, labels, shape | {"seed": SEED + draw}) for draw in range(DRAWS)]
            plain = [calibration.draw_search(e, ls, **options) for e, ls, options in drawn]
            if (people, references) == (sizes[0], 1):
                margin = calibration.ambiguity_margin(plain)

            def handicap(count: int, fmr: float = fmr, limit: float = limit) -> float:
                return measured.threshold_at(fmr, count) - limit

            default = [
                calibration.draw_search(e, ls, **options, handicap=handicap)
                for e, ls, options in drawn
            ]
            at_one_percent = calibration.threshold_for_fpir(plain, IDENTIFY_FPIR)
            for kind, searches, threshold in (
                ("default", default, limit),
                ("fpir 1 %", plain, at_one_percent),
            ):
                rates = calibration.open_set(searches, **shape, threshold=threshold)
                rows.append({"threshold_is": kind, **asdict(rates)})
    return {"ambiguity_margin": round(margin, 4), "searches": rows}


def mixtures(
    embeddings: Floats, labels: Any, tables: list[dict[str, Any]], people: int
) -> list[dict[str, Any]]:
    """Return FNIR at FPIR 1 % in galleries whose people have one to REFERENCES references.

    Decided by a threshold for each number of references, as by default, and by one for all.
    """
    curves = [Curve.of(t["references"], t["supported"], t["thresholds"]) for t in tables]
    measured = Calibration("", "", True, None, 0.0, None, tuple(curves))
    fmr = fmr_for(IDENTIFY_FPIR, people)
    drawn = [draw_mixture(embeddings, labels, people, SEED + n) for n in range(DRAWS)]
    own = {n: measured.threshold_at(fmr, n) - measured.threshold_at(fmr) for n in TAKEN}
    rows = []
    for kind, taken in (("by references", own), ("one for all", dict.fromkeys(TAKEN, 0.0))):
        rows.append({"threshold_is": kind, "people": people, **_mixed(drawn, taken)})
    return rows


@dataclass(frozen=True, slots=True, eq=False)
class Mixture:
    """One gallery. counts (N,): references of each person; known (P, N) similarities of probes, of
    the person of that place; strangers (S, N)."""

    counts: NDArray[np.int64]
    known: Floats
    strangers: Floats


def draw_mixture(embeddings: Floats, labels: Any, people: int, seed: int) -> Mixture:
    """Register ``people`` at random, each from what they have but for one photograph, the probe.

    One photograph of everybody else is a stranger.
    """
    generator = np.random.default_rng(seed)
    everybody = generator.permutation(np.unique(labels))
    shuffled = generator.permutation(len(labels))
    of = {p: shuffled[labels[shuffled] == p] for p in everybody.tolist()}
    registered = sorted(everybody[:people].tolist(), key=lambda p: len(of[p]) < 2)
    known = [p for p in registered if len(of[p]) > 1]
    counts = np.array([min(REFERENCES, max(1, len(of[p]) - 1)) for p in registered])
    means = [embeddings[of[p][:n]].mean(axis=0) for p, n in zip(registered, counts, strict=True)]
    templates = unit(np.stack(means)).T
    probes = [of[p][n] for p, n in zip(known, counts, strict=False)]
    strangers = [of[p][0] for p in everybody[people:].tolist()]
    return Mixture(counts, embeddings[probes] @ templates, embeddings[strangers] @ templates)


def _mixed(drawn: list[Mixture], taken: dict[int, float]) -> dict[str, Any]:
    """Return FNIR where 1 % of strangers are named, of everybody and by number of references."""
    right, own, strangers, counts = [], [], [], []
    for one in drawn:
        handicaps = np.array([taken[n] for n in one.counts.tolist()], np.float32)
        known = one.known - handicaps
        right.append(known.argmax(axis=1) == np.arange(len(known)))
        own.append(known.max(axis=1))
        strangers.append((one.strangers - handicaps).max(axis=1))
        counts.append(one.counts[: len(known)])
    limit = threshold_for(np.concatenate(strangers), IDENTIFY_FPIR)
    missed = ~(np.concatenate(right) & (np.concatenate(own) >= np.float32(limit)))
    having = np.concatenate(counts)
    of = {n: round(float(missed[having == n].mean()), 4) for n in TAKEN if (having == n).any()}
    return {"fnir": round(float(missed.mean()), 4), "fnir_by_references": of}
