"""Auditing a gallery and settling what was found, on real faces."""

from __future__ import annotations

import pytest

from recognition import services
from recognition.errors import RecognitionError
from recognition.findings import Finding
from recognition.models import Event, PersonTemplate, Reference, Subject
from recognition.services import review
from recognition.services.auditing import audit
from tests.commands.conftest import run
from tests.conftest import TESTER


@pytest.fixture
def mislabelled(gallery, register):
    """Register Biden twice, and once under Obama's id; return that reference's id."""
    for user_id, photograph in (("barack", "obama"), ("barack", "obama2"), ("joe", "biden")):
        register(user_id, photograph)
    return register("barack", "astronaut").accepted[0].reference_id


@pytest.fixture
def twice(gallery, register):
    """Register Obama under two ids."""
    register("barack", "obama")
    register("barry", "obama2")
    register("joe", "biden")


def audited(gallery):
    audit(gallery, lambda rows: None, actor=TESTER)
    return review.queue(gallery)


def state() -> dict:
    """Return who has which references, who is active, and the templates."""
    return {
        "references": sorted(map(str, Reference.objects.values_list("pk", "subject", "aside"))),
        "active": sorted(Subject.objects.values_list("user_id", "active")),
        "templates": {t.subject_id: bytes(t.vector) for t in PersonTemplate.objects.all()},
    }


def test_a_mislabelled_reference_is_found(gallery, mislabelled):
    first = audited(gallery)[0]
    assert (first.person, first.finding.references[0]) == ("barack", mislabelled)


def test_a_person_under_two_ids_is_found(gallery, twice):
    [pair] = [one for one in audited(gallery) if one.finding.kind == "same_person"]
    assert {pair.person, pair.other} == {"barack", "barry"}


def test_merging_makes_one_person_and_is_undone(gallery, twice, photos):
    before = state()
    [pair] = [one for one in audited(gallery) if one.finding.kind == "same_person"]
    step = review.merge(pair.finding, keep="barack", actor=TESTER)
    found = services.identify(gallery, photos.upload("obama3"), actor=TESTER)
    assert [m.user_id for m in found.matches] == ["barack"]
    assert services.find_user(gallery, "barack").reference_count == 2
    review.undo(gallery, step.pk, actor=TESTER)
    assert state() == before
    found = services.identify(gallery, photos.upload("obama3"), actor=TESTER)
    assert {m.user_id for m in found.matches} == {"barack", "barry"}


def test_a_reference_set_aside_is_no_part_of_the_template_until_undone(gallery, mislabelled):
    before = state()
    finding = audited(gallery)[0].finding
    step = review.set_aside(finding, actor=TESTER)
    assert PersonTemplate.objects.get(subject__user_id="barack").references == 2
    review.undo(gallery, step.pk, actor=TESTER)
    assert state() == before


def test_a_reference_is_moved_to_whom_it_resembles(gallery, register):
    for photograph in ("obama", "obama2"):
        register("barack", photograph)
    register("joe", "biden")
    moved = register("joe", "obama3").accepted[0].reference_id
    joe, barack = (services.find_user(gallery, name).number for name in ("joe", "barack"))
    finding = Finding.objects.create(
        gallery=gallery, key="k", kind="nearer_to_other", place=1, person=joe, other=barack,
        references=[moved],
    )  # fmt: skip
    step = review.move(finding, actor=TESTER)
    assert str(Reference.objects.get(pk=moved).subject.user_id) == "barack"
    review.undo(gallery, step.pk, actor=TESTER)
    assert str(Reference.objects.get(pk=moved).subject.user_id) == "joe"


def found(gallery, person, other, *references):
    """Return a stored finding about two people, by name."""
    numbers = [services.find_user(gallery, name).number for name in (person, other)]
    return Finding.objects.create(
        gallery=gallery, key=f"{person} {other}", kind="nearer_to_other", place=1,
        person=numbers[0], other=numbers[1], references=list(references),
    )  # fmt: skip


def refused(act, *args, **options) -> str:
    """Return the code by which an act is refused, which changes nothing."""
    before = state()
    with pytest.raises(RecognitionError) as refusal:
        act(*args, actor=TESTER, **options)
    assert state() == before
    return refusal.value.code


def test_of_two_who_settle_one_finding_at_once_the_second_is_refused(gallery, twice):
    pair = found(gallery, "barack", "barry")
    review.merge(Finding.objects.get(pk=pair.pk), keep="barack", actor=TESTER)
    assert refused(review.merge, pair, keep="barry") == "not_found"
    assert Subject.objects.get(user_id="barack").active


