"""The plot of a run: ``python -m benchmarks.plot [JSON [PNG]]`` draws it anew.

Reads what the rows of a result say of themselves; what a run did not measure is left out.
"""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from benchmarks import photographs
from benchmarks.bench import DIMENSIONS, EMBEDDERS
from benchmarks.report import shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Rows = Sequence[dict[str, Any]]
RESULTS = Path(__file__).parent / "results"
US, INK, DIM = "Facesite", "#333333", "#777777"
# Colours that tell apart for the colour-blind too. Source: Okabe and Ito, "Color Universal Design".
BLUE, ORANGE, GREEN, RED, PINK, SKY, YELLOW, GREY = (
    *("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#999999"),
)
PEERS = {"face_recognition": ORANGE, "facenet-pytorch": RED}
SEARCHERS = {"numpy BLAS": GREY, "faiss IndexFlatIP": GREEN, "Redis SCAN + GET": PINK}
STAGES = {"decode": YELLOW, "detect": BLUE, "align": PINK, "embed": ORANGE, "search": GREEN}
#: Colour, place in points and side of the text beside the points of each embedder.
LABELS = ((BLUE, (6, -10), "left"), (RED, (-6, 5), "right"))
MILLISECONDS = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
INCHES, DPI, COLOURS = (9.0, 6.8), 140, 128
STYLE = {
    "font.size": 8.5,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "text.color": INK,
    "legend.frameon": False,
}


