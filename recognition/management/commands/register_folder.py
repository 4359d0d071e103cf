"""Register a folder of folders, one a person."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from recognition import runtime, services
from recognition.errors import RecognitionError
from recognition.management.arguments import add_consent, consent
from recognition.management.base import FAILED, INCOMPLETE, GalleryCommand
from recognition.management.folders import Person, Plan, planned
from recognition.management.jobs import add_jobs, each, progress
from recognition.management.pictures import read
from recognition.models import Gallery, Reference
from recognition.services import RegisterOptions
from recognition.services.folders import shown
from recognition.services.registration import refusal
from recognition.services.results import Match, Upload

LEFT_OUT = ("suppressed", "consent_required")  # what speaks against the person, not a picture
NAMED = 20  # how many of the files that are passed over are named


@dataclass(slots=True)
class Tally:
    """What became of pictures: how many are new, how many were there, which were refused."""

    new: int = 0
    there: int = 0
    refused: list[str] = field(default_factory=list)
    alike: list[str] = field(default_factory=list)

    def refuse(self, path: Path, picture: Mapping[str, Any]) -> None:
        said = f"{picture['code']}: {picture['detail']} {picture['hint']}"
        self.refused.append(f"{shown(path)}: {said}")

    def add(self, other: Tally) -> None:
        self.new += other.new
        self.there += other.there
        self.refused += other.refused
        self.alike += other.alike


class Command(GalleryCommand):
    help = (
        "Register DIR/<user_id>/*: one folder a person. Where a folder's name is no user_id it is "
        "the person's name, and the user_id is made of it. A second run adds nothing. Consent is "
        "that of people who have no lawful basis yet. Exit status "
        "1: some pictures or folders were left out; 2: an error."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("folder", type=Path, metavar="DIR", help="the folder of folders")
        add_jobs(parser)
        add_consent(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        gallery, root = self.chosen_gallery(options), options["folder"]
        if not root.is_dir():
            raise CommandError(f"{shown(root)} is no folder.", returncode=FAILED)
        plan, tally, people = planned(root, gallery), Tally(), 0
        self.consent = consent(options)
        with progress(sum(len(person.pictures) for person in plan.people), options) as bar:
            for done, count in each(
                partial(self.registered, gallery), plan.people, jobs=options["jobs"]
            ):
                tally.add(done)
                people += bool(done.new)
                bar.update(count)
        self.tell(plan, tally, people)

    def registered(self, gallery: Gallery, person: Person) -> tuple[Tally, int]:
        """Register what is new of one person; return what became of it, and of how many."""
        tally = Tally()
        owned = Reference.objects.filter(subject__gallery=gallery, subject__user_id=person.user_id)
        current = owned.filter(embedder=runtime.embedder_of(gallery))  # others are made anew
        known = set(current.values_list("source_sha256", flat=True))
        for paths in _batched(person.pictures):
            fresh = _fresh(paths, known, tally)
            if fresh:
                self.register(gallery, person, fresh, tally)
        return tally, len(person.pictures)

    def register(
        self, gallery: Gallery, person: Person, fresh: dict[Path, Upload], tally: Tally
    ) -> None:
        """Register up to ten pictures of one person."""
        options = RegisterOptions(
            display_name=person.display_name or None, bulk=True, consent=self.consent
        )
        uploads, paths = list(fresh.values()), list(fresh)
        try:
            done = services.register(gallery, person.user_id, uploads, options, self.actor)
        except RecognitionError as error:
            if error.code in LEFT_OUT:
                for path in paths:
                    told = {"code": error.code, "detail": error.detail, "hint": error.hint}
                    tally.refuse(path, told)
                return
            if "rejected" not in error.extra:
                raise
            rejected = error.extra["rejected"]
        else:
            rejected = [refusal(one) for one in done.rejected]
            tally.new += sum(picture.new for picture in done.accepted)
            tally.there += sum(not picture.new for picture in done.accepted)
            tally.alike += [_alike(person, match) for match in done.possible_duplicates]
        for picture in rejected:
            tally.refuse(paths[picture["index"]], picture)

    def tell(self, plan: Plan, tally: Tally, people: int) -> None:
        """Write the sum on stdout, and on stderr what needs looking at."""
        if tally.new:
            self.stdout.write(f"Registered: {tally.new} pictures of {people} people.")
        else:
            self.stdout.write("Nothing was added.")
        self.stdout.write(f"Registered before: {tally.there} pictures.")
        self.tell_of("Passed over", plan.passed_over, most=NAMED)
        self.tell_of("Faces that look like somebody else's", tally.alike)
        self.tell_of("Folders left out", plan.left_out)
        self.tell_of("Pictures refused", tally.refused)
        if plan.left_out or tally.refused:
            refused, left_out = len(tally.refused), len(plan.left_out)
            message = f"{refused} pictures were refused, {left_out} folders left out."
            raise CommandError(message, returncode=INCOMPLETE)

    def tell_of(self, title: str, lines: list[str], *, most: int | None = None) -> None:
        """Write lines under a title, at the ``most`` so many."""
        if not lines:
            return
        more = len(lines) - len(lines[:most])
        shown_lines = [*lines[:most], *([f"and {more} more"] if more else [])]
        self.stderr.write("\n  ".join([f"{title}: {len(lines)}", *shown_lines]))


def _batched(paths: list[Path]) -> Iterator[list[Path]]:
    for first in range(0, len(paths), settings.MAX_IMAGES):
        yield paths[first : first + settings.MAX_IMAGES]


def _fresh(paths: list[Path], known: set[str], tally: Tally) -> dict[Path, Upload]:
    """Return the pictures that are not registered, read; the tally tells of the others."""
    fresh: dict[Path, Upload] = {}
    for path in paths:
        try:
            upload = read(path)
        except RecognitionError as error:
            tally.refuse(path, {"code": error.code, "detail": error.detail, "hint": error.hint})
            continue
        if hashlib.sha256(upload.data).hexdigest() in known:
            tally.there += 1
        else:
            fresh[path] = upload
    return fresh


def _alike(person: Person, match: Match) -> str:
    return f"{person.user_id} looks like {match.user_id}: similarity {match.similarity:.4f}"