def test_a_picture_that_the_other_has_already_is_not_moved(gallery, register):
    register("barack", "obama")
    twin = register("joe", "obama").accepted[0].reference_id
    finding = found(gallery, "joe", "barack", twin)
    assert refused(review.move, finding) == "invalid_request"


def test_a_move_is_not_undone_where_the_picture_was_registered_again(gallery, register):
    register("barack", "obama")
    moved = register("joe", "obama3").accepted[0].reference_id
    step = review.move(found(gallery, "joe", "barack", moved), actor=TESTER)
    register("joe", "obama3")
    assert refused(review.undo, gallery, step.pk) == "invalid_request"


def test_a_finding_about_what_is_another_persons_by_now_is_not_settled(gallery, twice):
    own = str(Reference.objects.get(subject__user_id="barry").pk)
    stale = found(gallery, "barry", "joe", own)
    review.merge(found(gallery, "barack", "barry"), keep="barack", actor=TESTER)
    assert refused(review.set_aside, stale) == "invalid_request"
    assert refused(review.move, stale) == "invalid_request"


def test_who_was_merged_away_is_given_nothing(gallery, twice):
    own = str(Reference.objects.get(subject__user_id="joe").pk)
    stale = found(gallery, "joe", "barry", own)
    review.merge(found(gallery, "barack", "barry"), keep="barack", actor=TESTER)
    assert refused(review.move, stale) == "invalid_request"
    assert refused(review.merge, stale, keep="barry") == "invalid_request"


def test_steps_built_upon_each_other_are_undone_in_order(gallery, twice):
    before = state()
    own = str(Reference.objects.get(subject__user_id="joe").pk)
    first = review.move(found(gallery, "joe", "barry", own), actor=TESTER)
    second = review.merge(found(gallery, "barack", "barry"), keep="barack", actor=TESTER)
    assert refused(review.undo, gallery, first.pk) == "invalid_request"
    review.undo(gallery, second.pk, actor=TESTER)
    review.undo(gallery, first.pk, actor=TESTER)
    assert state() == before


def test_not_the_same_is_remembered(gallery, twice):
    [pair] = [one for one in audited(gallery) if one.finding.kind == "same_person"]
    step = review.not_same(pair.finding, actor=TESTER)
    key = pair.finding.key
    assert key not in [one.finding.key for one in audited(gallery)]
    review.undo(gallery, step.pk, actor=TESTER)
    assert key in [one.finding.key for one in audited(gallery)]


def test_who_was_erased_in_between_is_not_brought_back(gallery, twice):
    [pair] = [one for one in audited(gallery) if one.finding.kind == "same_person"]
    step = review.merge(pair.finding, keep="barack", actor=TESTER)
    services.unregister(gallery, "barry", actor=TESTER)
    before = state()
    with pytest.raises(RecognitionError) as refusal:
        review.undo(gallery, step.pk, actor=TESTER)
    assert (refusal.value.code, state()) == ("not_found", before)


def test_a_step_is_undone_once(gallery, twice):
    step = review.not_same(audited(gallery)[0].finding, actor=TESTER)
    review.undo(gallery, step.pk, actor=TESTER)
    with pytest.raises(RecognitionError):
        review.undo(gallery, step.pk, actor=TESTER)


def test_steps_are_events_without_names(gallery, twice):
    [pair] = [one for one in audited(gallery) if one.finding.kind == "same_person"]
    review.merge(pair.finding, keep="barack", actor=TESTER)
    events = Event.objects.filter(act="review")
    assert {e.subject_number for e in events} == {pair.finding.person, pair.finding.other}
    assert "barack" not in str(list(events.values()))


def test_nobody_else_can_be_kept(gallery, twice):
    [pair] = [one for one in audited(gallery) if one.finding.kind == "same_person"]
    with pytest.raises(RecognitionError):
        review.merge(pair.finding, keep="joe", actor=TESTER)
    assert Finding.objects.get(pk=pair.finding.pk).status == "open"


def test_the_commands_find_settle_and_undo(gallery, twice):
    ran = run("audit_gallery")
    assert "barack and barry look like one person" in ran.stdout or "barry and barack" in ran.stdout
    [line] = [line for line in run("review").lines if "\tsame_person\t" in line]
    done = run("review", "merge", line.split("\t")[0], "--keep", "barack")
    assert done.status == 0 and not Subject.objects.get(user_id="barry").active
    assert run("review", "undo", done.stdout.split("undo ")[1].split("`")[0]).status == 0
    assert Subject.objects.get(user_id="barry").active
    assert run("review", "steps").lines[0].endswith("undone")
    assert run("review", "merge").status == 2
