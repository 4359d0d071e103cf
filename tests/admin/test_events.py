"""Events in the admin: to be read only."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from recognition.models import Event
from tests.admin.conftest import address
from tests.conftest import queries


def event(**fields) -> Event:
    values = {"actor": "key:abc", "act": "verify", "gallery": "default", "outcome": "verified"}
    return Event.objects.create(**(values | fields))


def listed(client, **query) -> list[int]:
    page = client.get(address("event", "changelist"), query)
    return [one.pk for one in page.context["cl"].result_list]


@pytest.mark.parametrize("page", ["add", "change", "delete", "changelist"])
def test_nobody_writes_events(admin_client, gallery, page):
    kept = event()
    path = address("event", page, *([kept.pk] if page in {"change", "delete"} else []))
    form = {"action": "delete_selected", "_selected_action": kept.pk, "post": "yes", "act": "x"}
    answer = admin_client.post(path, form)
    assert answer.status_code == (200 if page == "changelist" else 403)
    assert [one.act for one in Event.objects.all()] == ["verify"]


@pytest.mark.parametrize(
    "query",
    [
        {"act": "verify"},
        {"outcome": "verified"},
        {"gallery": "default"},
        {"q": "key:abc"},
        {"q": "4711"},
        {"time__year": 2024},
    ],
)
def test_events_are_filtered_and_searched(admin_client, gallery, query):
    wanted = event(subject_number=4711, time=datetime(2024, 5, 1, tzinfo=UTC))
    event(act="identify", outcome="unknown", gallery="other", actor="user:viv")
    assert listed(admin_client, **query) == [wanted.pk]


def test_an_event_shows_what_the_decision_rested_on(admin_client, gallery):
    kept = event(decision={"threshold": 0.926})
    page = admin_client.get(address("event", "change", kept.pk)).content.decode()
    assert "&quot;threshold&quot;: 0.926" in page


def test_the_list_takes_as_many_queries_for_forty_events_as_for_one(admin_client, gallery):
    path, counts = address("event", "changelist"), []
    for number in (1, 40):
        Event.objects.bulk_create(Event(act="verify", subject_number=n) for n in range(number))
        counts.append(queries(admin_client, path))
    assert counts[0] == counts[1]


def test_whoever_may_only_see_people_sees_no_events(staff):
    assert staff("view_subject").get(address("event", "changelist")).status_code == 403


def test_the_list_shows_best_similarity_and_threshold(admin_client, gallery):
    faces = [{"status": "unknown", "candidates": [{"subject": 1, "similarity": 0.81234}]}]
    event(act="identify", decision={"faces": faces, "threshold": 0.926})
    event(act="detect", decision={"faces": 2})
    page = admin_client.get(address("event", "changelist")).content.decode()
    assert '<td class="field-similarity">0.812</td><td class="field-threshold">0.926</td>' in page
    assert '<td class="field-similarity">-</td><td class="field-threshold">-</td>' in page


def test_the_filters_read_no_events_to_know_what_there_is(admin_client, gallery):
    event()
    admin_client.get(address("event", "changelist"))
    with CaptureQueriesContext(connection) as asked:
        page = admin_client.get(address("event", "changelist")).content.decode()
    assert not [query for query in asked if "DISTINCT" in query["sql"]]
    assert '?outcome=face_too_small">The face is too small</a>' in page
