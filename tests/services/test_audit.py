"""The chain of events: what was altered, removed or inserted is named."""

from __future__ import annotations

import socket
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from recognition.errors import RecognitionError
from recognition.models import AuditState, Event
from recognition.services import audit, stamps
from recognition.services.configuration import note_settings
from recognition.services.people import record_act
from recognition.services.stamps import stamped
from tests.conftest import TESTER


@pytest.fixture
def events(db, settings, tmp_path) -> list[Event]:
    """Return six sealed events."""
    settings.AUDIT_HEAD_FILE = tmp_path / "audit.head"
    made = [record_act(f"act-{n}", TESTER, decision={"similarity": n / 7}) for n in range(6)]
    audit.seal()
    return made


def wrong() -> list[str]:
    return list(audit.faults())


def forge(*, head: int) -> None:
    """Cut the chain off behind ``head``, as whoever can write into the database can."""
    Event.objects.filter(position__gt=head).delete()
    AuditState.objects.update(head=head, head_link=Event.objects.get(position=head).link)


def assert_not_sealed() -> None:
    with pytest.raises(RecognitionError):
        audit.seal()
    assert Event.objects.filter(position=None).count() == 1


def test_an_unbroken_chain_has_no_faults(events):
    record_act("another", TESTER)
    assert wrong() == []
    assert AuditState.objects.get().head == 7


def test_an_altered_row_is_named(events):
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE recognition_event SET outcome = 'other' WHERE id = %s", [events[2].pk]
        )
    assert wrong()[0].startswith(f"Altered: event {events[2].pk} ")


@pytest.mark.parametrize("nth", [0, 3])
def test_a_missing_row_is_named(events, nth):
    Event.objects.filter(pk=events[nth].pk).delete()
    assert wrong()[0].startswith(f"Missing: positions {nth + 1} to {nth + 1}")


def test_rows_missing_at_the_end_are_named(events):
    Event.objects.filter(pk=events[5].pk).delete()
    assert "Missing at the end: positions 6 to 6." in wrong()


def test_a_chain_cut_at_the_end_with_its_state_is_told_by_the_file(events):
    forge(head=5)
    record_act("another", TESTER)
    for _ in range(2):  # no check and no sealer makes it whole
        found = wrong()
        assert any("state of the chain was altered" in fault for fault in found)
        assert any("tells of position 6" in fault for fault in found)
        assert_not_sealed()


def test_an_older_state_with_its_true_seal_is_told_by_the_file(events):
    old = AuditState.objects.values().get()
    record_act("another", TESTER)
    audit.seal()
    Event.objects.filter(position=7).delete()
    AuditState.objects.update(**old)
    record_act("one more", TESTER)
    assert_not_sealed()
    assert "tells of position 7" in wrong()[0]


def test_a_chain_that_was_deleted_whole_is_not_begun_anew(events):
    Event.objects.all().delete()
    AuditState.objects.all().delete()
    record_act("another", TESTER)
    assert_not_sealed()
    assert "tells of position 6, the last one is 0" in wrong()[0]


def test_without_the_file_a_lost_state_is_told_by_what_was_sealed(events, settings):
    settings.AUDIT_HEAD_FILE.unlink()
    AuditState.objects.all().delete()
    record_act("another", TESTER)
    assert_not_sealed()
    assert "state of the chain was altered" in wrong()[0]


def test_a_cut_that_was_moved_is_told(events):
    link = Event.objects.get(position=2).link
    Event.objects.filter(position__lte=2).delete()
    AuditState.objects.update(cut=2, cut_link=link)
    record_act("another", TESTER)
    assert_not_sealed()
    assert wrong() == ["The state of the chain was altered: its ends cannot be relied on."]


def test_a_chain_begun_anew_tells_what_was_wrong(events):
    forge(head=5)
    audit.begin_anew(TESTER)
    assert wrong() == []
    told = Event.objects.get(act="begin_chain")
    assert told.position == 6 and len(told.decision["faults"]) == 2


