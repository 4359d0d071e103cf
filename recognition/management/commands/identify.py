"""Say who is in photographs (1:N)."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from recognition import services
from recognition.decisions import Wanted
from recognition.errors import RecognitionError
from recognition.management.arguments import add_wanted, wanted
from recognition.management.base import FAILED, INCOMPLETE, GalleryCommand, in_words
from recognition.management.jobs import add_jobs, beside_the_bar, each, progress
from recognition.management.pictures import found_in, read
from recognition.models import Gallery
from recognition.pipeline.types import Box
from recognition.services.folders import shown
from recognition.services.results import Identification, Match

COLUMNS = (
    "file", "face", "x", "y", "width", "height",
    "status", "user_id", "display_name", "similarity", "reason",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One face of one file; or a file without any, ``status`` no_face or the refusal's code."""

    file: str
    status: str
    reason: str
    face: int | None = None
    box: Box | None = None
    matches: tuple[Match, ...] = ()

    @property
    def named(self) -> tuple[Match, ...]:
        """The person named; several only where the decision is ``ambiguous``."""
        return self.matches if self.status == "ambiguous" else self.matches[:1]

    @property
    def user_id(self) -> str:
        return " ".join(match.user_id for match in self.named)

    def corners(self) -> dict[str, float]:
        """Return the box, rounded as the API does it."""
        box = self.box
        if box is None:
            return {}
        return {side: round(getattr(box, side), 1) for side in ("x", "y", "width", "height")}

    def as_text(self) -> str:
        """Return the line for people: columns separated by tabs."""
        box = ",".join(f"{side:.0f}" for side in self.corners().values()) or "-"
        if not self.matches:
            return "\t".join((self.file, box, self.status, "-", "-", self.reason))
        best = f"{self.matches[0].similarity:.4f}"
        return "\t".join((self.file, box, self.status, self.user_id, best))

    def as_row(self) -> dict[str, Any]:
        """Return the line by COLUMNS, for CSV."""
        row = {"file": self.file, "face": self.face, **self.corners()}
        row |= {"status": self.status, "reason": self.reason}
        if self.matches:
            names = "; ".join(match.display_name for match in self.named)
            best = round(self.matches[0].similarity, 6)
            row |= {"user_id": self.user_id, "display_name": names, "similarity": best}
        return row

    def as_json(self) -> str:
        """Return the line as one JSON object, named as in the API."""
        rounded = ("similarity", "threshold")
        people = [asdict(m) | {n: round(getattr(m, n), 6) for n in rounded} for m in self.matches]
        line = {"file": self.file, "face": self.face, "box": self.corners() or None}
        line |= {"status": self.status, "reason": self.reason, "matches": people}
        return json.dumps(line, ensure_ascii=False)


class Command(GalleryCommand):
    help = (
        "Say who is in photographs: one line a face, with file, box, status, user_id and "
        "similarity. Exit status 1: some files could not be read; 2: an error."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "images", nargs="+", type=Path, metavar="IMAGE", help="photographs, or folders of them"
        )
        form = parser.add_mutually_exclusive_group()
        form.add_argument("--json", action="store_true", help="write a JSON object for each face")
        form.add_argument("--csv", action="store_true", help="write CSV with a header")
        add_wanted(parser, "fpir", "the share of strangers to be named")
        add_jobs(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        gallery, found = self.chosen_gallery(options), found_in(options["images"])
        paths, refused = found.pictures, []
        if not paths:
            raise CommandError("There are no pictures.", returncode=FAILED)
        write = self.writer(options)
        look = partial(self.identified, gallery, wanted(options, "fpir"))
        with progress(len(paths), options) as bar:
            for lines, refusal in each(look, paths, jobs=min(options["jobs"], len(paths))):
                with beside_the_bar():
                    write(lines)
                    self.stdout.flush()
                refused += refusal
                bar.update()
        if found.others:
            self.stderr.write(f"{len(found.others)} files passed over: they are no pictures.")
        if refused:
            self.stderr.write("\n".join(refused))
            message = f"{len(refused)} of {len(paths)} files could not be read."
            raise CommandError(message, returncode=INCOMPLETE)

    def writer(self, options: dict[str, Any]) -> Callable[[list[Line]], None]:
        """Return what writes lines in the form asked for."""
        if options["csv"]:
            table = csv.DictWriter(self.stdout, COLUMNS, lineterminator="\n")
            table.writeheader()
            return lambda lines: table.writerows(line.as_row() for line in lines)
        shape = Line.as_json if options["json"] else Line.as_text
        return lambda lines: self.stdout.write("\n".join(shape(line) for line in lines))

    def identified(
        self, gallery: Gallery, asked: Wanted, path: Path
    ) -> tuple[list[Line], list[str]]:
        """Return the lines of one photograph, and what there is to say of it on stderr."""
        try:
            answer = services.identify(gallery, read(path), wanted=asked, actor=self.actor)
        except RecognitionError as error:
            if error.problem.status >= 500:
                raise
            line = Line(shown(path), error.code, error.detail)
            return [line], [f"{line.file}: {in_words(error)}"]
        return lines_of(shown(path), answer), []


def lines_of(file: str, answer: Identification) -> list[Line]:
    """Return a line for each face, or one that says there is none."""
    if not answer.faces:
        return [Line(file, "no_face", "No face was found.")]
    return [
        Line(file, found.decision.status, found.decision.reason, index, found.face.box,
             tuple(found.matches))
        for index, found in enumerate(answer.faces)
    ]  # fmt: skip
