"""A report as tables, as lines of text, and as plots."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from recognition.evaluation import plots
from recognition.evaluation.report import people_report
from recognition.evaluation.samples import Sample
from recognition.evaluation.telling import lines_of
from tests.evaluation.test_searches import crowd


@pytest.fixture
def report() -> dict:
    """Return the report on twenty people, with groups and dates."""
    embeddings, labels = crowd(20, 3, noise=0.1)
    names = [f"p{label}/{n}" for n, label in enumerate(labels)]
    groups = {"side": {f"p{n}": "left" for n in range(20)}}
    dates = {name: 2000.0 + n % 3 for n, name in enumerate(names)}
    found = people_report(
        Sample(names, embeddings, labels, groups, dates), references=1, strangers=None
    )[0]
    return {"data": "door", "embedder": "none", "date": "2026-11-26T08:00:00"} | found


def test_groups_and_years_that_cannot_be_told_are_said(report):
    assert (report["groups"], report["years"]) == ({}, [])
    why = "not told: 190 pairs of people cannot tell a rate of 0.01; at least 300 are needed"
    assert f"  By groups: {why}" in lines_of(report)
    assert f"  By years between two photographs: {why}" in lines_of(report)


def test_cells_say_what_their_column_is(report):
    [line] = [line for line in lines_of(report) if line.startswith("  genuine: ")]
    assert [part.split()[0] for part in line.split("; ")[1:]] == ["deviation", "least", "greatest"]


def test_steps_are_told_by_what_was_done(report):
    step = {"fnmr": {"rate": 0.5, "errors": 1, "trials": 2, "interval_95": [0, 1]}, "refused": 1}
    steps = [{"step": n, **step} for n in (10, 20, 30, 40, 50)]
    report["stress"] = {"threshold": 0.9, "untouched": step, "kinds": {"turned": steps}}
    lines = lines_of(report)
    assert any(line.startswith("  turned: 10: 50.00 %; 20: 50.00 %; 30:") for line in lines)
    assert "5 of 10 instead" in "".join(lines)


def test_a_plot_shows_no_rate_where_nobody_errs():
    curve = {"fmr": [0.01, 0.1, 1.0], "fnmr": [0.2, 0.1, 0.0]}
    axes = Figure().add_subplot()
    assert plots.det(axes, {"data": "door", "verification": {"curve": curve}})
    [line] = axes.get_lines()
    assert line.get_ydata()[:2].tolist() == [0.2, 0.1] and np.isnan(line.get_ydata()[2])


def test_a_report_without_an_error_is_drawn(report, tmp_path):
    report["verification"]["curve"]["fnmr"] = [0.0] * len(report["verification"]["curve"]["fmr"])
    drawn = plots.draw_all(report, tmp_path)
    assert {path.stem for path in drawn} == {"scores", "det", "roc", "search"}
