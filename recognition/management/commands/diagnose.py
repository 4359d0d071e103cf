"""Say what is the matter with one person."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser
from django.core.serializers.json import DjangoJSONEncoder

from recognition.management.base import GalleryCommand
from recognition.services.diagnosing import Diagnosis, diagnose

SHOWN = 10  # attempts


class Command(GalleryCommand):
    help = (
        "Look at one person: their references against each other, the weakest first, the people "
        "who resemble them, attempts that nearly named them, and what to do."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("user_id", help="whom to look at")
        parser.add_argument("--json", action="store_true", help="write one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        found = diagnose(self.chosen_gallery(options), options["user_id"])
        if options["json"]:
            self.stdout.write(json.dumps(asdict(found), indent=2, cls=DjangoJSONEncoder))
        else:
            self.stdout.write("\n".join(lines_of(found)))


def lines_of(found: Diagnosis) -> list[str]:
    """Return the diagnosis for people to read."""
    lines = [
        f"{found.user_id}: {len(found.references)} references, threshold {found.threshold:.3f}"
    ]
    lines += ["References, the weakest first (similarity to the mean of the others):"]
    for one in found.references:
        near = "the only one" if one.to_others is None else f"{one.to_others:.3f}"
        lines.append(
            f"  {one.reference_id}  {near}  {one.size:.0f} px, sharpness {one.sharpness:.2f}"
        )
    lines += ["Nearest other people:"]
    lines += [f"  {m.user_id}  {m.similarity:.3f} of {m.threshold:.3f}" for m in found.neighbours]
    lines += [f"Attempts that were near: {len(found.attempts)}"]
    lines += [
        f"  decision {a.decision_id}, {a.act}: {a.similarity:.3f} of {a.threshold:.3f}"
        for a in found.attempts[:SHOWN]
    ]
    return [*lines, "Advice:", *(f"  {said}" for said in found.advice)]