def draw(result: dict[str, Any], path: Path) -> None:
    """Write the PNG of a result, as ``benchmarks/results/latest.json`` holds it."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    panels: dict[str, Callable[[Axes, Rows], None]] = {
        "identify": _identify,
        "stages": _stages,
        "search": _search,
        "load": _load,
    }
    image = io.BytesIO()
    with rc_context(STYLE):
        figure = Figure(INCHES, layout="constrained")
        for axes, (section, fill) in zip(figure.subplots(2, 2).flat, panels.items(), strict=True):
            fill(axes, [row for row in result["rows"] if row["section"] == section])
            if not axes.has_data():
                _blank(axes, f"{section}: not measured in this run")
        figure.supxlabel(_machine(result), fontsize=7.5, color=DIM, x=0.99, ha="right")
        figure.savefig(image, dpi=DPI)
    # A few colours are all there are: a third of the size.
    Image.open(image).convert("RGB").quantize(COLOURS).save(path, optimize=True)


def _blank(axes: Axes, text: str) -> None:
    axes.clear()
    axes.set_axis_off()
    axes.text(0.5, 0.5, text, ha="center", color=DIM, transform=axes.transAxes)


def _machine(result: dict[str, Any]) -> str:
    facts = result["machine"]
    return f"{facts['processor']}, {facts['cores_used']} cores; medians; {result['when'][:10]}"


def _identify(axes: Axes, rows: Rows) -> None:
    """Draw a pair of bars for each size of photograph and embedder."""
    axes.set_title("One identify request against bare library calls")
    sizes = (photographs.SMALL, photographs.LARGE)
    wanted = [f"{size}, {embedder}" for size in sizes for embedder in EMBEDDERS]
    pairs = [r for what in wanted for r in rows if r["what"] == what and r["peer"] in PEERS]
    for at, row in enumerate(pairs):
        ours, theirs, peer = row["facesite"]["median"], row["theirs"]["median"], row["peer"]
        new = peer not in [earlier["peer"] for earlier in pairs[:at]]
        axes.barh(at - 0.2, ours, 0.38, color=BLUE, label=None if at else US)
        axes.barh(at + 0.2, theirs, 0.38, color=PEERS[peer], label=peer if new else None)
        axes.text(ours, at - 0.2, f" {shown(ours)} ms", va="center")
        axes.text(theirs, at + 0.2, f" {shown(theirs)} ms ({row['ratio']:.1f} x)", va="center")
    axes.set_yticks(range(len(pairs)), [row["what"].replace(", ", "\n") for row in pairs])
    axes.set_xlim(0, 1.4 * max((row["theirs"]["median"] for row in pairs), default=1))
    axes.set_xlabel("milliseconds")
    axes.invert_yaxis()
    _legend(axes, columns=3)


def _stages(axes: Axes, rows: Rows) -> None:
    """Draw the stages of Facesite and of the libraries one after the other."""
    axes.set_title(f"Where the time goes, {photographs.SMALL}")
    names = []
    for embedder in EMBEDDERS:
        what = f"{photographs.SMALL}, {DIMENSIONS[embedder]}: "
        own = {r["what"].removeprefix(what): r for r in rows if r["what"].startswith(what)}
        if own:
            _stack(axes, len(names), {stage: own[stage]["facesite"] for stage in STAGES})
            _stack(axes, len(names) + 1, {stage: own[stage]["theirs"] for stage in STAGES})
            names += [f"{US}\n{embedder}", own["detect"]["peer"]]
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("milliseconds")
    axes.margins(x=0.18)
    axes.invert_yaxis()
    _legend(axes, columns=len(STAGES))


def _stack(axes: Axes, at: int, measures: dict[str, dict[str, Any]]) -> None:
    left = 0.0
    for stage, colour in STAGES.items():
        width = measures[stage]["median"]
        axes.barh(at, width, 0.6, left, color=colour, label=None if at else stage)
        left += width
    axes.text(left, at, f" {shown(left)} ms", va="center")


def _search(axes: Axes, rows: Rows) -> None:
    """Draw milliseconds of a search by people, both axes logarithmic."""
    axes.set_title("1:N search, 512 numbers a person")
    for name, colour in SEARCHERS.items():
        theirs = _by_people([r for r in rows if r["peer"] == name], "theirs", 512)
        _line(axes, theirs, colour, name, "s")
    _line(axes, _by_people(rows, "facesite", 512), BLUE, US, "o")
    _line(axes, _by_people(rows, "facesite", 128), SKY, f"{US}, 128", "o")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks([10**3, 10**4, 10**5, 10**6], ["1,000", "10,000", "100,000", "1,000,000"])
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("people in the gallery")
    axes.set_ylabel("milliseconds")
    axes.grid(alpha=0.25)
    _legend(axes, columns=3)


def _by_people(rows: Rows, whose: str, dimension: int) -> dict[int, float]:
    found = {}
    for row in rows:
        told = re.fullmatch(r"([\d,]+) people of (\d+)", row["what"])
        if told and int(told[2]) == dimension and row[whose]:
            found.setdefault(int(told[1].replace(",", "")), row[whose]["median"])
    return dict(sorted(found.items()))


def _load(axes: Axes, rows: Rows) -> None:
    """Draw the latency by clients, median to 95th percentile, and write the throughput beside."""
    axes.set_title("Latency, and requests a second, by clients")
    for embedder, (colour, at, side) in zip(EMBEDDERS, LABELS, strict=True):
        latency = _by_clients(rows, embedder, "latency")
        if not latency:
            continue
        medians = {clients: each["median"] for clients, each in latency.items()}
        _line(axes, medians, colour, embedder, "o")
        p95 = [each["p95"] for each in latency.values()]
        axes.fill_between(list(latency), list(medians.values()), p95, color=colour, alpha=0.15)
        for clients, rate in _by_clients(rows, embedder, "throughput").items():
            told, point = f"{rate['median']:.1f}/s", (clients, medians[clients])
            axes.annotate(told, point, at, textcoords="offset points", color=colour, ha=side)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.minorticks_off()
    axes.xaxis.set_major_formatter("{x:g}")
    bottom, top = axes.get_ylim()
    axes.set_yticks(MILLISECONDS, map(str, MILLISECONDS))
    axes.set_ylim(bottom * 0.8, top * 1.2)
    axes.margins(x=0.16)
    axes.set_xlabel("clients at once; shaded up to the 95th percentile")
    axes.set_ylabel("milliseconds")
    axes.grid(alpha=0.25)
    _legend(axes, columns=2)


def _by_clients(rows: Rows, embedder: str, kind: str) -> dict[int, dict[str, Any]]:
    pattern = re.compile(rf".*{embedder}, (\d+) at once: {kind}")
    found = {m: row["facesite"] for row in rows if (m := pattern.match(row["what"]))}
    return dict(sorted((int(told[1]), measure) for told, measure in found.items()))


def _line(axes: Axes, points: dict[int, float], colour: str, label: str, marker: str) -> None:
    if points:
        axes.plot(
            list(points), list(points.values()), color=colour, label=label, marker=marker, ms=4
        )


def _legend(axes: Axes, *, columns: int) -> None:
    """Put the legend between title and axes, column by column."""
    handles, labels = axes.get_legend_handles_labels()
    if not labels:
        return
    rows = -(-len(labels) // columns)
    axes.set_title(axes.get_title("left"), pad=4 + 13 * rows)
    place = {"loc": "lower left", "bbox_to_anchor": (-0.03, 0.98)}
    look = {"ncols": columns, "handlelength": 0.9, "columnspacing": 0.7, "handletextpad": 0.4}
    axes.legend(handles, labels, **place, **look).set_in_layout(False)


def main(arguments: Iterator[str]) -> None:
    source = Path(next(arguments, RESULTS / "latest.json"))
    draw(json.loads(source.read_text()), Path(next(arguments, source.with_name("speed.png"))))


if __name__ == "__main__":
    main(iter(sys.argv[1:]))
