"""Auditing a gallery and settling what was found, on real faces."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from io import BytesIO
from uuid import uuid4

import pytest
from PIL import Image, ImageEnhance, ImageOps

from recognition import services, vault
from recognition.errors import RecognitionError
from recognition.evaluation.sources import gallery_sample
from recognition.findings import Finding
from recognition.models import Event, PersonTemplate, Reference, Subject
from recognition.services import RegisterOptions, auditing, review
from recognition.services.auditing import audit
from recognition.services.results import Upload
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
    assert refused(review.undo, gallery, step.pk) == "not_found"


def test_a_step_is_undone_once(gallery, twice):
    step = review.not_same(audited(gallery)[0].finding, actor=TESTER)
    review.undo(gallery, step.pk, actor=TESTER)
    assert refused(review.undo, gallery, step.pk) == "not_found"


def test_steps_are_events_without_names(gallery, twice):
    [pair] = [one for one in audited(gallery) if one.finding.kind == "same_person"]
    review.merge(pair.finding, keep="barack", actor=TESTER)
    events = Event.objects.filter(act="review")
    assert {e.subject_number for e in events} == {pair.finding.person, pair.finding.other}
    assert "barack" not in str(list(events.values()))


def test_nobody_else_can_be_kept(gallery, twice):
    [pair] = [one for one in audited(gallery) if one.finding.kind == "same_person"]
    assert refused(review.merge, pair.finding, keep="joe") == "invalid_request"
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


@pytest.mark.parametrize("erased", ["obama2", "obama3"])
def test_a_merge_is_undone_for_what_was_not_erased_since(gallery, twice, register, photos, erased):
    register("barry", "obama3")
    [pair] = [one for one in audited(gallery) if one.finding.kind == "same_person"]
    step = review.merge(pair.finding, keep="barack", actor=TESTER)
    digest = hashlib.sha256(photos.upload(erased).data).hexdigest()
    gone = Reference.objects.get(source_sha256=digest)
    services.delete_reference(gallery, "barack", str(gone.pk), actor=TESTER)
    review.undo(gallery, step.pk, actor=TESTER)
    assert Subject.objects.get(user_id="barry").active
    counts = {u.user_id: u.reference_count for u in services.list_users(gallery)}
    assert counts == {"barack": 1, "barry": 1, "joe": 1}
    assert not Reference.objects.filter(source_sha256=digest).exists()


def test_a_merge_of_one_photograph_that_was_erased_since_gives_the_person_back(gallery, twice):
    [pair] = [one for one in audited(gallery) if one.finding.kind == "same_person"]
    moved = str(Reference.objects.get(subject__user_id="barry").pk)
    step = review.merge(pair.finding, keep="barack", actor=TESTER)
    services.delete_reference(gallery, "barack", moved, actor=TESTER)
    review.undo(gallery, step.pk, actor=TESTER)
    barry = services.find_user(gallery, "barry")
    assert barry.active and barry.reference_count == 0
    assert not PersonTemplate.objects.filter(subject=barry).exists()


def test_a_step_of_which_nothing_is_left_is_not_undone(gallery, mislabelled):
    step = review.set_aside(audited(gallery)[0].finding, actor=TESTER)
    services.delete_reference(gallery, "barack", mislabelled, actor=TESTER)
    assert refused(review.undo, gallery, step.pk) == "not_found"


def test_somebody_without_a_data_key_is_given_a_reference(gallery, twice):
    other = Subject.objects.create(gallery=gallery, user_id="new")
    own = str(Reference.objects.get(subject__user_id="joe").pk)
    review.move(found(gallery, "joe", "new", own), actor=TESTER)
    assert PersonTemplate.objects.filter(subject=other).exists()


def test_whose_data_key_is_lost_gives_no_reference_away(gallery, twice):
    own = str(Reference.objects.get(subject__user_id="joe").pk)
    finding = found(gallery, "joe", "barry", own)
    vault.keys().destroy([finding.person])
    with pytest.raises(RecognitionError) as refusal:
        review.move(finding, actor=TESTER)
    assert refusal.value.code == "not_ready"
    assert Reference.objects.get(pk=own).subject.user_id == "joe"


def matters(gallery) -> set[str]:
    return {one.finding.key for one in audited(gallery)}


def test_a_matter_is_a_reference_its_person_and_the_other(db):
    two = [str(uuid4()), str(uuid4())]
    keys = {
        Finding(kind="nearer_to_other", person=person, other=other, references=two).matter
        for person, other in ((2**63 - 1, 2**63 - 2), (2**63 - 2, 2**63 - 1), (1, 2), (1, None))
    }
    assert len(keys) == 4
    assert max(map(len, keys)) <= Finding._meta.get_field("key").max_length


def test_a_reference_that_was_called_right_is_told_anew_when_it_is_another_persons(
    gallery, mislabelled, register
):
    register("barack", "obama3")
    first = audited(gallery)[0].finding
    review.not_same(first, actor=TESTER)
    assert first.key not in matters(gallery)
    review.move(found(gallery, "barack", "joe", mislabelled), actor=TESTER)
    again = [one for one in audited(gallery) if mislabelled in one.finding.references]
    assert [one.person for one in again] == ["joe"]


def test_what_was_called_right_is_forgotten_at_erasure(gallery, mislabelled):
    finding = audited(gallery)[0].finding
    review.not_same(finding, actor=TESTER)
    services.delete_reference(gallery, "barack", mislabelled, actor=TESTER)
    assert not Finding.objects.filter(pk=finding.pk).exists()


def test_what_was_found_about_a_reference_is_forgotten_with_its_new_person(gallery, register):
    register("joe", "biden")
    register("ada", "astronaut")
    reference = register("barack", "obama").accepted[0].reference_id
    finding = found(gallery, "joe", "ada", reference)
    services.unregister(gallery, "barack", actor=TESTER)
    assert not Finding.objects.filter(pk=finding.pk).exists()


def test_what_was_called_not_the_same_is_forgotten_with_either_person(gallery, twice):
    [pair] = [one for one in audited(gallery) if one.finding.kind == "same_person"]
    review.not_same(pair.finding, actor=TESTER)
    services.unregister(gallery, "barry", actor=TESTER)
    number = pair.finding.other if pair.other == "barry" else pair.finding.person
    assert not Finding.objects.filter(person=number).exists()
    assert not Finding.objects.filter(other=number).exists()


def test_replacing_photographs_forgets_what_was_said_of_them(gallery, mislabelled, register):
    review.not_same(audited(gallery)[0].finding, actor=TESTER)
    register("barack", "obama3", replace=True)
    assert not [f for f in Finding.objects.all() if mislabelled in f.references]


def test_an_audit_leaves_out_what_was_settled_while_it_looked(gallery, twice, monkeypatch):
    def looked(gallery):
        sample = gallery_sample(gallery)
        services.unregister(gallery, "barry", actor=TESTER)
        return sample

    monkeypatch.setattr(auditing, "gallery_sample", looked)
    assert {one.person for one in audited(gallery)} <= {"barack", "joe"}
    assert not [f for f in Finding.objects.all() if f.kind == "same_person"]


def test_people_who_are_unlike_are_not_to_be_confused(gallery, register):
    for user_id, photograph in (("barack", "obama"), ("joe", "biden"), ("eileen", "astronaut")):
        register(user_id, photograph)
    assert audited(gallery) == []


def edited(photograph: bytes, edit: Callable[[Image.Image], Image.Image]) -> Upload:
    """Return a photograph that was edited and stored again."""
    buffer = BytesIO()
    with Image.open(BytesIO(photograph)) as image:
        edit(image.convert("RGB")).save(buffer, "JPEG", quality=70)
    return Upload("edited.jpg", buffer.getvalue())


@pytest.mark.parametrize(
    "edit",
    [
        ImageOps.mirror,
        lambda image: ImageEnhance.Brightness(image).enhance(0.7),
        lambda image: image.resize((image.width * 3 // 4, image.height * 3 // 4)),
    ],
    ids=["mirrored", "darker", "smaller"],
)
def test_a_twin_made_by_editing_one_photograph_is_found_first(gallery, register, photos, edit):
    for user_id, photograph in (("barack", "obama"), ("joe", "biden"), ("eileen", "astronaut")):
        register(user_id, photograph)
    twin = edited(photos.upload("biden").data, edit)
    services.register(gallery, "twin", [twin], RegisterOptions(), TESTER)
    first = audited(gallery)[0]
    assert ({first.person, first.other}, first.finding.kind) == ({"joe", "twin"}, "same_person")
