"""What commands have in common: the actor, how they are refused, and the name of a gallery.

Exit status: 0 all done, or yes; 1 no, or something could not be used; 2 an error, which ended the
command: what was done before it stays.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.utils import InterfaceError, OperationalError, ProgrammingError

from recognition import services
from recognition.errors import RecognitionError
from recognition.models import DEFAULT_GALLERY, Gallery
from recognition.services.folders import shown
from recognition.services.results import Actor

INCOMPLETE, FAILED = 1, 2
# Whose usual hint speaks of fields and calls. Of pictures it says more to who can give a --face.
OF_CALLS = {"invalid_request", "not_found", "user_not_found", "gallery_not_found", "suppressed"}


class ServiceCommand(BaseCommand):
    """A command that a refusal ends with its detail and its hint, and a file with its name."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        if options["verbosity"] < 2:  # what a server logs would cut through answers and bars
            logging.getLogger("recognition.gallery").setLevel(logging.WARNING)
        try:
            output = super().execute(*args, **options)
            self.stdout.flush()
            return output
        except BrokenPipeError:  # whoever read the answer, as in `| head`, has read enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(INCOMPLETE)
        except RecognitionError as error:
            self.list_refused(error.extra.get("rejected", ()))
            raise CommandError(in_words(error), returncode=FAILED) from error
        except (InterfaceError, OperationalError, ProgrammingError) as error:
            message = f"The database does not answer: {error}. Did `manage.py prepare` run?"
            raise CommandError(message, returncode=FAILED) from error
        except OSError as error:  # of a file or folder that was named, or of the data folder
            where = "" if error.filename is None else f"{shown(error.filename)}: "
            raise CommandError(f"{where}{error.strerror or error}.", returncode=FAILED) from error

    @property
    def actor(self) -> Actor:
        """Who acts, as events name it: the command."""
        return Actor(f"command:{type(self).__module__.rpartition('.')[2]}")

    def list_refused(self, rejected: Iterable[Mapping[str, Any]]) -> None:
        """Write refused pictures, as ``services`` describes them, to stderr."""
        for picture in rejected:
            name, code = shown(picture["filename"]), picture["code"]
            self.stderr.write(f"{name}: {code}: {picture['detail']} {picture['hint']}")


class GalleryCommand(ServiceCommand):
    """A command about one gallery."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--gallery",
            default=DEFAULT_GALLERY,
            metavar="NAME",
            help="the gallery meant (default: %(default)s)",
        )

    @staticmethod
    def chosen_gallery(options: Mapping[str, Any]) -> Gallery:
        """Return the gallery named on the command line, or raise ``gallery_not_found``."""
        return services.find_gallery(options["gallery"])


def in_words(error: RecognitionError) -> str:
    """Return a refusal in one line: code, what is wrong, what to do."""
    remedy = error.advice if error.code in OF_CALLS else error.hint
    return f"{error.code}: {error.detail} {remedy}"
