"""The review queue: merge two people, move a reference, set it aside, or call it not the same.

Each step notes how things were before, and is undone by bringing just that about again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from recognition import runtime, vault
from recognition.errors import RecognitionError
from recognition.findings import (
    ALIKE,
    CONFUSABLE,
    DONE,
    NEARER,
    NOT_SAME,
    OPEN,
    OUTLIER,
    Finding,
    ReviewStep,
)
from recognition.models import (
    Gallery,
    GalleryChange,
    OtherEmbedding,
    Reference,
    Subject,
    in_parts,
)
from recognition.services.people import data_key, record_all
from recognition.services.results import Actor

SEALED = ("sealed_embedding", "sealed_crop", "sealed_context")
State = dict[str, dict[str, Any]]  # {"references": {id: [number, aside]}, "active": {number: bool}}


@dataclass(frozen=True, slots=True)
class Listed:
    """A finding with the people as they are called now."""

    finding: Finding
    person: str
    other: str | None

    @property
    def why(self) -> str:
        return why(self)


def queue(gallery: Gallery) -> list[Listed]:
    """Return the open findings, worst first.

    Those about people who were merged away or made inactive since are left out.
    """
    found = list(Finding.objects.filter(gallery=gallery, status=OPEN))
    names = _names({n for f in found for n in (f.person, f.other) if n is not None})
    return [
        Listed(f, names[f.person], names.get(f.other) if f.other else None)
        for f in found
        if f.person in names and (f.other is None or f.other in names)
    ]


def why(listed: Listed) -> str:
    """Say what is suspicious."""
    finding, person, other = listed.finding, listed.person, listed.other
    named = ", ".join(finding.references)
    if finding.kind == ALIKE:
        return f"{person} and {other} look like one person ({finding.near:.3f})"
    if finding.kind == CONFUSABLE:
        return f"{person} and {other} may be confused ({finding.near:.3f})"
    if finding.kind == NEARER:
        said = f"{finding.near:.3f} to {other}, {finding.own:.3f} to the others of {person}"
        return f"{named}: {said}"
    if finding.kind == OUTLIER:
        return f"{named}: only {finding.own:.3f} to the others of {person}"
    return f"{named} of {person}: hardly good enough"


def _names(numbers: Iterable[int]) -> dict[int, str]:
    rows = Subject.objects.filter(active=True)
    return {
        number: user_id
        for part in in_parts(numbers)
        for number, user_id in rows.filter(number__in=part).values_list("number", "user_id")
    }


def find_finding(gallery: Gallery, key: int) -> Finding:
    """Return an open finding, or raise ``not_found``."""
    found = Finding.objects.filter(gallery=gallery, pk=key, status=OPEN).first()
    if found is None:
        raise RecognitionError("not_found", f"There is no open finding {key}.")
    return found


def merge(finding: Finding, *, keep: str, actor: Actor) -> ReviewStep:
    """Give all references of both people to the one called ``keep``; the other turns inactive.

    A picture that both have stays where it is.
    """
    return _step("merge", finding, lambda now: _merged(now, keep), actor)


def _merged(finding: Finding, keep: str) -> State:
    people = _people(finding)
    kept = next((p for p in people if p.user_id == keep), None)
    if kept is None or len(people) < 2:
        raise _wrong("keep", f"{keep!r} is none of the two people of this finding.")
    [gone] = [p for p in people if p is not kept]
    known = set(kept.references.values_list("source_sha256", flat=True))
    moved = gone.references.exclude(source_sha256__in=known).values_list("pk", "aside")
    number = _active(kept.number)
    return {
        "references": {str(pk): [number, aside] for pk, aside in moved},
        "active": {str(gone.number): False},
    }


def move(finding: Finding, *, reference: str = "", actor: Actor) -> ReviewStep:
    """Give a reference to the other person, whom it resembles more."""
    if finding.other is None:
        raise _wrong("finding", "This finding names no other person.")
    return _step(
        "move", finding, lambda now: _one(now, reference, [_active(now.other), False]), actor
    )


def set_aside(finding: Finding, *, reference: str = "", actor: Actor) -> ReviewStep:
    """Take a reference out of its person's template; it is kept, and can be brought back."""
    return _step("set_aside", finding, lambda now: _one(now, reference, [now.person, True]), actor)


