"""``manage.py evaluate``: error rates on photographs of known people, or of the own gallery."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from django.core.management.base import CommandError, CommandParser
from django.utils.text import slugify
from numpy.typing import NDArray

from recognition import runtime
from recognition.decisions import Policy
from recognition.evaluation import (
    calibrating,
    forced,
    lists,
    rates,
    samples,
    served,
    sources,
    stored,
    stress,
)
from recognition.evaluation.extraction import Photograph, photographs_in, take, watched_by
from recognition.evaluation.report import (
    Compared,
    between_years,
    gallery_report,
    pairs_report,
    people_report,
)
from recognition.evaluation.samples import NO_FACE, Sample, Taken
from recognition.evaluation.searches import Searched
from recognition.evaluation.telling import lines_of
from recognition.management.arguments import index
from recognition.management.base import FAILED, GalleryCommand
from recognition.management.jobs import add_jobs
from recognition.management.pictures import shown
from recognition.models import DEFAULT_GALLERY, Gallery
from recognition.pipeline.extract import principal
from recognition.pipeline.types import Face, Floats, Picture
from recognition.services.calibrations import check_name, store_calibration
from recognition.services.people import find_gallery

PROBES = 300  # that are spoilt for --stress, 40 times each
NO_PLOTS = (
    "No plots will be drawn: matplotlib is missing. To have them, run this first: "
    'make install EXTRAS="convert evaluate"'
)
# What would be without effect on a gallery, and on a list of pairs.
NOT_OF_GALLERIES = ("pairs", "dates", "embedder", "stress", "references")
NOT_OF_PAIRS = ("strangers", "stress", "references", "calibrate")

# Report, and what other programs can check it by: arrays by name.
Found = tuple[dict[str, Any], dict[str, NDArray[Any]]]


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
        parser.add_argument(
            "--embedder", choices=list(runtime.EMBEDDERS), help="default: the one in use"
        )
        parser.add_argument(
            "--references", type=index, metavar="N", help="photographs to register (default: 1)"
        )
        parser.add_argument("--labels", type=Path, metavar="CSV", help="groups: person,group,...")
        parser.add_argument("--dates", type=Path, metavar="CSV", help="dates: person/file,date")
        parser.add_argument("--name", help="what the data set is called (default: the folder)")
        parser.add_argument(
            "--output",
            type=Path,
            metavar="DIR",
            help="where to write (default: listed in the console)",
        )
        parser.add_argument("--stress", action="store_true", help="also spoil probes in 40 ways")
        parser.add_argument("--calibrate", metavar="NAME", help="also store thresholds, so called")
        add_jobs(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        check(options)
        gallery = self.chosen_gallery(options) if options["gallery"] else None
        if gallery:
            embedder = runtime.embedder_of(gallery)
        else:
            embedder = options["embedder"] or runtime.default_embedder()
        drawn = find_spec("matplotlib") is not None
        if not drawn:
            self.stderr.write(NO_PLOTS)
        try:
            report, kept = self.measured(gallery, embedder, options)
        except ValueError as error:
            raise CommandError(f"Nothing can be measured: {error}.", returncode=FAILED) from error
        self.write(report, kept, options, drawn=drawn)

    def measured(self, gallery: Gallery | None, embedder: str, options: dict[str, Any]) -> Found:
        """Return the report, and the scores behind it."""
        time = datetime.now(UTC).isoformat()[:19]
        head = {"data": data_of(options), "embedder": embedder, "date": time}
        labels = lists.read_groups(options["labels"]) if options["labels"] else {}
        dates = lists.read_dates(options["dates"]) if options["dates"] else {}
        if options["pairs"]:
            report, kept = self.of_pairs(labels, dates, embedder, options)
        elif gallery:
            report, kept = self.of_gallery(gallery, labels, embedder, options)
        else:
            report, kept = self.of_people(labels, dates, embedder, options)
        return head | report, kept

    def strangers(self, embedder: str, options: dict[str, Any]) -> Sample | None:
        """Return the photographs of strangers."""
        if not options["strangers"]:
            return None
        photographs = photographs_in(options["strangers"])
        if not photographs:
            raise ValueError(f"{shown(options['strangers'])} holds no <person>/<photograph>")
        taken = take([p.path for p in photographs], embedder, options | {"unit": "strangers"})
        return sources.sample_of([p.name for p in photographs], taken, {}, {})

    def of_gallery(
        self, gallery: Gallery, labels: Any, embedder: str, options: dict[str, Any]
    ) -> Found:
        """Return the report on a gallery's references."""
        sample = sources.gallery_sample(gallery, labels)
        check_photographs(sample.names, labels, {}, options)
        outside = self.strangers(embedder, options)
        if options["calibrate"]:
            self.calibrate(sample, embedder, options)
        report, found, searched = gallery_report(sample, _parts(outside), watched_by(options))
        report["in_force"] = forced.of_gallery(sample, outside, policy_for(embedder, gallery))
        head = {"kind": "gallery", **counted(sample), "attempts": sources.attempts_at(gallery)}
        scores = {"genuine": found.genuine, "impostor": found.impostor}
        return head | report, scores | arrays_of(searched)

    def of_pairs(self, labels: Any, dates: Any, embedder: str, options: dict[str, Any]) -> Found:
        """Return the report on a list of pairs."""
        pairs = lists.read_pairs(options["pairs"], options["folder"])
        files = sorted({file for pair in pairs.files for file in pair})
        names = [f"{file.parent.name}/{file.name}" for file in files]
        check_lists(names, {p for pair in pairs.people for p in pair}, labels, dates)
        made = dict(zip(files, take(files, embedder, options), strict=True))
        both = [(made[one], made[other]) for one, other in pairs.files]
        similarities = np.array([_dot(a, b) for a, b in both], np.float32)
        people, numbers = np.unique([p for pair in pairs.people for p in pair], return_inverse=True)
        numbers = numbers.reshape(-1, 2)
        taken = np.array([[_date(dates, file) for file in pair] for pair in pairs.files])
        apart = between_years(taken[:, 0], taken[:, 1])
        compared = Compared(similarities, pairs.same, numbers, people.tolist(), pairs.folds, apart)
        report, found = pairs_report(compared, labels, watched_by(options))
        refused = np.array([bool(a.refused or b.refused) for a, b in both])
        report["as_served"] = served.pairs_served(similarities, pairs.same, refused, numbers)
        head = {"kind": "pairs", "list": options["pairs"].name, "photographs": len(files)}
        scores = {"genuine": found.genuine, "impostor": found.impostor}
        scores |= {"similarities": similarities, "same": pairs.same, "folds": pairs.folds}
        return head | refusals(list(made.values())) | report, scores

    def of_people(self, labels: Any, dates: Any, embedder: str, options: dict[str, Any]) -> Found:
        """Return the report on folders of people."""
        photographs, references = photographs_in(options["folder"]), options["references"] or 1
        check_photographs([p.name for p in photographs], labels, dates, options)
        outside = self.strangers(embedder, options)
        taken = take([p.path for p in photographs], embedder, options)
        everything = sources.sample_of([p.name for p in photographs], taken, labels, dates)
        sample, watch = everything.with_faces(), watched_by(options)
        if lack := samples.lacking(sample.labels):
            raise ValueError(f"{lack}, with a face")
        # Before the other comparisons: both at once would take twice the memory.
        in_service = served.people_served(
            everything, references=references, strangers=outside, watch=watch
        )
        if options["calibrate"]:
            self.calibrate(sample, embedder, options)
        report, found, searched = people_report(
            sample, references=references, strangers=_parts(outside), watch=watch
        )
        policy = policy_for(embedder, find_gallery(DEFAULT_GALLERY))
        report["in_force"] = forced.of_people(everything, outside, references, policy)
        head = {"kind": "folder", "photographs": len(taken), **counted(sample), **refusals(taken)}
        head["failure_to_enrol"] = served.enrolment(everything, references)
        report["as_served"] = in_service
        if options["stress"]:
            report["stress"] = self.stressed(photographs, taken, embedder, options)
        scores = {"genuine": found.genuine, "impostor": found.impostor}
        return head | report, scores | arrays_of(searched)

    def calibrate(self, sample: Sample, embedder: str, options: dict[str, Any]) -> None:
        """Store thresholds by what is measured; raise where there are too few people for that."""
        if lack := calibrating.lacking(sample.labels):
            raise ValueError(lack)
        sizes = (min(100, len(np.unique(sample.labels)) // 2),)
        name = options["calibrate"]
        document = calibrating.head(embedder, data_of(options), "manage.py evaluate --calibrate")
        parts = sample.embeddings, sample.labels
        document |= calibrating.measured(*parts, sizes, watched_by(options))
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
        gallery = find_gallery(DEFAULT_GALLERY)
        limit = Policy.for_verify(embedder, gallery=gallery).threshold
        faces = stress.Faces(partial(_principal, embedder))
        paths = [photographs[n].path for n in probes]
        own = [taken[registered[photographs[n].person]] for n in probes]
        kinds: dict[str, list[dict[str, Any]]] = {}
        for kind, steps in stress.STEPS.items():
            for step in steps:
                alter, bar = stress.alteration(kind, step, faces), f"photographs {kind} {step:g}"
                how = f"{slugify(kind)}-{step:g}"
                found = take(paths, embedder, options | {"unit": bar}, how=how, alter=alter)
                kinds.setdefault(kind, []).append({"step": step, **spoilt(own, found, limit)})
        untouched = spoilt(own, [taken[n] for n in probes], limit)
        return {"threshold": limit, "untouched": untouched, "kinds": kinds}

    def write(
        self,
        report: dict[str, Any],
        kept: dict[str, NDArray[Any]],
        options: dict[str, Any],
        *,
        drawn: bool,
    ) -> None:
        """Write scores, plots and report, and the sum on stdout."""
        folder = options["output"] or stored.new_folder(report)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            np.savez(folder / "scores.npz", **kept)
            if drawn:
                from recognition.evaluation.plots import draw_all

                draw_all(report, folder)
            stored.write(report, folder)
        except OSError as error:
            message = f"{shown(folder)} cannot be written: {error.strerror}."
            raise CommandError(message, returncode=FAILED) from error
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
    if output := options["output"]:
        there = next(path for path in (output, *output.absolute().parents) if path.exists())
        if not (there.is_dir() and os.access(there, os.W_OK)):
            message = f"{shown(there)} is no folder that can be written to."
            raise CommandError(message, returncode=FAILED)
    if options["gallery"]:
        refuse_with(options, "--gallery", NOT_OF_GALLERIES)
    elif options["pairs"]:
        refuse_with(options, "--pairs", NOT_OF_PAIRS)
    if options["calibrate"] is not None:
        check_name(options["calibrate"])
    if options["references"] == 0:
        raise CommandError("--references 0 would register nobody.", returncode=FAILED)


def check_photographs(names: list[str], labels: Any, dates: Any, options: dict[str, Any]) -> None:
    """Raise where so many photographs (``<person>/<file>``) cannot tell what is asked for, before
    faces are looked for."""
    people = [name.split("/")[0] for name in names]
    numbers = np.unique(people, return_inverse=True)[1]
    lack = samples.lacking(numbers)
    if not lack and options["calibrate"]:
        lack = calibrating.lacking(numbers)
    wanted, most = options["references"] or 1, int(np.bincount(numbers, minlength=1).max())
    if not lack and most <= wanted:
        lack = (
            f"--references {wanted} leaves no photograph to ask with: nobody has more than {most}"
        )
    if lack:
        raise ValueError(lack)
    check_lists(names, set(people), labels, dates)


def check_lists(names: Iterable[str], people: Iterable[str], labels: Any, dates: Any) -> None:
    """Raise where groups or dates are given, and none of them is of these photographs."""
    known = {person for column in labels.values() for person in column}
    if labels and known.isdisjoint(people):
        raise ValueError("--labels names none of these people")
    if dates and dates.keys().isdisjoint(names):
        raise ValueError("--dates names none of these photographs: `person/file` is wanted")


def arrays_of(found: Searched) -> dict[str, NDArray[Any]]:
    """Return the scores of searches: what FPIR and FNIR can be computed by again."""
    return {"ranks": found.ranks, "own": found.own, "strangers": found.strangers}


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


def _date(dates: dict[str, float], file: Path) -> float:
    """Return when a photograph was taken, in years, NaN where that is not known."""
    return dates.get(f"{file.parent.name}/{file.name}", float("nan"))


def _dot(one: Taken, other: Taken) -> float:
    """Return the similarity, NaN where a face was not found."""
    both = len(one.embedding) and len(other.embedding)
    return float(one.embedding @ other.embedding) if both else float("nan")
