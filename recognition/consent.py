"""On what ground somebody is known, for how long that holds, and how long they are kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from recognition.errors import RecognitionError

UNSET, CONSENT = "unset", "consent"
#: GDPR, article 6(1); for faces that identify people article 9 asks for consent, as a rule.
BASES = [
    (UNSET, _("unset")),
    (CONSENT, _("consent")),
    ("contract", _("contract")),
    ("legal_obligation", _("legal obligation")),
    ("legitimate_interest", _("legitimate interest")),
]
DATES = ("consent_given", "consent_expires", "retain_until")
CONSENT_FIELDS = ("lawful_basis", "consent_version", *DATES)
LONGEST_VERSION = 64
LONGEST_RETENTION = 36500  # days, a hundred years; of EVENTS_KEEP, too


def today() -> date:
    """Return the day that it is in ``TIME_ZONE``."""
    return timezone.localdate()


def may_be_matched(whose: str = "") -> Q:
    """Return what ``CONSENT_REQUIRED`` asks of people who are matched: nothing without it.

    ``whose``: the way to the person from other rows, such as ``subject__``.
    """
    if not settings.CONSENT_REQUIRED:
        return Q()
    now, ends = today(), f"{whose}consent_expires"
    lasting = Q((ends, None)) | Q((f"{ends}__gte", now))
    given = Q((f"{whose}lawful_basis", CONSENT), (f"{whose}consent_given__lte", now))
    return given & lasting


def as_json(consent: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``consent`` with its dates as texts."""
    return {n: v.isoformat() if isinstance(v, date) else v for n, v in consent.items()}


def from_json(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return what ``as_json`` was given."""
    return {
        name: date.fromisoformat(value) if value and name in DATES else value
        for name, value in kept.items()
        if name in CONSENT_FIELDS
    }


class Retaining(models.Model):
    """How long a ``Gallery`` keeps people whom nobody sees."""

    retention_unmatched_days = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MaxValueValidator(LONGEST_RETENTION)],
        help_text="Days without a match after which people are erased, 0 for never; replaces "
        "RETENTION_UNMATCHED_DAYS.",
    )

    class Meta:
        abstract = True


class Lawful(models.Model):
    """What a ``Subject`` says of the ground on which they are known, and of its end.

    The last days are part of the time: consent holds on ``consent_expires``, and somebody is
    still kept on ``retain_until``.
    """

    lawful_basis = models.CharField(
        max_length=20, choices=BASES, default=UNSET, help_text="On what ground the person is known."
    )
    consent_version = models.CharField(
        max_length=LONGEST_VERSION, blank=True, help_text="Which text was agreed to."
    )
    consent_given = models.DateField(null=True, blank=True, help_text="On which day.")
    consent_expires = models.DateField(
        null=True, blank=True, help_text="The last day on which the consent holds."
    )
    retain_until = models.DateField(
        null=True, blank=True, help_text="The last day on which the person is kept."
    )

    class Meta:
        abstract = True

    @property
    def consent(self) -> dict[str, Any]:
        """What stands here, by ``CONSENT_FIELDS``."""
        return {name: getattr(self, name) for name in CONSENT_FIELDS}

    @property
    def consent_valid(self) -> bool:
        """Whether consent was given and holds today; ``may_be_matched`` asks the same in SQL."""
        given, expires, now = self.consent_given, self.consent_expires, today()
        begun = self.lawful_basis == CONSENT and given is not None and given <= now
        return begun and (expires is None or expires >= now)

    def set_consent(self, changes: Mapping[str, Any]) -> None:
        """Set what ``changes`` has of ``CONSENT_FIELDS``; consent without a date is given today.

        Raises ``invalid_request`` where it would end before it began.
        """
        is_new = self.lawful_basis != CONSENT or self.consent_given is None
        for name in CONSENT_FIELDS:
            if name in changes:
                setattr(self, name, changes[name])
        said_now = "lawful_basis" in changes and "consent_given" not in changes
        if self.lawful_basis == CONSENT and is_new and said_now:
            self.consent_given = today()
        if (
            self.consent_given
            and self.consent_expires
            and self.consent_expires < self.consent_given
        ):
            sentence = "Consent cannot end before it was given."
            errors = {"consent_expires": [sentence]}
            raise RecognitionError("invalid_request", sentence, errors=errors)

    def agree(self, consent: Mapping[str, Any], *, default: bool) -> None:
        """Set ``consent``, as a ``default`` only where nothing is said yet.

        Raises ``consent_required`` as ``demand_consent`` does.
        """
        if default and self.lawful_basis != UNSET:
            consent = {n: v for n, v in consent.items() if n == "retain_until"}
        if default and self.retain_until:
            consent = {n: v for n, v in consent.items() if n != "retain_until"}
        self.set_consent(consent)
        self.demand_consent()

    def demand_consent(self) -> None:
        """Raise ``consent_required`` where ``CONSENT_REQUIRED`` is set and no consent is valid."""
        if not settings.CONSENT_REQUIRED or self.consent_valid:
            return
        # Names nobody: an event keeps what is said in a refusal of this status.
        said = "No consent of this person is known."
        if self.lawful_basis == CONSENT and self.consent_given:
            over = self.consent_expires is not None and self.consent_expires < today()
            said = f"The consent of this person ended with {self.consent_expires}."
            said = said if over else f"The consent of this person begins on {self.consent_given}."
        raise RecognitionError("consent_required", said)
