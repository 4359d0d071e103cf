"""Consent: who may be registered and matched under ``CONSENT_REQUIRED``, and until when."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from recognition import consent, services, vault
from recognition.consent import may_be_matched
from recognition.errors import RecognitionError
from recognition.models import Event, OtherEmbedding, Reference, Subject
from recognition.services import reembedding
from recognition.services.auditing import audit
from recognition.services.diagnosing import diagnose
from recognition.services.likeness import nearest
from recognition.services.review import queue
from tests.conftest import TESTER

TODAY = date(2026, 6, 15)
DAY = timedelta(days=1)
GIVEN = {"lawful_basis": "consent", "consent_given": TODAY}


@pytest.fixture
def turn(monkeypatch):
    """Return a function that says which day it is; it is ``TODAY`` at first."""

    def to(day: date) -> None:
        monkeypatch.setattr(consent, "today", lambda: day)

    to(TODAY)
    return to


@pytest.fixture
def required(settings, turn):
    settings.CONSENT_REQUIRED = True
    return turn


def names(gallery, photos, **options) -> list[str]:
    found = services.identify(gallery, photos.upload("obama2"), actor=TESTER, **options)
    return [match.user_id for match in found.matches]


def refusal(act, *args, **options) -> RecognitionError:
    with pytest.raises(RecognitionError) as refused:
        act(*args, **options)
    return refused.value


@pytest.mark.parametrize(
    "sent", [{}, {"lawful_basis": "contract"}, {**GIVEN, "consent_given": TODAY + DAY}]
)
def test_without_a_valid_consent_nobody_is_registered(required, register, sent):
    error = refusal(register, "barack", "obama", consent=sent)
    assert (error.code, error.problem.status) == ("consent_required", 422)
    assert not Subject.objects.exists() and not Reference.objects.exists()
    assert Event.objects.get().outcome == "consent_required"


def test_no_photograph_is_looked_at_without_a_consent(required, register, no_networks):
    assert refusal(register, "barack", "obama").code == "consent_required"


def test_consent_without_a_date_is_given_today(required, register, gallery, photos):
    register("barack", "obama", consent={"lawful_basis": "consent", "consent_version": "2026-1"})
    subject = Subject.objects.get()
    assert (subject.consent_given, subject.consent_version) == (TODAY, "2026-1")
    assert names(gallery, photos) == ["barack"]


def test_more_photographs_need_no_second_consent(required, register):
    register("barack", "obama", consent=GIVEN)
    assert register("barack", "obama2").total_references == 2


def test_a_consent_ends_at_midnight_without_a_restart(required, register, gallery, photos):
    register("barack", "obama", consent={**GIVEN, "consent_expires": TODAY + DAY})
    required(TODAY + DAY)
    assert names(gallery, photos) == ["barack"]
    required(TODAY + 2 * DAY)
    assert names(gallery, photos) == [] == names(gallery, photos, candidates=5)
    assert refusal(register, "barack", "obama3").code == "consent_required"


def test_whose_consent_ended_is_not_in_the_event_of_a_search(required, register, gallery, photos):
    register("barack", "obama", consent={**GIVEN, "consent_expires": TODAY})
    required(TODAY + DAY)
    names(gallery, photos)
    [face] = Event.objects.get(act="identify").decision["faces"]
    assert (face["status"], face["candidates"]) == ("unknown", [])


def test_verifying_without_consent_is_refused_and_names_nobody(required, register, gallery, photos):
    register("barack", "obama", consent={**GIVEN, "consent_expires": TODAY})
    required(TODAY + DAY)
    upload, selection = photos.upload("obama2"), services.RegisterOptions().selection
    error = refusal(services.verify, gallery, "barack", upload, selection=selection, actor=TESTER)
    event = Event.objects.get(act="verify")
    assert error.code == event.outcome == "consent_required"
    assert "2026-06-15" in error.detail and "barack" not in str(event.decision)


def test_who_may_not_be_named_takes_nobody_s_place(required, register, gallery, photos):
    for user_id in ("a", "b", "c"):
        register(user_id, "obama2", consent={**GIVEN, "consent_expires": TODAY})
    register("valid", "obama", consent=GIVEN)
    required(TODAY + DAY)
    assert names(gallery, photos, limit=1) == ["valid"]
    assert names(gallery, photos, limit=1, candidates=1) == ["valid"]


def test_consent_that_is_not_required_changes_nothing(turn, register, gallery, photos):
    register("barack", "obama", consent={**GIVEN, "consent_expires": TODAY})
    turn(TODAY + DAY)
    assert names(gallery, photos) == ["barack"]


def test_a_withdrawn_consent_holds_at_once_and_can_be_given_again(
    required, register, gallery, photos
):
    register("barack", "obama", consent=GIVEN)
    services.update_user(gallery, "barack", {"lawful_basis": "unset"}, actor=TESTER)
    assert names(gallery, photos) == []
    required(TODAY + DAY)
    services.update_user(gallery, "barack", {"lawful_basis": "consent"}, actor=TESTER)
    assert names(gallery, photos) == ["barack"]
    assert Subject.objects.get().consent_given == TODAY + DAY


def test_the_nearest_people_are_those_who_may_be_matched(required, register):
    register("barack", "obama", consent=GIVEN)
    register("joe", "biden", consent={**GIVEN, "consent_expires": TODAY})
    barack = Subject.objects.get(user_id="barack")
    assert [near.subject.user_id for near in nearest(barack, limit=5)[0]] == ["joe"]
    required(TODAY + DAY)
    assert nearest(barack, limit=5)[0] == []


@pytest.mark.parametrize("basis", ["unset", "consent", "contract"])
@pytest.mark.parametrize("given", [None, TODAY, TODAY + DAY])
@pytest.mark.parametrize("expires", [None, TODAY - DAY, TODAY])
def test_the_database_and_python_agree_on_what_is_valid(required, gallery, basis, given, expires):
    one = Subject.objects.create(
        gallery=gallery, user_id="a", lawful_basis=basis, consent_given=given,
        consent_expires=expires,
    )  # fmt: skip
    valid = basis == "consent" and given == TODAY and expires != TODAY - DAY
    assert Subject.objects.filter(may_be_matched()).exists() is one.consent_valid is valid


def test_consent_cannot_end_before_it_was_given(turn, register):
    sent = {**GIVEN, "consent_expires": TODAY - DAY}
    assert refusal(register, "barack", "obama", consent=sent).code == "invalid_request"
    assert not Subject.objects.exists()


def test_in_bulk_consent_is_a_default_for_who_has_none(turn, register, gallery):
    fields = {"lawful_basis": "contract", "retain_until": TODAY + DAY}
    register("barack", "obama", consent=fields)
    default = {**GIVEN, "retain_until": TODAY}
    register("barack", "obama2", bulk=True, consent=default)
    register("joe", "biden", bulk=True, consent=default)
    barack, joe = Subject.objects.order_by("user_id")
    assert (barack.lawful_basis, barack.retain_until) == ("contract", TODAY + DAY)
    assert (joe.lawful_basis, joe.retain_until) == ("consent", TODAY)


def test_what_a_consent_was_changed_to_stands_in_the_events(turn, register, gallery):
    register("barack", "obama", consent=GIVEN)
    services.update_user(gallery, "barack", {"lawful_basis": "unset"}, actor=TESTER)
    services.update_user(gallery, "barack", {"display_name": "B"}, actor=TESTER)
    told = [e.decision.get("consent") for e in Event.objects.order_by("id")]
    assert (told[0]["lawful_basis"], told[0]["consent_given"]) == ("consent", "2026-06-15")
    assert told[1:] == [{"lawful_basis": "unset"}, None]


@pytest.fixture
def ended(required, register):
    """Register one person under two ids, of whom one has no valid consent any more."""
    register("barack", "obama", "obama2", consent=GIVEN)
    register("barry", "obama3", consent={**GIVEN, "consent_expires": TODAY})
    register("joe", "biden", consent=GIVEN)
    required(TODAY + DAY)


def test_an_audit_compares_nobody_without_consent(ended, gallery, settings):
    def people() -> set[str]:
        audit(gallery, lambda rows: None, actor=TESTER)
        pairs = [one for one in queue(gallery) if one.other]
        return {name for one in pairs for name in (one.person, one.other)}

    assert "barry" not in people()
    settings.CONSENT_REQUIRED = False
    assert "barry" in people()


def test_nobody_without_consent_is_diagnosed(ended, gallery):
    assert diagnose(gallery, "barack").user_id == "barack"
    assert refusal(diagnose, gallery, "barry").code == "consent_required"


def test_an_outlook_compares_nobody_without_consent(ended, gallery):
    for reference in Reference.objects.select_related("subject"):
        key, raw = vault.key_of(reference.subject.number), reference.embedding
        OtherEmbedding.sealed_for(reference, "another", raw, key).save()
    now = services.find_gallery(gallery.name)  # its embedder is settled since
    compared = {user_id for user_id, _, _ in reembedding._both(now, "another")}
    assert compared == {"barack", "joe"}


def test_saying_once_more_that_there_is_consent_keeps_its_day(turn, register, gallery):
    register("barack", "obama", consent=GIVEN)
    turn(TODAY + DAY)
    services.update_user(gallery, "barack", {"lawful_basis": "consent"}, actor=TESTER)
    assert Subject.objects.get().consent_given == TODAY
