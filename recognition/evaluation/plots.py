"""Plots of an evaluation, in the conventions of NIST's FRTE reports: errors on logarithmic axes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

SIZE = (6.4, 4.8)  # inches

Errors = tuple[str, Sequence[float]]  # what they are called, and the rates


def draw_all(report: Mapping[str, Any], folder: Path) -> list[Path]:
    """Draw what ``report`` has data for; return the files."""
    drawn = []
    for name, draw in PLOTS.items():
        figure = Figure(figsize=SIZE, layout="constrained")
        FigureCanvasAgg(figure)  # type: ignore[no-untyped-call]  # draws without a display
        if draw(figure.add_subplot(), report):
            figure.savefig(folder / f"{name}.png", dpi=120)
            drawn.append(folder / f"{name}.png")
    return drawn


def scores(axes: Axes, report: Mapping[str, Any]) -> bool:
    """Draw the distributions of genuine and impostor scores."""
    shown = report.get("distributions")
    if not shown:
        return False
    for kind, colour in (("impostor", "tab:red"), ("genuine", "tab:blue")):
        counts = shown[kind]["counts"]
        total = sum(counts) or 1
        shares = [count / total for count in counts]
        axes.stairs(shares, shown["edges"], fill=True, alpha=0.5, color=colour, label=kind)
    axes.set(xlabel="similarity", ylabel="share of comparisons")
    axes.legend()
    return True


def det(axes: Axes, report: Mapping[str, Any]) -> bool:
    """Draw FNMR against FMR."""
    if "verification" not in report:
        return False
    curve = report["verification"]["curve"]
    _draw_errors(axes, ("FMR", curve["fmr"]), ("FNMR", curve["fnmr"]), report["data"])
    return True


def roc(axes: Axes, report: Mapping[str, Any]) -> bool:
    """Draw the share of genuine comparisons accepted against FMR."""
    if "verification" not in report:
        return False
    curve = report["verification"]["curve"]
    axes.plot(curve["fmr"], [1 - rate for rate in curve["fnmr"]])
    axes.set(xscale="log", xlabel="FMR", ylabel="1 - FNMR", title=report["data"])
    axes.grid(which="both", alpha=0.3)
    return True


def search(axes: Axes, report: Mapping[str, Any]) -> bool:
    """Draw FNIR against FPIR."""
    found = report.get("identification", {}).get("open_set", {})
    if "curve" not in found:
        return False
    curve = found["curve"]
    title = f"{report['data']}, {found['people']:,} people"
    _draw_errors(axes, ("FPIR", curve["fpir"]), ("FNIR", curve["fnir"]), title)
    return True


def stress(axes: Axes, report: Mapping[str, Any]) -> bool:
    """Draw FNMR at the threshold in force against how much the probes were spoilt."""
    if not report.get("stress"):
        return False
    for kind, steps in report["stress"]["kinds"].items():
        rates = [step["fnmr"]["rate"] for step in steps]
        axes.plot(range(1, len(steps) + 1), rates, marker="o", label=kind)
    axes.set(xlabel="step", ylabel="FNMR", ylim=(0, 1), xticks=range(1, 6))
    axes.legend(fontsize="small")
    return True


def _draw_errors(axes: Axes, at: Errors, paid: Errors, title: str) -> None:
    """Draw one error against the other, on logarithmic axes, which have no place for 0."""
    (xlabel, allowed), (ylabel, shares) = at, paid
    some = any(shares)
    axes.plot(allowed, [share or math.nan for share in shares] if some else shares)
    axes.set(xscale="log", yscale="log" if some else "linear")
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
    axes.grid(which="both", alpha=0.3)


PLOTS: dict[str, Callable[[Axes, Mapping[str, Any]], bool]] = {
    "scores": scores,
    "det": det,
    "roc": roc,
    "search": search,
    "stress": stress,
}
