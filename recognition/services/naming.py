"""Who may be named: people by their numbers, as they are called now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from recognition.consent import may_be_matched
from recognition.decisions import Policy
from recognition.gallery.exact import Candidate
from recognition.models import Gallery, Subject, in_parts
from recognition.services.results import Match


@dataclass(frozen=True, slots=True)
class Named:
    """Who may be named: what they are called, and of how many references their template is."""

    user_id: str
    display_name: str
    references: int


def people(gallery: Gallery, numbers: Iterable[int]) -> dict[int, Named]:
    """Return those of ``numbers`` who may be named now.

    The database is asked each time: a consent ends at midnight, which no index is told of.
    """
    # By number alone: asked for the gallery too, SQLite reads the whole of it.
    asked = ("number", "gallery_id", "active", "user_id", "display_name", "template__references")
    allowed = may_be_matched()
    rows = (
        row
        for part in in_parts(numbers)
        for row in Subject.objects.filter(allowed, number__in=part).values_list(*asked)
    )
    return {
        number: Named(user_id, display_name, references or 1)
        for number, owner, active, user_id, display_name, references in rows
        if owner == gallery.pk and active
    }


def match(who: Mapping[int, Named], candidate: Candidate, policy: Policy) -> Match:
    """Return ``candidate`` as answers name them."""
    person = who[candidate.subject_number]
    limit = policy.threshold_for(person.references)
    return Match(person.user_id, person.display_name, candidate.similarity, limit)


def named(gallery: Gallery, similarities: Mapping[int, float], policy: Policy) -> list[Match]:
    """Return people by their numbers with the similarities given."""
    who = people(gallery, similarities)
    return [match(who, Candidate(number, similarities[number]), policy) for number in who]