def not_same(finding: Finding, *, actor: Actor) -> ReviewStep:
    """Remember that there is nothing to do about this, in later audits too."""
    return _step("not_same", finding, lambda now: {}, actor, status=NOT_SAME)


def undo(gallery: Gallery, key: int, *, actor: Actor) -> ReviewStep:
    """Bring about what was before a step; its finding is open again.

    References that were erased since stay so. Raises ``not_found`` where nothing else is left of
    the step, or somebody is erased.
    """
    with transaction.atomic():
        GalleryChange.lock()
        step = ReviewStep.objects.filter(gallery=gallery, pk=key, undone=False).first()
        if step is None:
            raise RecognitionError("not_found", f"There is no step {key} that can be undone.")
        _refuse_built_upon(step)
        _bring_about(gallery, _still_there(gallery, step.before), actor)
        ReviewStep.objects.filter(pk=step.pk).update(undone=True)
        if step.finding is not None:
            Finding.objects.filter(pk=step.finding.pk).update(status=OPEN)
    step.undone = True
    return step


def _still_there(gallery: Gallery, before: State) -> State:
    """Return ``before`` without the references that were erased since."""
    asked = before.get("references", {})
    rows = Reference.objects.filter(subject__gallery=gallery)
    there = {
        str(pk)
        for part in in_parts(asked)
        for pk in rows.filter(pk__in=part).values_list("pk", flat=True)
    }
    if asked and not there and not before.get("active"):
        raise _erased()
    return {**before, "references": {name: asked[name] for name in asked if name in there}}


def _erased() -> RecognitionError:
    return RecognitionError("not_found", "Somebody or a reference was erased in between.")


def _refuse_built_upon(step: ReviewStep) -> None:
    """Raise where a later step that stands is about the same references or people."""
    owners = {str(number) for number, _ in step.before.get("references", {}).values()}
    later = ReviewStep.objects.filter(gallery=step.gallery_id, pk__gt=step.pk, undone=False)
    for key, before in later.values_list("pk", "before"):
        if (_changed(step.before) | owners) & _changed(before):
            raise _wrong("id", f"Step {key} is built upon this one: undo that first.")


def _changed(before: State) -> set[str]:
    """Return the references, and the numbers of people, that a step changed."""
    return {name for kind in ("references", "active") for name in before.get(kind, {})}


def _people(finding: Finding) -> list[Subject]:
    numbers = [n for n in (finding.person, finding.other) if n is not None]
    return list(Subject.objects.filter(gallery_id=finding.gallery_id, number__in=numbers))


def _one(finding: Finding, reference: str, wanted: list[Any]) -> State:
    """Return the state in which one reference is as ``wanted``; the most suspect if none is named.

    Raises ``invalid_request`` where it is somebody else's by now.
    """
    if not finding.references or (reference and reference not in finding.references):
        raise _wrong("reference", "It is no reference of this finding.")
    chosen = str(reference or finding.references[0])
    others = Reference.objects.filter(pk=chosen).exclude(subject__number=finding.person)
    if others.exists():
        raise _wrong("reference", "It is another person's by now. Audit the gallery again.")
    return {"references": {chosen: wanted}}


def _active(number: int | None) -> int | None:
    """Return ``number``, or raise where it is somebody inactive: merged away since the audit."""
    if number is not None and Subject.objects.filter(number=number, active=False).exists():
        raise _wrong("person", "Nobody inactive can be given a reference. Audit the gallery again.")
    return number


def _wrong(name: str, sentence: str) -> RecognitionError:
    return RecognitionError("invalid_request", sentence, errors={name: [sentence]})


