"""``manage.py evaluate``: error rates on photographs of known people, or of the own gallery."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from django.core.management.base import CommandError, CommandParser
from django.utils.text import slugify

from recognition import runtime
from recognition.decisions import Policy
from recognition.evaluation import calibrating, forced, rates, served, sources, stored, stress
from recognition.evaluation.extraction import Photograph, photographs_in, take
from recognition.evaluation.rates import Comparisons
from recognition.evaluation.report import Compared, gallery_report, pairs_report, people_report
from recognition.evaluation.samples import NO_FACE, Sample, Taken
from recognition.evaluation.telling import lines_of
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
NO_PLOTS = (
    "No plots will be drawn: matplotlib is missing. To have them, run this first: "
    'make install EXTRAS="convert evaluate"'
)
# What would be without effect on a gallery, and on a list of pairs.
NOT_OF_GALLERIES = ("pairs", "dates", "embedder", "stress", "references")
NOT_OF_PAIRS = ("strangers", "stress", "references", "calibrate")


class Command(GalleryCommand):
    help = (
        "Measure error rates: `evaluate DIR` on DIR/<person>/<photograph>, `evaluate DIR --pairs "
        "LIST` on pairs in LFW's format, `evaluate --gallery NAME` on the references there are, "
        "each left out once. Writes report.json, scores.npz and plots, which the console shows "
        "too; a second run goes on where the first one stopped."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", nargs="?", type=Path, metavar="DIR", help="people's folders")
        parser.add_argument("--pairs", type=Path, metavar="LIST", help="pairs in LFW's format")
        parser.add_argument("--gallery", metavar="NAME", help="measure this gallery's references")
        parser.add_argument("--strangers", type=Path, metavar="DIR", help="people nobody knows")
        parser.add_argument("--embedder", choices=list(runtime.EMBEDDERS), help="default: in use")
        parser.add_argument(
            "--references", type=index, metavar="N", help="photographs to register (default: 1)"
        )
        parser.add_argument("--labels", type=Path, metavar="CSV", help="person,group,...")
        parser.add_argument("--dates", type=Path, metavar="CSV", help="person/file,date")
        parser.add_argument("--name", help="what the data set is called (default: the folder)")
        parser.add_argument("--output", type=Path, metavar="DIR", help="where to write")
        parser.add_argument("--stress", action="store_true", help="spoil probes in 40 ways")
        parser.add_argument("--calibrate", metavar="NAME", help="also store thresholds by it")
        add_jobs(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        check(options)
        gallery = self.chosen_gallery(options) if options["gallery"] else None
        embedder = options["embedder"] or runtime.default_embedder()
        embedder = runtime.embedder_of(gallery) if gallery else embedder
        drawn = find_spec("matplotlib") is not None
        if not drawn:
            self.stderr.write(NO_PLOTS)
        try:
            report, found = self.measured(gallery, embedder, options)
        except ValueError as error:
            raise CommandError(f"Nothing can be measured: {error}.", returncode=FAILED) from error
        self.write(report, found, options, drawn=drawn)

    def measured(
        self, gallery: Gallery | None, embedder: str, options: dict[str, Any]
    ) -> tuple[dict[str, Any], Comparisons]:
        """Return the report, and the comparisons."""
        time = datetime.now(UTC).isoformat()[:19]
        head = {"data": data_of(options), "embedder": embedder, "date": time}
        labels = sources.read_groups(options["labels"]) if options["labels"] else {}
        dates = sources.read_dates(options["dates"]) if options["dates"] else {}
        if options["pairs"]:
            report, found = self.of_pairs(labels, dates, embedder, options)
            return head | report, found
        outside = self.strangers(embedder, options)
        if gallery:
            report, found = self.of_gallery(gallery, labels, outside, options)
        else:
            report, found = self.of_people(labels, dates, outside, embedder, options)
        return head | report, found

    def strangers(self, embedder: str, options: dict[str, Any]) -> Sample | None:
        """Return the photographs of strangers."""
        if not options["strangers"]:
            return None
        photographs = photographs_in(options["strangers"])
        taken = take([p.path for p in photographs], embedder, options)
        return sources.sample_of([p.name for p in photographs], taken, {}, {})

    def of_gallery(
        self, gallery: Gallery, labels: Any, outside: Sample | None, options: dict[str, Any]
    ) -> tuple[dict[str, Any], Comparisons]:
        """Return the report on a gallery's references."""
        sample = sources.gallery_sample(gallery, labels)
        if options["calibrate"]:
            self.calibrate(sample, runtime.embedder_of(gallery), options)
        report, found, _ = gallery_report(sample, _parts(outside))
        policy = policy_for(runtime.embedder_of(gallery), gallery)
        report["in_force"] = forced.of_gallery(sample, _parts(outside), policy)
        head = {"kind": "gallery", **counted(sample), "attempts": sources.attempts_at(gallery)}
        return head | report, found

    def of_pairs(
        self, labels: Any, dates: Any, embedder: str, options: dict[str, Any]
    ) -> tuple[dict[str, Any], Comparisons]:
        """Return the report on a list of pairs."""
        pairs = sources.read_pairs(options["pairs"], options["folder"])
        files = sorted({file for pair in pairs.files for file in pair})
        made = dict(zip(files, take(files, embedder, options), strict=True))
        both = [(made[one], made[other]) for one, other in pairs.files]
        similarities = np.array([_dot(a, b) for a, b in both], np.float32)
        names, numbers = np.unique([p for pair in pairs.people for p in pair], return_inverse=True)
        people = numbers.reshape(-1, 2)
        apart = np.array([sources.years_apart(dates, *pair) for pair in pairs.files])
        compared = Compared(similarities, pairs.same, people, names.tolist(), pairs.folds, apart)
        report, found = pairs_report(compared, labels)
        refused = np.array([bool(a.refused or b.refused) for a, b in both])
        report["as_served"] = served.pairs_served(similarities, pairs.same, refused, people)
        head = {"kind": "pairs", "list": options["pairs"].name, "photographs": len(files)}
        return head | refusals(list(made.values())) | report, found

    def of_people(
        self,
        labels: Any,
        dates: Any,
        outside: Sample | None,
        embedder: str,
        options: dict[str, Any],
    ) -> tuple[dict[str, Any], Comparisons]:
        """Return the report on folders of people."""
        photographs = photographs_in(options["folder"])
        taken = take([p.path for p in photographs], embedder, options)
        everything = sources.sample_of([p.name for p in photographs], taken, labels, dates)
        sample, references = everything.with_faces(), options["references"] or 1
        if options["calibrate"]:
            self.calibrate(sample, embedder, options)
        report, found, _ = people_report(sample, references=references, strangers=_parts(outside))
        policy = policy_for(embedder, Gallery())
        report["in_force"] = forced.of_people(sample, _parts(outside), references, policy)
        head = {"kind": "folder", "photographs": len(taken), **counted(sample), **refusals(taken)}
        head["failure_to_enrol"] = served.enrolment(everything, references)
        report["as_served"] = served.people_served(
            everything, references=references, strangers=outside
        )
        if options["stress"]:
            report["stress"] = self.stressed(photographs, taken, embedder, options)
        return head | report, found

    def calibrate(self, sample: Sample, embedder: str, options: dict[str, Any]) -> None:
        """Store thresholds by what is measured; raise where there are too few people for that."""
        people = len(np.unique(sample.labels))
        if people < FEWEST_PEOPLE:
            message = f"{people} people cannot tell FMR 1e-3; {FEWEST_PEOPLE} are needed."
            raise CommandError(message, returncode=FAILED)
        name = options["calibrate"]
        document = calibrating.head(embedder, data_of(options), "manage.py evaluate --calibrate")
        document |= calibrating.measured(sample.embeddings, sample.labels, (min(100, people // 2),))
        store_calibration(name, document, actor=self.actor)
        self.stdout.write(f"Stored: {name}. In force with `manage.py calibrations --activate`.")

    def stressed(
        self,
        photographs: list[Photograph],
        taken: list[Taken],
        embedder: str,
        options: dict[str, Any],
    ) -> dict[str, Any]:
        """Return FNMR at the threshold in force of probes that were spoilt."""
        registered, probes = stress.probes_of([p.person for p in photographs], taken, PROBES)
        limit = Policy.for_verify(embedder).threshold
        find = partial(_principal, embedder)
        paths = [photographs[n].path for n in probes]
        own = [taken[registered[photographs[n].person]] for n in probes]
        kinds: dict[str, list[dict[str, Any]]] = {}
        for kind, steps in stress.STEPS.items():
            for step in steps:
                alter = stress.alteration(kind, step, find)
                found = take(paths, embedder, options, how=f"{slugify(kind)}-{step:g}", alter=alter)
                kinds.setdefault(kind, []).append({"step": step, **spoilt(own, found, limit)})
        untouched = spoilt(own, [taken[n] for n in probes], limit)
        return {"threshold": limit, "untouched": untouched, "kinds": kinds}

    def write(
        self, report: dict[str, Any], found: Comparisons, options: dict[str, Any], *, drawn: bool
    ) -> None:
        """Write scores, plots and report, and the sum on stdout."""
        folder = options["output"] or stored.new_folder(report)
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(folder / "scores.npz", genuine=found.genuine, impostor=found.impostor)
        if drawn:
            from recognition.evaluation.plots import draw_all

            draw_all(report, folder)
        stored.write(report, folder)
        self.stdout.write("\n".join([*lines_of(report), "", f"Written: {folder}"]))


def check(options: dict[str, Any]) -> None:
    """Raise where what is asked for cannot be, before anything is computed."""
    if (options["folder"] is None) == (options["gallery"] is None):
        raise CommandError("Name a folder, or --gallery NAME.", returncode=FAILED)
    for name in ("folder", "strangers"):
        if options[name] and not options[name].is_dir():
            raise CommandError(f"{shown(options[name])} is no folder.", returncode=FAILED)
    for name in ("pairs", "labels", "dates"):
        if options[name] and not options[name].is_file():
            raise CommandError(f"{shown(options[name])} is no file.", returncode=FAILED)
    if options["gallery"]:
        refuse_with(options, "--gallery", NOT_OF_GALLERIES)
    elif options["pairs"]:
        refuse_with(options, "--pairs", NOT_OF_PAIRS)


def refuse_with(options: dict[str, Any], kind: str, names: tuple[str, ...]) -> None:
    """Raise where an option was given that would be without effect."""
    if given := [f"--{name}" for name in names if options[name]]:
        message = f"{', '.join(given)} cannot be had with {kind}."
        raise CommandError(message, returncode=FAILED)


def policy_for(embedder: str, gallery: Gallery) -> Callable[[int], Policy]:
    """Return what tells the policy in force of a gallery by how many people it has."""
    return lambda people: Policy.for_identify(embedder, people=people, gallery=gallery)


def data_of(options: dict[str, Any]) -> str:
    """Return what the data set is called."""
    own = options["gallery"] or options["folder"].resolve().name
    return str(options["name"] or own)


def counted(sample: Sample) -> dict[str, int]:
    return {"faces": len(sample.labels), "people": len(np.unique(sample.labels))}


def refusals(taken: list[Taken]) -> dict[str, Any]:
    """Return how many photographs show no face, and how many the service refuses as probes."""
    codes = [one.refused for one in taken]
    return {
        "failure_to_detect": rates.proportion(codes.count(NO_FACE), len(codes)),
        "failure_to_acquire": served.acquisition(codes),
    }


def spoilt(own: list[Taken], found: list[Taken], limit: float) -> dict[str, Any]:
    """Return how many probes are missed, how many have lost their face, how many are refused."""
    missed = sum(not _dot(a, b) >= limit for a, b in zip(own, found, strict=True))
    return {
        "fnmr": rates.proportion(missed, len(found)),
        "faces_not_found": sum(one.refused == NO_FACE for one in found),
        "refused": sum(bool(one.refused) for one in found),
    }


def _parts(sample: Sample | None) -> tuple[Floats, Any] | None:
    """Return embeddings and labels of the photographs with a face."""
    if sample is None:
        return None
    seen = sample.with_faces()
    return seen.embeddings, seen.labels


def _principal(embedder: str, picture: Picture) -> Face | None:
    faces = runtime.extractor(embedder).detect(picture)
    return faces[principal(faces, picture)] if faces else None


def _dot(one: Taken, other: Taken) -> float:
    """Return the similarity, NaN where a face was not found."""
    both = len(one.embedding) and len(other.embedding)
    return float(one.embedding @ other.embedding) if both else float("nan")