def test_the_file_never_tells_of_an_older_position(events, settings):
    old = AuditState.objects.get()
    record_act("another", TESTER)
    audit.seal()
    audit._write_head(old)  # a process that was held up
    assert settings.AUDIT_HEAD_FILE.read_text().startswith("7 ")


def test_what_is_sealed_during_a_check_is_no_fault(events, monkeypatch):
    read = audit._written

    def reads_and_is_overtaken() -> str:
        monkeypatch.setattr(audit, "_written", read)
        written = read()
        record_act("another", TESTER)
        audit.seal()
        return written

    monkeypatch.setattr(audit, "_written", reads_and_is_overtaken)
    assert wrong() == []


def test_nothing_is_sealed_within_a_transaction_that_may_be_taken_back(events):
    with transaction.atomic():
        record_act("another", TESTER)
        with pytest.raises(RuntimeError):
            audit.seal()


def test_the_time_of_an_event_that_was_altered_does_not_cut_it(events):
    old = timezone.now() - timedelta(days=100)
    Event.objects.filter(position__lte=3).update(time=old)
    audit.cut(timezone.now() - timedelta(days=90))
    assert Event.objects.count() == 6
    assert wrong()[0].startswith(f"Altered: event {events[0].pk} ")


def test_an_inserted_row_is_named(events):
    forged = Event.objects.create(actor="x", act="x", outcome="ok", position=100, link="f" * 64)
    assert wrong() == [f"Inserted: event {forged.pk} at position 100."]


def test_a_row_that_was_put_in_to_be_sealed_is_named_and_never_sealed(events):
    with connection.cursor() as cursor:
        names = "time, actor, act, gallery, outcome, request_id, decision, link"
        cursor.execute(
            f"INSERT INTO recognition_event ({names}) SELECT {names} FROM recognition_event "  # noqa: S608  # names of columns
            "WHERE position = 3"
        )
    forged = Event.objects.get(position=None)
    record_act("another", TESTER)
    assert audit.seal() == 1
    assert wrong() == [
        f"Inserted: event {forged.pk} (act-2 by command:tests), without a position; "
        "or altered before it had one."
    ]


def test_a_row_that_is_altered_before_it_is_sealed_is_named(events):
    late = record_act("another", TESTER)
    Event.objects.filter(pk=late.pk).update(decision={"similarity": 1})
    assert audit.seal() == 0
    assert wrong()[0].startswith(f"Inserted: event {late.pk} ")


def test_many_rows_that_were_put_in_keep_no_other_from_being_sealed(events, monkeypatch):
    monkeypatch.setattr(audit, "PORTION", 2)
    Event.objects.bulk_create(Event(actor="x", act="x") for _ in range(5))
    record_act("another", TESTER)
    assert audit.seal() == 1 and len(wrong()) == 5


@pytest.mark.parametrize("place", [{"pk": -5}, {"pk": 10**6, "position": -5, "link": "f" * 64}])
def test_a_row_with_an_odd_id_or_position_is_named(events, place):
    Event.objects.create(actor="x", act="x", outcome="ok", **place)
    assert [fault.startswith("Inserted: event ") for fault in wrong()][:1] == [True]


def test_what_is_sealed_anew_is_what_stands_there(events):
    Event.objects.create(actor="x", act="x", outcome="ok")
    audit.begin_anew(TESTER)
    assert wrong() == [] and Event.objects.get(act="x").position == 7


def make_unreadable(event: Event) -> None:
    """Give an event a time that none is, as whoever can write into the database can."""
    with connection.cursor() as cursor:
        time = "'infinity'" if connection.vendor == "postgresql" else "'2026-13-45 00:00'"
        cursor.execute(f"UPDATE recognition_event SET time = {time} WHERE id = {event.pk}")  # noqa: S608  # our own numbers


@pytest.mark.parametrize("decision", [{"now": {}}, {"now": 3}, [], "x"])
def test_settings_are_told_though_the_last_event_of_them_is_altered(db, decision):
    assert note_settings() and not note_settings()
    last = Event.objects.get(act="settings")
    Event.objects.update(decision=decision)
    make_unreadable(last)
    assert note_settings()