def _step(
    act: str,
    finding: Finding,
    wanted: Callable[[Finding], State],
    actor: Actor,
    *,
    status: str = DONE,
) -> ReviewStep:
    """Settle a finding that is still open; what is ``wanted`` is asked for under the lock."""
    with transaction.atomic():
        GalleryChange.lock()
        finding = find_finding(finding.gallery, finding.pk)
        before = _bring_about(finding.gallery, wanted(finding), actor)
        Finding.objects.filter(pk=finding.pk).update(status=status)
        return ReviewStep.objects.create(
            gallery=finding.gallery, finding=finding, actor=actor.name, act=act, before=before
        )


def _bring_about(gallery: Gallery, wanted: State, actor: Actor) -> State:
    """Make references and people as ``wanted``; return how they were.

    Raises ``not_found`` where one of them is erased, and changes nothing then.
    """
    asked = wanted.get("references", {})
    rows = Reference.objects.filter(subject__gallery=gallery, pk__in=list(asked))
    references = {str(r.pk): r for r in rows.select_related("subject")}
    numbers = {number for number, _ in asked.values()} | set(map(int, wanted.get("active", {})))
    numbers |= {r.subject.number for r in references.values()}
    people = {
        p.number: p
        for p in Subject.objects.filter(gallery=gallery, number__in=list(numbers)).select_related(
            "gallery"
        )
    }
    if len(references) < len(asked) or len(people) < len(numbers):
        raise _erased()
    _refuse_second_copies(references, people, asked)
    before = _as_they_are(references, people, wanted)
    keys = _keys(references, people, asked)
    for name, (number, aside) in asked.items():
        _give(references[name], people[number], keys)
        references[name].aside = aside
    Reference.objects.bulk_update(references.values(), ["subject", "aside", *SEALED], batch_size=50)
    for number, active in wanted.get("active", {}).items():
        people[int(number)].active = active
        people[int(number)].save(update_fields=["active", "updated"])
    for person in people.values():
        person.make_template()
    GalleryChange.append("put", people.values())
    record_all("review", people.values(), actor)
    transaction.on_commit(runtime.publish)
    return before


def _keys(
    references: Mapping[str, Reference],
    people: Mapping[int, Subject],
    asked: Mapping[str, list[Any]],
) -> Mapping[int, bytes]:
    """Return the data keys of who gives references away and of who gets them.

    These may have none yet where nothing of theirs is sealed. Raises ``not_ready`` where one is
    gone.
    """
    moved = {name: number for name, (number, _) in asked.items()}
    moved = {n: to for n, to in moved.items() if references[n].subject.number != to}
    givers = {references[name].subject.number for name in moved}
    getting = {number: data_key(people[number]) for number in set(moved.values())}
    return {number: vault.key_of(number) for number in givers} | getting


def _refuse_second_copies(
    references: Mapping[str, Reference],
    people: Mapping[int, Subject],
    asked: Mapping[str, list[Any]],
) -> None:
    """Raise where whoever is to get a reference has one of the same picture."""
    coming: dict[int, set[str]] = {}
    for name, reference in references.items():
        number = asked[name][0]
        if number != reference.subject.number:
            coming.setdefault(number, set()).add(reference.source_sha256)
    for number, pictures in coming.items():
        person = people[number]
        if person.references.filter(source_sha256__in=pictures).exists():
            sentence = f"{person.user_id!r} has a reference of the same picture: delete one first."
            raise _wrong("reference", sentence)


def _give(reference: Reference, person: Subject, keys: Mapping[int, bytes]) -> None:
    """Make a reference another person's: what is sealed is sealed anew, under their key."""
    if reference.subject_id == person.pk:
        return
    old, new = keys[reference.subject.number], keys[person.number]
    reference.seal_again(old, new)
    reference.subject = person
    for other in reference.others.all():
        embedding = other.open(old)
        other.sealed = OtherEmbedding.sealed_for(reference, other.embedder, embedding, new).sealed
        other.save(update_fields=["sealed"])


def _as_they_are(
    references: dict[str, Reference], people: dict[int, Subject], wanted: State
) -> State:
    return {
        "references": {key: [r.subject.number, r.aside] for key, r in references.items()},
        "active": {number: people[int(number)].active for number in wanted.get("active", {})},
    }
