"""``make bench``: the command runs and says what it measured; how fast is no test's business."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.__main__ import Section, run
from benchmarks.bench import Bench
from benchmarks.plot import draw
from benchmarks.report import Bar, Row, table, verdict
from benchmarks.timing import Effort, Measure, Turn, interleaved
from tests.servers import ROOT


@pytest.fixture(scope="module")
def result(tmp_path_factory) -> dict:
    """Return the JSON of a quick run of its cheapest section."""
    output: Path = tmp_path_factory.mktemp("benchmarks") / "latest.json"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--only", "search"]
    subprocess.run([*command, "--output", str(output)], cwd=ROOT, check=True)
    return json.loads(output.read_text())


def test_a_run_measures_the_search_against_every_peer(result):
    peers = {row["peer"] for row in result["rows"]}
    assert {"numpy BLAS", "faiss IndexFlatIP", "Redis SCAN + GET"} <= peers
    assert {row["section"] for row in result["rows"]} == {"search"}
    assert all(row["ratio"] > 0 and row["facesite"]["rounds"] >= 3 for row in result["rows"])


def test_a_run_tells_of_the_machine_and_names_no_path(result):
    facts = result["machine"]
    assert facts["processor"] and facts["cores_used"] <= 2 and facts["packages"]["numpy"]
    assert result["seconds"]["search"] > 0 and all(r["others"] >= 0 for r in result["rows"])
    assert str(ROOT) not in json.dumps(result) and str(Path.home()) not in json.dumps(facts)


def test_contestants_take_turns_and_nobody_is_always_first():
    order: list[str] = []

    def act(name: str):
        return lambda round_: order.append(name) or [Turn({"work": 1.0}, None)]

    turns = interleaved({"a": act("a"), "b": act("b")}, Effort(rounds=4, seconds=60, warm_up=1))
    assert order[-8:] == ["a", "b", "b", "a", "a", "b", "b", "a"]
    assert {name: len(each) for name, each in turns.items()} == {"a": 4, "b": 4}


def test_a_measure_keeps_the_95th_percentile():
    measure = Measure.of([float(n) for n in range(1, 101)])
    assert (measure.median, measure.least, measure.p95, measure.rounds) == (50.5, 1, 95, 100)


def test_the_table_says_which_bar_is_missed():
    ours, theirs = Measure.of([10.0]), Measure.of([30.0])
    missed = Row("identify", "a", ours, "peer", theirs, Bar("at least", 5.0, 3.0), note="why")
    reached = Row("identify", "b", ours, bar=Bar("at most", 11.0, 10.0, "ms"))
    lines = [" ".join(line.split()) for line in table([missed, reached]).splitlines()]
    assert lines[2] == "a 10.0 ms peer 30.0 ms 3.00 x at least 5.00 x MISSED [1]"
    assert lines[3] == "b 10.0 ms at most 11.0 ms reached"
    assert lines[-1] == "[1] why"
    assert verdict([missed, reached]).splitlines() == [
        "1 of 2 bars reached",
        "  MISSED: identify, a: 3.00 x, at least 5.00 x",
    ]


def test_a_run_beside_other_programs_is_to_be_done_again():
    row = Row("identify", "a", Measure.of([10.0]), others=1.2)
    assert "disturbed: 1.2" in table([row])
    assert verdict([row]).endswith("1 rows were measured beside other programs: measure them again")


def test_what_could_not_be_measured_has_a_row_that_says_why():
    lines = table([Row("accuracy", "LFW View 1", None, note="it is not here")]).splitlines()
    assert lines[2].split(maxsplit=3)[3].split("  ")[0] == "not measured"
    assert lines[-1] == "[1] it is not here"


def test_a_section_that_fails_does_not_take_the_others_with_it(tmp_path, capsys):
    section = Section()
    run("a_section_that_is_not_there", Bench(tmp_path, quick=True, cores=2), section)
    assert (section.failure, section.rows) == ("ModuleNotFoundError", [])
    assert "a_section_that_is_not_there" in capsys.readouterr().err


def test_the_plot_is_a_small_png_for_the_readme(result, tmp_path):
    load = {
        f"640x480, dlib-resnet-v1, {clients} at once: {kind}": Measure.of([10.0 * clients, 12.0])
        for kind in ("latency", "throughput")
        for clients in (1, 8)
    }
    rows = [Row("load", what, measure).as_json() for what, measure in load.items()]
    draw(result | {"rows": result["rows"] + rows}, tmp_path / "speed.png")
    with Image.open(tmp_path / "speed.png") as plot:
        assert plot.format == "PNG" and plot.width >= 900
    assert (tmp_path / "speed.png").stat().st_size < 150_000
