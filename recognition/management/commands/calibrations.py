"""``manage.py calibrations``: list what error rates were measured, and say which are in force."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from recognition.curves import Calibration
from recognition.management.base import FAILED, ServiceCommand
from recognition.models import StoredCalibration
from recognition.runtime import EMBEDDERS
from recognition.services.calibrations import activate, deactivate


class Command(ServiceCommand):
    """List calibrations, activate one, or return to those that ship."""

    help = (
        "List the calibrations: those that ship with the embedders, and those stored by "
        "`evaluate --calibrate`. One is in force for each embedder, marked by *."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        one = parser.add_mutually_exclusive_group()
        one.add_argument("--activate", metavar="NAME", help="decide by this one from now on")
        one.add_argument(
            "--shipped",
            metavar="EMBEDDER",
            choices=list(EMBEDDERS),
            help="decide by the one that ships with an embedder again",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["activate"]:
            self.activate(options["activate"])
        if options["shipped"]:
            deactivate(options["shipped"], actor=self.actor)
        stored = list(StoredCalibration.objects.all())
        active = {one.embedder for one in stored if one.active}
        for embedder in EMBEDDERS:
            self.tell(Calibration.of(embedder), embedder not in active)
        for one in stored:
            self.tell(Calibration.read(one.document), one.active, one.name)

    def activate(self, name: str) -> None:
        """Put a stored calibration in force."""
        found = StoredCalibration.objects.filter(name=name).first()
        if found is None:
            raise CommandError(f"There is no stored calibration {name!r}.", returncode=FAILED)
        activate(found, actor=self.actor)

    def tell(self, calibration: Calibration, active: bool, name: str = "") -> None:
        """Write one line."""
        measured = f"measured on {calibration.data_set}" if calibration.measured else "not measured"
        mark = "*" if active else " "
        self.stdout.write(f"{mark} {name or calibration.id}\t{calibration.embedder}\t{measured}")
