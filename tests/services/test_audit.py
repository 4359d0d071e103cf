"""The chain of events: what was altered, removed or inserted is named."""

from __future__ import annotations

import socket
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from recognition.models import AuditState, Event
from recognition.services import audit
from recognition.services.people import record_act
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
    Event.objects.filter(pk=events[5].pk).delete()
    link = Event.objects.get(position=5).link
    AuditState.objects.update(head=5, head_link=link)
    assert any("state of the chain was altered" in fault for fault in wrong())
    assert any("tells of position 6" in fault for fault in wrong())


def test_an_inserted_row_is_named(events):
    forged = Event.objects.create(actor="x", act="x", outcome="ok", position=100, link="f" * 64)
    assert wrong() == [f"Inserted: event {forged.pk} at position 100."]


def test_rows_that_changed_places_are_named(events):
    Event.objects.filter(pk=events[1].pk).update(position=99)
    Event.objects.filter(pk=events[2].pk).update(position=2)
    Event.objects.filter(pk=events[1].pk).update(position=3)
    assert wrong()[0].startswith("Altered: event")


def test_old_events_are_cut_and_the_rest_still_holds(events):
    old = timezone.now() - timedelta(days=100)
    audit_key = audit.chain_key()
    Event.objects.all().delete()
    AuditState.objects.all().delete()
    made = [Event.objects.create(actor="a", act="b", outcome="ok", time=old) for _ in range(3)]
    record_act("new", TESTER)
    audit.cut(timezone.now() - timedelta(days=90))
    assert Event.objects.count() == 1 and AuditState.objects.get().cut == len(made)
    assert not [fault for fault in wrong() if "audit.head" not in fault] and audit_key


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
