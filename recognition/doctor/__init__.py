"""Looking an installation over (``manage.py doctor``): each check says what it found."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from django.db import Error as DatabaseError

from recognition.doctor import inside, machine, secrets, stores
from recognition.doctor.verdict import (
    FAULT,
    OK,
    WARNING,
    Verdict,
    fault,
    first_line,
    warning,
)
from recognition.errors import RecognitionError

__all__ = ["CHECKS", "FAULT", "OK", "WARNING", "Verdict", "examine"]

CHECKS: tuple[Callable[[], Iterator[Verdict]], ...] = (
    stores.database,
    machine.processor,
    machine.memory,
    machine.disk,
    machine.data_folder,
    machine.clock,
    stores.redis,
    stores.milvus,
    secrets.secret_key,
    secrets.master_key,
    secrets.people_have_keys,
    inside.networks,
    inside.calibrations,
    inside.worker,
    inside.erasures,
    inside.events,
    inside.settings_as_deployed,
)


def examine() -> Iterator[Verdict]:
    """Yield what every check finds; what a check itself cannot do is a finding too."""
    for check in CHECKS:
        topic = check.__name__.replace("_", " ")
        try:
            yield from check()
        except DatabaseError as error:
            said = f"Not looked at, for the database does not tell: {first_line(error)}."
            yield warning(topic, said, "Mend the database first, then ask again.")
        except RecognitionError as error:
            yield fault(topic, error.detail, error.hint)
        except OSError as error:
            yield fault(topic, f"It cannot be looked at: {error}.", "See that the file is there.")
