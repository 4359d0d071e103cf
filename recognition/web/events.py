"""Events as the console's tables show them: with names for numbers, and the best similarity."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from recognition.decisions import MATCH
from recognition.models import Event, Subject, in_parts


@dataclass(frozen=True, slots=True)
class Line:
    """One event. ``people``: who was meant or named and is still registered; ``erased``: how
    many were and are not. ``similarity``: the best there was, None where nothing was compared.
    """

    event: Event
    people: list[Subject]
    erased: int
    similarity: float | None
    threshold: float | None


def lines(events: Sequence[Event]) -> list[Line]:
    """Return what is shown of ``events``; one query names all people."""
    numbers = {event.pk: numbers_of(event) for event in events}
    who = people_by_number(number for some in numbers.values() for number in some)
    return [_line(event, numbers[event.pk], who) for event in events]


def _line(event: Event, numbers: list[int], who: dict[int, Subject]) -> Line:
    people = [who[number] for number in numbers if number in who]
    threshold = event.decision.get("threshold")
    return Line(event, people, len(numbers) - len(people), best_similarity(event), threshold)


def numbers_of(event: Event) -> list[int]:
    """Return the numbers of those whom an event was about or named, each once."""
    meant = [] if event.subject_number is None else [event.subject_number]
    named = [
        face["candidates"][0]["subject"]
        for face in _faces(event)
        if face.get("status") == MATCH and face.get("candidates")
    ]
    return list(dict.fromkeys([*meant, *named]))


def best_similarity(event: Event) -> float | None:
    found = [event.decision.get("similarity")]
    for face in _faces(event):
        found += [candidate["similarity"] for candidate in face.get("candidates", [])]
    return max((value for value in found if value is not None), default=None)


def _faces(event: Event) -> Iterator[dict]:
    faces = event.decision.get("faces")
    # /detect keeps their number alone.
    yield from faces if isinstance(faces, list) else []


def people_by_number(numbers: Iterable[int]) -> dict[int, Subject]:
    """Return those of ``numbers`` who are still registered, with their galleries."""
    return {
        subject.number: subject
        for part in in_parts(set(numbers))
        for subject in Subject.objects.filter(number__in=part).select_related("gallery")
    }
