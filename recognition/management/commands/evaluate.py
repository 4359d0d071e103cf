"""``manage.py evaluate``: error rates on photographs of known people, or of the own gallery."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.utils.text import slugify

from recognition import runtime
from recognition.decisions import Policy
from recognition.evaluation import calibrating, rates, sources, stress
from recognition.evaluation.extraction import extract, photographs_in
from recognition.evaluation.rates import Comparisons
from recognition.evaluation.report import Sample, gallery_report, pairs_report, people_report
from recognition.evaluation.searches import Searched, fnir_at, fpir_at
from recognition.management.arguments import index
from recognition.management.base import FAILED, GalleryCommand
from recognition.management.jobs import add_jobs
from recognition.management.pictures import shown
from recognition.models import Gallery
from recognition.pipeline.extract import principal
from recognition.pipeline.types import Face, Floats, Picture
from recognition.services.calibrations import store_calibration

PROBES = 300  # that are spoilt for --stress, 40 times each
FEWEST_PEOPLE = 80  # for a calibration: so many have pairs enough to tell FMR 1e-3


class Command(GalleryCommand):
    help = (
        "Measure error rates: `evaluate DIR` on DIR/<person>/<photograph>, `evaluate DIR --pairs "
        "LIST` on pairs in LFW's format, `evaluate --gallery NAME` on the references there are, "
        "each left out once. Writes report.json, scores.npz and plots; a second run goes on where "
        "the first one stopped."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", nargs="?", type=Path, metavar="DIR", help="people's folders")
        parser.add_argument("--pairs", type=Path, metavar="LIST", help="pairs in LFW's format")
        parser.add_argument("--gallery", metavar="NAME", help="measure this gallery's references")
        parser.add_argument("--strangers", type=Path, metavar="DIR", help="people nobody knows")
        parser.add_argument("--embedder", choices=list(runtime.EMBEDDERS), help="default: in use")
        parser.add_argument(
            "--references", type=index, default=1, metavar="N", help="photographs to register"
        )
        parser.add_argument("--labels", type=Path, metavar="CSV", help="person,group,...")
        parser.add_argument("--dates", type=Path, metavar="CSV", help="person/file,date")
        parser.add_argument("--name", help="what the data set is called (default: the folder)")
        parser.add_argument("--output", type=Path, metavar="DIR", help="where to write")
        parser.add_argument("--stress", action="store_true", help="spoil probes in 40 ways")
        parser.add_argument("--calibrate", metavar="NAME", help="also store thresholds by it")
        add_jobs(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if (options["folder"] is None) == (options["gallery"] is None):
            raise CommandError("Name a folder, or --gallery NAME.", returncode=FAILED)
        for name in ("folder", "strangers"):
            if options[name] and not options[name].is_dir():
                raise CommandError(f"{shown(options[name])} is no folder.", returncode=FAILED)
        gallery = self.chosen_gallery(options) if options["gallery"] else None
        embedder = options["embedder"] or runtime.default_embedder()
        embedder = runtime.embedder_of(gallery) if gallery else embedder
        try:
            report, found, searched = self.measured(gallery, embedder, options)
        except ValueError as error:
            raise CommandError(f"Nothing can be measured: {error}.", returncode=FAILED) from error
        if searched is not None:
            report["in_force"] = in_force(searched, gallery, embedder, options["references"])
        self.write(report, found, options)

    def measured(self, gallery: Gallery | None, embedder: str, options: dict[str, Any]) -> Any:
        """Return the report, the comparisons, and the searches where there are any."""
        outside = self.strangers(embedder, options)
        name = options["name"] or (options["folder"].name if not gallery else gallery.name)
        head = {"data": name, "embedder": embedder, "date": datetime.now(UTC).isoformat()[:19]}
        if gallery:
            sample = sources.gallery_sample(gallery)
            report, found, searched = gallery_report(sample, outside)
            head |= {"kind": "gallery", **counted(sample)}
            return head | report, found, searched
        if options["pairs"]:
            return *self.of_pairs(head, embedder, options), None
        return self.of_people(head, embedder, outside, options)

    def strangers(self, embedder: str, options: dict[str, Any]) -> tuple[Floats, Any] | None:
        """Return the embeddings of the strangers, and who they are."""
        if not options["strangers"]:
            return None
        photographs = photographs_in(options["strangers"])
        made = extract([p.path for p in photographs], embedder, options)
        sample = sources.sample_of([p.name for p in photographs], made, {}, {})
        return sample.embeddings, sample.labels

    def of_pairs(self, head: dict[str, Any], embedder: str, options: dict[str, Any]) -> Any:
        """Return the report on a list of pairs."""
        pairs = sources.read_pairs(options["pairs"], options["folder"])
        files = sorted({file for pair in pairs.files for file in pair})
        made = dict(zip(files, extract(files, embedder, options), strict=True))
        similarities = np.array([_dot(made[a], made[b]) for a, b in pairs.files], np.float32)
        report, found = pairs_report(similarities, pairs.same, pairs.people, pairs.folds)
        head |= {"kind": "pairs", "list": options["pairs"].name, "photographs": len(files)}
        head["failure_to_detect"] = rates.proportion(
            sum(not len(embedding) for embedding in made.values()), len(files)
        )
        return head | report, found

    def of_people(
        self, head: dict[str, Any], embedder: str, outside: Any, options: dict[str, Any]
    ) -> Any:
        """Return the report on folders of people."""
        photographs = photographs_in(options["folder"])
        names = [photograph.name for photograph in photographs]
        made = extract([p.path for p in photographs], embedder, options)
        groups = sources.read_groups(options["labels"]) if options["labels"] else {}
        dates = sources.read_dates(options["dates"]) if options["dates"] else {}
        sample = sources.sample_of(names, made, groups, dates)
        report, found, searched = people_report(
            sample, references=options["references"], strangers=outside
        )
        lost = sum(not len(embedding) for embedding in made)
        head |= {"kind": "folder", "photographs": len(made), **counted(sample)}
        head["failure_to_detect"] = rates.proportion(lost, len(made))
        if options["stress"]:
            report["stress"] = self.stressed(photographs, made, embedder, options)
        if options["calibrate"]:
            self.calibrate(sample, embedder, head["data"], options["calibrate"])
        return head | report, found, searched

    def calibrate(self, sample: Sample, embedder: str, data_set: str, name: str) -> None:
        """Store thresholds by what was measured."""
        people = len(np.unique(sample.labels))
        if people < FEWEST_PEOPLE:
            message = f"{people} people cannot tell FMR 1e-3; {FEWEST_PEOPLE} are needed."
            raise CommandError(message, returncode=FAILED)
        document = calibrating.head(embedder, data_set, "manage.py evaluate --calibrate")
        document |= calibrating.measured(sample.embeddings, sample.labels, (min(100, people // 2),))
        store_calibration(name, document, actor=self.actor)
        self.stdout.write(f"Stored: {name}. In force with `manage.py calibrations --activate`.")

    def stressed(
        self, photographs: Any, made: list[Floats], embedder: str, options: dict[str, Any]
    ) -> dict[str, Any]:
        """Return FNMR at the threshold in force of probes that were spoilt."""
        registered, probes = stress.probes_of([p.person for p in photographs], made, PROBES)
        policy = Policy.for_verify(embedder)
        find = partial(_principal, embedder)
        kinds: dict[str, list[dict[str, Any]]] = {}
        paths = [photographs[n].path for n in probes]
        own = np.stack([made[registered[photographs[n].person]] for n in probes])

        def row(found: list[Floats]) -> dict[str, Any]:
            scores = [_dot(a, b) for a, b in zip(own, found, strict=True)]
            missed = sum(not score >= policy.threshold for score in scores)
            lost = sum(not len(embedding) for embedding in found)
            return {"fnmr": rates.proportion(missed, len(scores)), "faces_not_found": lost}

        for kind, steps in stress.STEPS.items():
            for step in steps:
                alter = stress.alteration(kind, step, find)
                how = f"{slugify(kind)}-{step:g}"
                found = extract(paths, embedder, options, how=how, alter=alter)
                kinds.setdefault(kind, []).append({"step": step, **row(found)})
        untouched = row([made[n] for n in probes])
        return {"threshold": policy.threshold, "untouched": untouched, "kinds": kinds}

    def write(self, report: dict[str, Any], found: Comparisons, options: dict[str, Any]) -> None:
        """Write report, scores and plots, and the sum on stdout."""
        stamp = f"{report['date'].replace(':', '')}-{slugify(report['data']) or 'data'}"
        folder = options["output"] or settings.DATA_DIR / "evaluations" / stamp
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "report.json").write_text(json.dumps(report, indent=1) + "\n")
        np.savez(folder / "scores.npz", genuine=found.genuine, impostor=found.impostor)
        if find_spec("matplotlib"):
            from recognition.evaluation.plots import draw_all

            draw_all(report, folder)
        else:
            self.stderr.write("No plots: matplotlib is missing (pip install matplotlib).")
        self.stdout.write("\n".join([*lines_of(report), f"Written: {folder}"]))


def counted(sample: Sample) -> dict[str, int]:
    return {"faces": len(sample.labels), "people": len(np.unique(sample.labels))}


def in_force(
    searched: Searched, gallery: Gallery | None, embedder: str, references: int
) -> dict[str, Any]:
    """Return what the threshold in force would do: the rates promised, and those measured."""
    where = gallery or Gallery()
    policy = Policy.for_identify(embedder, people=searched.people, gallery=where)
    limit = policy.threshold_for(references)
    promised = policy.expected()
    return {
        "threshold": limit,
        "threshold_source": policy.source,
        "promised": promised,
        "warning": policy.warning(),
        "fpir": fpir_at(searched, limit) if len(searched.strangers) else None,
        "fnir": fnir_at(searched, limit) if len(searched.ranks) else None,
    }


def _principal(embedder: str, picture: Picture) -> Face | None:
    faces = runtime.extractor(embedder).detect(picture)
    return faces[principal(faces, picture)] if faces else None


def _dot(one: Floats, other: Floats) -> float:
    """Return the similarity, NaN where a face was not found."""
    return float(one @ other) if len(one) and len(other) else float("nan")


def percent(rate: dict[str, Any]) -> str:
    """Return a rate with its interval for people to read."""
    if rate.get("rate") is None:
        return "not measured"
    low, high = rate["interval_95"]
    return f"{rate['rate']:.2%} ({low:.2%} to {high:.2%}; {rate['errors']} of {rate['trials']})"


def lines_of(report: dict[str, Any]) -> list[str]:
    """Return the report for people to read; in brackets 95 % intervals."""
    lines = [f"{report['data']}, {report['embedder']}"]
    if "failure_to_detect" in report:
        lines.append(f"Failure to detect: {percent(report['failure_to_detect'])}")
    if "ten_fold" in report:
        fold = report["ten_fold"]
        share = f"{fold['mean']:.2%} +- {fold['standard_error']:.2%}"
        lines.append(f"Pairs told right, ten-fold: {share}")
    verification = report["verification"]
    counts = f"{verification['genuine']:,} genuine, {verification['impostor']:,} impostor"
    lines.append(f"EER: {verification['eer']['rate']:.2%} ({counts} comparisons)")
    lines += [_row("FNMR at FMR", row, "fmr", "fnmr") for row in verification["fnmr_at_fmr"]]
    found = report.get("identification", {})
    for name in ("rank_1_missed", "rank_5_missed"):
        if name in found.get("closed_set", {}):
            said = name.replace("_", " ").replace(" missed", "")
            people = found["closed_set"]["people"]
            lines.append(f"Not at {said} of {people:,}: {percent(found['closed_set'][name])}")
    searched = found.get("open_set", {})
    if "people" in searched:
        rows = searched.get("fnir_at_fpir", [])
        head = f"FNIR among {searched['people']:,} at FPIR"
        lines += [_row(head, row, "fpir", "fnir") for row in rows]
    return [*lines, *_in_force_lines(report), *_stress_lines(report)]


def _row(head: str, row: dict[str, Any], rate: str, paid: str) -> str:
    if "refused" in row:
        return f"{head} {row[rate]:g}: not told. {row['refused']}"
    return f"{head} {row[rate]:g}: {percent(row[paid])}, threshold {row['threshold']:.4f}"


def _in_force_lines(report: dict[str, Any]) -> list[str]:
    found = report.get("in_force")
    if not found or found["fpir"] is None or found["fnir"] is None:
        return []
    promised = f", promised {found['promised']['fpir']:.2%}" if found["promised"] else ""
    head = f"At the threshold in force, {found['threshold']:.4f}"
    return [f"{head}: FPIR {found['fpir']:.2%}{promised}; FNIR {found['fnir']:.2%}"]


def _stress_lines(report: dict[str, Any]) -> list[str]:
    found = report.get("stress")
    if not found:
        return []
    untouched = found["untouched"]["fnmr"]["rate"]
    lines = [f"FNMR at {found['threshold']:.4f} of spoilt probes; untouched {untouched:.1%}"]
    for kind, steps in found["kinds"].items():
        cells = [f"{step['step']:g}: {step['fnmr']['rate']:.1%}" for step in steps]
        lines.append(f"  {kind:<20}" + "  ".join(cells))
    return lines
