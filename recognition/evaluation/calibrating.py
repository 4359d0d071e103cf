"""From embeddings of known people to a calibration: thresholds by references, and the margin."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np
from django.utils.text import slugify

from recognition import calibration
from recognition.curves import Calibration, Curve
from recognition.decisions import IDENTIFY_FPIR, fmr_for
from recognition.evaluation.choosing import Flags, Labels, thinned
from recognition.evaluation.comparing import possible_pairs
from recognition.evaluation.watching import Watch, unwatched
from recognition.pipeline.types import Floats

REFERENCES = 3
FEWEST_OWNERS = 30  # people with more photographs than that, or there is no table for them
FEWEST_PEOPLE = 80  # so many have pairs enough to tell FMR 1e-3
MOST_PHOTOGRAPHS, MOST_EACH = 15_000, 25  # the others are left out, so that memory is bounded
SIZES = (100, 1_000)  # people in the galleries whose errors are measured
DRAWS = 20
SEED = 20180402


def head(embedder: str, data_set: str, command: str) -> dict[str, Any]:
    """Return where a calibration comes from."""
    date = datetime.now(UTC).date().isoformat()
    return {
        "id": f"{embedder}-{slugify(data_set) or 'data'}-{date}",
        "embedder": embedder,
        "measured": True,
        "data_set": data_set,
        "date": date,
        "command": command,
    }


def lacking(labels: Labels) -> str:
    """Say what photographs of known people lack for a calibration, nothing where it is enough."""
    counts = np.unique(labels, return_counts=True)[1]
    if len(counts) < FEWEST_PEOPLE:
        return f"{len(counts):,} people cannot tell FMR 1e-3; {FEWEST_PEOPLE} are needed"
    if (several := int((counts > 1).sum())) < FEWEST_OWNERS:
        have = f"{several:,} people have two photographs or more"
        return f"{have}; {FEWEST_OWNERS} are needed to tell FNMR"
    return ""


def sizes_of(people: int) -> tuple[int, ...]:
    """Return of how many of so many people galleries are drawn, strangers being left over."""
    return tuple(n for n in SIZES if n + FEWEST_OWNERS <= people) or (people // 2,)


def kept_of(labels: Labels) -> Flags:
    """Return (N,) which photographs are measured: a few of whoever has very many."""
    return thinned(labels, most=MOST_PHOTOGRAPHS, each=MOST_EACH)


def measured(
    embeddings: Floats, labels: Labels, sizes: tuple[int, ...], watch: Watch = unwatched
) -> dict[str, Any]:
    """Return counts, tables and margin; ``sizes``: of the galleries that are drawn for that.

    Raises ``ValueError`` where there are too few people, or too few with several photographs.
    """
    kept = kept_of(labels)
    embeddings, labels = embeddings[kept], labels[kept]
    if lack := lacking(labels):
        raise ValueError(lack)
    tables = tables_of(embeddings, labels, watch)
    return {
        "people": tables[0]["people"],
        "genuine_pairs": tables[0]["genuine"],
        "impostor_pairs": tables[0]["impostors"],
        "thresholds": tables[0]["thresholds"],
        "by_references": tables,
        **searched(embeddings, labels, tables, sizes),
    }


def tables_of(embeddings: Floats, labels: Labels, watch: Watch = unwatched) -> list[dict[str, Any]]:
    """Return the thresholds for templates of one photograph and of several, as far as enough have
    one more than that: without it nobody could ask."""
    everybody, counts = np.unique(labels, return_counts=True)
    tables = []
    for references in watch(calibration.REFERENCES, "numbers of references"):
        if (counts > references).sum() < FEWEST_OWNERS:
            break
        if references == 1:
            genuine, impostors = calibration.pair_scores(embeddings, labels)
            owners = len(everybody)
        else:
            genuine, impostors, owners = calibration.template_scores(
                embeddings, labels, references=references, seed=SEED
            )
        # Two people who both have templates are one pair, though compared twice.
        pairs = owners * (len(everybody) - 1) - possible_pairs(owners)
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


def calibration_of(tables: list[dict[str, Any]]) -> Calibration:
    """Return what decides by these tables."""
    curves = [Curve.of(t["references"], t["supported"], t["thresholds"]) for t in tables]
    return Calibration("", "", True, None, 0.0, None, tuple(curves))


def searched(
    embeddings: Floats, labels: Labels, tables: list[dict[str, Any]], sizes: tuple[int, ...]
) -> dict[str, Any]:
    """Return the margin, and FPIR and FNIR as decided by default and at one threshold for all."""
    measured = calibration_of(tables)
    having = [n for n in (1, REFERENCES) if n in {curve.references for curve in measured.curves}]
    rows, margin = [], 0.0
    for people in sizes:
        fmr = fmr_for(IDENTIFY_FPIR, people)
        limit = measured.threshold_at(fmr)
        for references in having:
            shape = {"people": people, "references": references}
            seeds = range(SEED, SEED + DRAWS)
            plain = [
                calibration.draw_search(embeddings, labels, **shape, seed=seed) for seed in seeds
            ]
            if (people, references) == (sizes[0], 1):
                margin = calibration.ambiguity_margin(plain)

            def handicap(count: int, fmr: float = fmr, limit: float = limit) -> float:
                return measured.threshold_at(fmr, count) - limit

            default = [
                calibration.draw_search(embeddings, labels, **shape, seed=seed, handicap=handicap)
                for seed in seeds
            ]
            at_one_percent = calibration.threshold_for_fpir(plain, IDENTIFY_FPIR)
            for kind, searches, threshold in (
                ("default", default, limit),
                ("fpir 1 %", plain, at_one_percent),
            ):
                rates = calibration.open_set(searches, **shape, threshold=threshold)
                rows.append({"threshold_is": kind, **asdict(rates)})
    return {"ambiguity_margin": round(margin, 4), "searches": rows}
