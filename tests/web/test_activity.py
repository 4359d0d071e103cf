"""Activity and attendance, as pages and as CSV."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone

from recognition import services
from recognition.models import Event, Sighting, Subject
from recognition.web.exports import guarded
from tests.conftest import TESTER, crowd, queries

ACTIVITY, ATTENDANCE = "/console/activity", "/console/attendance"
MAY = datetime(2026, 5, 1, 12, tzinfo=UTC)


def event(**fields) -> Event:
    values = {"actor": "key:abc", "act": "verify", "gallery": "default", "outcome": "verified"}
    return Event.objects.create(**(values | fields))


def seen(subject: Subject, when: datetime, gallery: str = "default") -> Event:
    made = event(act="identify", outcome="match", time=when, gallery=gallery)
    Sighting.objects.create(
        event=made, time=when, act="identify", gallery=gallery,
        subject_number=subject.number, similarity=0.97,
    )  # fmt: skip
    return made


def listed(client, **query) -> list[int]:
    return [line.event.pk for line in client.get(ACTIVITY, query).context["lines"]]


def table(client, path: str, **query) -> list[dict[str, str]]:
    answer = client.get(path, query)
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(StringIO(answer.getvalue().decode())))


@pytest.mark.parametrize(
    "query",
    [
        {"act": "verify"},
        {"outcome": "verified"},
        {"actor": "key:"},
        {"gallery": "default"},
        {"until": "2026-05-01"},
        {"since": "2026-05-01", "until": "2026-05-02"},
        {"person": "4711"},
    ],
)
def test_events_are_filtered(viewer, query):
    wanted = event(time=MAY, subject_number=4711)
    later = MAY + timedelta(days=9)
    event(act="identify", outcome="unknown", actor="user:viv", gallery="other", time=later)
    assert listed(viewer, **query) == [wanted.pk]


def test_a_person_s_events_are_those_about_and_those_naming_them(viewer, gallery):
    [ada, bob] = crowd(gallery, 2)
    about, naming = event(subject_number=ada.number), seen(ada, MAY)
    seen(bob, MAY)
    assert listed(viewer, person=ada.user_id) == [naming.pk, about.pk]
    assert listed(viewer, person=str(ada.number)) == [naming.pk, about.pk]
    assert listed(viewer, person="nobody") == []


@pytest.mark.parametrize(
    ("field", "text"),
    [("since", "yesterday"), ("until", "9999-12-31"), ("since", "0001-01-01"), ("act", "\0")],
)
def test_an_odd_filter_is_refused_at_its_field(viewer, field, text):
    kept = event()
    answer = viewer.get(ACTIVITY, {field: text})
    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == [field]
    assert listed(viewer, **{field: text}) == [kept.pk]


def test_pages_go_to_older_events_and_back(viewer):
    made = [event().pk for _ in range(120)][::-1]
    first = viewer.get(ACTIVITY, {"act": "verify"}).context
    second = viewer.get(ACTIVITY, {"before": first["older"]}).context
    third = viewer.get(ACTIVITY, {"before": second["older"]}).context
    back = viewer.get(ACTIVITY, {"after": third["newer"]}).context
    pages = [[line.event.pk for line in page["lines"]] for page in (first, second, third, back)]
    assert pages == [made[:50], made[50:100], made[100:], made[50:100]]
    assert (first["newer"], third["older"], first["address"]) == (0, 0, "act=verify")


@pytest.mark.parametrize("odd", ["x", "-1", "²", "9" * 19, "9" * 99])
def test_an_odd_page_is_the_first(viewer, odd):
    kept = event()
    assert listed(viewer, before=odd) == listed(viewer, after=odd) == [kept.pk]


def test_a_real_identification_is_shown_with_name_similarity_and_threshold(
    viewer, register, gallery, photos
):
    register("barack", "obama", display_name="Barack Obama")
    services.identify(gallery, photos.upload("obama2"), actor=TESTER)
    [line, _] = viewer.get(ACTIVITY).context["lines"]
    assert [person.display_name for person in line.people] == ["Barack Obama"]
    assert line.similarity > line.threshold > 0.8


def test_who_is_erased_is_counted_and_not_named(viewer):
    event(subject_number=4711)
    assert "somebody not registered any more" in viewer.get(ACTIVITY).content.decode()


def test_many_events_of_many_people_take_as_many_queries_as_one(viewer, gallery):
    people = crowd(gallery, 60)
    event(subject_number=people[0].number)
    one = queries(viewer, ACTIVITY)
    for person in people:
        event(subject_number=person.number)
    assert queries(viewer, ACTIVITY) == one <= 8


@pytest.fixture
def auditor(client, django_user_model, gallery):
    """Return the browser of staff who may see events, and no people."""
    user = django_user_model.objects.create_user("auditor", password="x", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_event"))
    client.force_login(user)
    return client


def test_names_are_for_those_who_may_see_people(auditor, gallery):
    [ada] = crowd(gallery, 1)
    event(subject_number=ada.number)
    assert ada.user_id not in auditor.get(ACTIVITY).content.decode()
    [row] = table(auditor, f"{ACTIVITY}.csv")
    assert row["people"] == str(ada.number)


def test_who_may_not_see_people_finds_nobody_by_name(auditor, gallery):
    [ada] = crowd(gallery, 1)
    about = event(subject_number=ada.number)
    assert listed(auditor, person=ada.user_id) == []
    assert listed(auditor, person=str(ada.number)) == [about.pk]


def test_who_was_seen_is_named_to_those_who_may_see_people(auditor, gallery):
    [ada] = crowd(gallery, 1)
    seen(ada, timezone.now())
    page = auditor.get(ATTENDANCE).content.decode()
    assert ada.user_id not in page and str(ada.number) in page
    [row] = table(auditor, f"{ATTENDANCE}.csv")
    assert (row["user_id"], row["display_name"], row["number"]) == ("", "", str(ada.number))


def test_the_csv_has_all_events_that_are_filtered(viewer, gallery, monkeypatch):
    monkeypatch.setattr("recognition.web.activity.BATCH", 2)
    [ada] = crowd(gallery, 1)
    made = [event(subject_number=ada.number, decision={"similarity": 0.5}).pk for _ in range(5)]
    event(act="detect")
    rows = table(viewer, f"{ACTIVITY}.csv", act="verify")
    assert [int(row["id"]) for row in rows] == made[::-1]
    assert (rows[0]["people"], rows[0]["similarity"]) == (ada.user_id, "0.5")


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_a_cell_that_looks_like_a_formula_gets_an_apostrophe(viewer, start):
    event(actor=f"{start}")
    assert table(viewer, f"{ACTIVITY}.csv")[0]["actor"] == f"'{start}"


@pytest.mark.parametrize("value", ["key:abc", "", -0.25, None])
def test_other_cells_stay_as_they_are(value):
    assert guarded(value) == value


def test_attendance_tells_first_and_last_of_each_person_and_day(viewer, gallery):
    [ada, bob] = crowd(gallery, 2)
    for hours in (0, 5, 24):
        seen(ada, MAY + timedelta(hours=hours))
    seen(bob, MAY, gallery="other")
    rows = table(viewer, f"{ATTENDANCE}.csv", since="2026-05-01", until="2026-05-01")
    assert [(row["user_id"], row["first"], row["last"], row["times"]) for row in rows] == [
        (person.user_id, *rest)
        for person, rest in sorted(
            [(ada, ("12:00:00", "17:00:00", "2")), (bob, ("12:00:00", "12:00:00", "1"))],
            key=lambda pair: pair[0].number,
        )
    ]


def test_attendance_is_filtered_by_gallery(viewer, gallery):
    [ada] = crowd(gallery, 1)
    seen(ada, MAY, gallery="other")
    asked = {"since": "2026-05-01", "until": "2026-05-01"}
    assert not table(viewer, f"{ATTENDANCE}.csv", **asked, gallery="default")
    assert table(viewer, f"{ATTENDANCE}.csv", **asked, gallery="other")


def test_attendance_is_of_the_last_week_where_no_day_is_named(viewer, gallery):
    [ada] = crowd(gallery, 1)
    now = timezone.now()
    seen(ada, now)
    seen(ada, now - timedelta(days=10))
    [row] = viewer.get(ATTENDANCE).context["rows"]
    assert (row["person"], row["day"], row["times"]) == (ada, now.date(), 1)


def test_attendance_of_the_erased_names_nobody(viewer, gallery):
    [ada] = crowd(gallery, 1)
    seen(ada, timezone.now())
    services.unregister(gallery, ada.user_id, actor=TESTER)
    page = viewer.get(ATTENDANCE).content.decode()
    assert "not registered any more" in page and ada.user_id not in page


def test_attendance_shows_so_many_rows_and_says_so(viewer, gallery, monkeypatch):
    monkeypatch.setattr("recognition.web.activity.MOST_DAYS", 2)
    for person in crowd(gallery, 3):
        seen(person, timezone.now())
    page = viewer.get(ATTENDANCE)
    assert len(page.context["rows"]) == 2
    assert "Only the first 2 rows are shown" in page.content.decode()


def test_what_was_done_is_chosen_and_shown_in_words(viewer):
    event(act="create_key", outcome="ok")
    page = viewer.get(ACTIVITY, {"act": "create_key"}).content.decode()
    assert '<option value="create_key" selected>make a key</option>' in page
    assert '<td class="beside">make a key</td>' in page and ">done</span>" in page
