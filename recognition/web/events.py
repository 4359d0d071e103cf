"""Events as the console's tables show them: with names for numbers, and the best similarity."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from recognition.models import Event, Sighting, Subject, in_parts


@dataclass(frozen=True, slots=True)
class Line:
    """One event. ``numbers``: of those who were meant or named; ``people``: who of them is still
    registered. ``similarity``: the best there was, None where nothing was compared.
    """

    event: Event
    numbers: list[int]
    people: list[Subject]
    similarity: float | None
    threshold: float | None

    @property
    def erased(self) -> int:
        return len(self.numbers) - len(self.people)


def lines(events: Sequence[Event]) -> list[Line]:
    """Return what is shown of ``events``; two queries find all people."""
    numbers = numbers_of(events)
    who = people_by_number(number for some in numbers.values() for number in some)
    return [_line(event, numbers[event.pk], who) for event in events]


def _line(event: Event, numbers: list[int], who: dict[int, Subject]) -> Line:
    people = [who[number] for number in numbers if number in who]
    return Line(event, numbers, people, best_similarity(event), event.decision.get("threshold"))


def numbers_of(events: Sequence[Event]) -> dict[int, list[int]]:
    """Return by event the numbers of those whom it was about or named, each once."""
    found = {
        event.pk: [] if event.subject_number is None else [event.subject_number] for event in events
    }
    for part in in_parts(found):
        named = Sighting.objects.filter(event__in=part).order_by("id")
        for pk, number in named.values_list("event", "subject_number"):
            if number not in found[pk]:
                found[pk].append(number)
    return found


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
