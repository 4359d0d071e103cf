"""What must stay secret, and must not be lost."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from recognition import vault
from recognition.checks import KNOWN_EXAMPLES
from recognition.doctor.verdict import Verdict, fault, ok, warning
from recognition.models import Subject
from recognition.services.people import numbers_at_random
from recognition.vault.master import parse

SHORTEST, FEWEST = 32, 10  # characters, and different ones
SAMPLE = 1000  # people whose keys are tried


def secret_key() -> Iterator[Verdict]:
    key = settings.SECRET_KEY
    known = any(example in key.lower() for example in (*KNOWN_EXAMPLES, "insecure"))
    if len(key) < SHORTEST or len(set(key)) < FEWEST or known:
        said = "SECRET_KEY can be guessed, and with it anybody's session be made."
        yield fault("secret key", said, "Leave it out: one is made at random in the data folder.")
    else:
        yield ok("secret key", f"SECRET_KEY has {len(key)} characters.")


def master_key() -> Iterator[Verdict]:
    if settings.FACE_MASTER_KEY:
        yield ok("master key", "It comes from the environment.")  # checked by facesite.E030
        return
    path = settings.FACE_MASTER_KEY_FILE
    if not path.exists():
        yield _without(path)
        return
    found = path.stat()
    if mode := stat.S_IMODE(found.st_mode) & 0o077:
        said = f"Others may read {path} (mode {stat.S_IMODE(found.st_mode):o}, {mode:o} too much)."
        yield fault("master key", said, f"chmod 600 '{path}'")
    if found.st_uid != os.geteuid():
        said = f"{path} belongs to user {found.st_uid}, this is {os.geteuid()}."
        yield warning("master key", said, "Let it belong to who runs the service.")
    try:
        count = len(parse(path.read_text()).keys)
    except ValueError as error:
        yield fault("master key", f"{path}: {error}.", "Put the right file back, from your copy.")
        return
    yield ok("master key", f"{path} holds {count}. Keep a copy, apart from the backups.")


def _without(path: Path) -> Verdict:
    if Subject.objects.exists():
        said = f"{path} is gone, and people are registered: their faces cannot be read."
        return fault("master key", said, "Put it back; FACE_MASTER_KEY_FILE says where it is.")
    return ok("master key", f"{path} is made when somebody is registered first.")


def people_have_keys() -> Iterator[Verdict]:
    """Open the keys of people taken at random: their numbers are random."""
    if not (settings.FACE_MASTER_KEY or settings.FACE_MASTER_KEY_FILE.exists()):
        return
    numbers = numbers_at_random(SAMPLE)
    if not numbers:
        yield ok("people's keys", "Nobody is registered.")
        return
    locked = len(numbers) - len(vault.keys_of(numbers))
    if locked:
        said = f"Of {len(numbers):,} people, {locked:,} have no key that opens: nobody finds them."
        remedy = (
            "See that KEYS_DATABASE_URL and the master key are those that they were registered "
            "with; `manage.py erasure_check` looks at everybody."
        )
        yield fault("people's keys", said, remedy)
    else:
        yield ok("people's keys", f"Those of {len(numbers):,} people open.")