@pytest.mark.parametrize("waits", [False, True])
def test_a_row_that_is_no_event_any_more_is_named(events, waits):
    broken = record_act("another", TESTER) if waits else events[2]
    make_unreadable(broken)
    record_act("one more", TESTER)
    assert audit.seal() == 1
    assert [f"event {broken.pk} " in fault for fault in wrong()] == [True]


@pytest.mark.parametrize("text", [b"\xff\xfe", b"9" * 5000])
def test_a_head_file_in_which_somebody_wrote_is_named(events, settings, text):
    settings.AUDIT_HEAD_FILE.write_bytes(text)
    record_act("another", TESTER)
    assert_not_sealed()
    assert "names no position" in wrong()[0]


def test_an_event_is_written_as_every_database_gives_it_back(db):
    made = record_act("act", TESTER, decision={"yaw": -0.0, "box": (1, 2.5)})
    stored = Event.objects.get(pk=made.pk).decision
    assert made.decision == stored == {"yaw": 0.0, "box": [1, 2.5]}
    assert str(made.decision["yaw"]) == str(stored["yaw"]) == "0.0"


def test_an_event_is_written_though_its_key_is_lost(events, monkeypatch, caplog):
    monkeypatch.setattr(stamps, "_known", {})
    monkeypatch.setattr(stamps, "hashing_key", lost)
    made = record_act("another", TESTER)
    assert Event.objects.get(pk=made.pk).link == ""
    assert "cannot be sealed: gone" in caplog.text


def test_an_event_is_written_though_the_key_store_is_away(events, monkeypatch, caplog):
    monkeypatch.setattr(stamps, "_known", {})
    monkeypatch.setattr(stamps, "hashing_key", away)
    record_act("meanwhile", TESTER)
    assert Event.objects.get(act="meanwhile").link == ""
    assert "cannot be sealed: away" in caplog.text


def away() -> bytes:
    raise OperationalError("away")


def lost() -> bytes:
    raise RecognitionError("not_ready", "gone")


def test_rows_that_changed_places_are_named(events):
    Event.objects.filter(pk=events[1].pk).update(position=99)
    Event.objects.filter(pk=events[2].pk).update(position=2)
    Event.objects.filter(pk=events[1].pk).update(position=3)
    assert wrong()[0].startswith("Altered: event")


def test_old_events_are_cut_and_the_rest_still_holds(db, monkeypatch):
    monkeypatch.setattr(audit, "PORTION", 2)
    old = timezone.now() - timedelta(days=100)
    made = [stamped(Event(actor="a", act="b", outcome="ok", time=old)) for _ in range(3)]
    Event.objects.bulk_create(made)
    record_act("new", TESTER)
    audit.cut(timezone.now() - timedelta(days=90))
    assert Event.objects.count() == 1 and AuditState.objects.get().cut == len(made)
    assert wrong() == []


@pytest.fixture(params=["socket", "port"])
def syslog(request, tmp_path, settings) -> socket.socket:
    """Return what a syslog listens on: a socket of this machine, or a port."""
    path = str(tmp_path / "log")
    family, where = (
        (socket.AF_UNIX, path) if request.param == "socket" else (socket.AF_INET, ("127.0.0.1", 0))
    )
    with socket.socket(family, socket.SOCK_DGRAM) as listener:
        listener.bind(where)
        listener.settimeout(5)
        name = listener.getsockname()
        settings.AUDIT_SYSLOG = name if request.param == "socket" else f"127.0.0.1:{name[1]}"
        yield listener


def test_a_syslog_is_told_each_new_head(events, syslog):
    record_act("another", TESTER)
    audit.seal()
    state = AuditState.objects.get()
    told = syslog.recv(1000).decode()
    assert told == f"<85>facesite: audit head {state.head} {state.head_link}"


def test_a_syslog_that_is_gone_stops_nothing(events, settings, caplog):
    settings.AUDIT_SYSLOG = str(Path(settings.AUDIT_HEAD_FILE).with_name("nobody"))
    record_act("another", TESTER)
    assert audit.seal() == 1 and wrong() == []
    assert "was not told the head" in caplog.text
