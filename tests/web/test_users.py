"""The list of users, and erasing them, without JavaScript."""

from __future__ import annotations

import pytest

from recognition import services
from recognition.models import Event, Gallery, Subject
from tests.conftest import TESTER, crowd, queries

USERS, UNREGISTER = "/console/users", "/console/users/unregister"
HOSTILE = '<img src=x onerror="alert(1)">'


def listed(client, **query) -> list[str]:
    return [user.user_id for user in client.get(USERS, query).context["page"].object_list]


@pytest.fixture
def people(gallery) -> None:
    Subject.objects.create(gallery=gallery, user_id="ada", display_name="Ada Lovelace")
    Subject.objects.create(gallery=gallery, user_id="bob", active=False)
    Gallery.objects.create(name="other").subjects.create(user_id="elsewhere")


def test_the_list_shows_the_users_of_the_gallery_that_is_asked_for(operator, people):
    assert listed(operator) == ["ada", "bob"]
    assert listed(operator, gallery="other") == ["elsewhere"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"search": "LOVE"}, ["ada"]),
        ({"search": "bo"}, ["bob"]),
        ({"search": "\0"}, ["ada", "bob"]),
        ({"active": "yes"}, ["ada"]),
        ({"active": "no"}, ["bob"]),
        ({"active": "perhaps", "sort": "nothing", "page": "x"}, ["ada", "bob"]),
        ({"references": "no"}, ["ada", "bob"]),
        ({"references": "yes"}, []),
        ({"sort": "-user_id"}, ["bob", "ada"]),
        ({"sort": "name"}, ["bob", "ada"]),
    ],
)
def test_the_list_is_searched_filtered_and_sorted(operator, people, query, expected):
    assert listed(operator, **query) == expected


def test_the_list_is_filtered_and_sorted_by_references(operator, people, register):
    register("ada", "obama")
    assert listed(operator, references="yes") == ["ada"]
    assert listed(operator, sort="-references") == ["ada", "bob"]


def test_an_unknown_gallery_is_said_in_words(operator, gallery):
    page = operator.get(USERS, {"gallery": "nowhere"})
    assert page.status_code == 404
    assert "There is no gallery &#x27;nowhere&#x27;." in page.content.decode()


@pytest.mark.parametrize("sort", ["user_id", "-references", "updated"])
def test_ten_thousand_users_take_as_many_queries_as_one(operator, gallery, sort):
    path = f"{USERS}?sort={sort}&search=u&page=2"
    crowd(gallery, 1)
    one = queries(operator, path)
    Subject.objects.all().delete()
    crowd(gallery, 10_000)
    assert queries(operator, path) == one <= 10


def test_a_hostile_name_stays_text(operator, gallery):
    Subject.objects.create(gallery=gallery, user_id="eve", display_name=HOSTILE)
    page = operator.get(USERS).content.decode()
    assert HOSTILE not in page
    assert "&lt;img src=x onerror=" in page


def test_a_thumbnail_is_the_oldest_crop(operator, register):
    register("barack", "obama", "obama2")
    answer = operator.get("/console/users/default/barack/thumbnail")
    oldest = Subject.objects.get().references.order_by("created").first()
    assert (answer["Content-Type"], answer.content) == ("image/jpeg", bytes(oldest.crop))
    assert answer["Cache-Control"] == "no-store"


def test_somebody_without_a_crop_has_a_silhouette(operator, people):
    answer = operator.get("/console/users/default/ada/thumbnail")
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/svg+xml")


def test_the_button_of_a_row_asks_and_then_erases_that_user_alone(operator, people):
    asked = operator.post(UNREGISTER, {"gallery": "default", "user_id": "bob", "only": "ada"})
    assert [user.user_id for user in asked.context["users"]] == ["ada"]
    assert Subject.objects.filter(user_id="ada").exists()
    answer = operator.post(UNREGISTER, {"gallery": "default", "user_id": "ada", "sure": "yes"})
    assert answer.url == f"{USERS}?gallery=default"
    assert listed(operator) == ["bob"]


def test_several_are_erased_when_their_number_is_typed(operator, people):
    form = {"gallery": "default", "user_id": ["ada", "bob"], "sure": "yes", "typed": "2"}
    page = operator.post(UNREGISTER, form, follow=True)
    assert "2 users are erased." in page.content.decode()
    assert listed(operator) == []
    assert Event.objects.filter(act="unregister", actor="user:operator").count() == 2


def test_everybody_found_is_erased_on_every_page_of_the_list(operator, gallery, people):
    crowd(gallery, 130)
    found = {"gallery": "default", "search": "u", "every": "yes"}
    assert "Unregister all 130 found" in operator.get(USERS, found).content.decode()
    asked = operator.post(UNREGISTER, found)
    assert (len(asked.context["users"]), "and 30 more" in asked.content.decode()) == (100, True)
    operator.post(UNREGISTER, {**found, "sure": "yes", "typed": "129"})
    assert Subject.objects.filter(gallery=gallery).count() == 132
    operator.post(UNREGISTER, {**found, "sure": "yes", "typed": "130"})
    assert listed(operator) == ["ada", "bob"]


@pytest.mark.parametrize("typed", ["", "1", "two"])
def test_without_their_number_nobody_is_erased(operator, people, typed):
    form = {"gallery": "default", "user_id": ["ada", "bob"], "sure": "yes", "typed": typed}
    page = operator.post(UNREGISTER, form)
    assert (page.status_code, listed(operator)) == (400, ["ada", "bob"])
    assert "This is not their number." in page.content.decode()


def test_choosing_nobody_leads_back_to_the_list(operator, people):
    answer = operator.post(UNREGISTER, {"gallery": "default"})
    assert answer.url == f"{USERS}?gallery=default"


def test_more_than_a_query_can_name_are_refused_in_words(operator, people):
    answer = operator.post(UNREGISTER, {"user_id": [f"u{n}" for n in range(501)]})
    assert answer.status_code == 400
    assert "500 users at once at most." in answer.content.decode()


def test_an_erased_user_is_never_named_again(operator, register, gallery, photos):
    register("barack", "obama")
    operator.post(UNREGISTER, {"user_id": "barack", "sure": "yes"})
    found = services.identify(gallery, photos.upload("obama2"), actor=TESTER)
    assert not found.matches


def test_the_list_can_be_sorted_without_its_heads(operator, people):
    page = operator.get(USERS, {"sort": "-references"}).content.decode()
    assert '<option value="-references" selected>References, downwards</option>' in page


def test_enter_presses_no_button_of_a_row(operator, people):
    page = operator.get(USERS).content.decode()
    first = page[page.index('id="users"') :].split("<button")[1]
    assert "data-several" in first.split(">")[0]


def test_erasing_leads_back_to_the_same_part_of_the_list(operator, people):
    crowded = {"gallery": "default", "search": "a", "sort": "-name", "page": "2"}
    asked = operator.post(UNREGISTER, {**crowded, "user_id": "ada"}).content.decode()
    assert all(f'name="{name}" value="{value}"' in asked for name, value in crowded.items())
    done = operator.post(UNREGISTER, {**crowded, "user_id": "ada", "sure": "yes"})
    assert done.url == f"{USERS}?gallery=default&search=a&sort=-name&page=2"


def test_a_person_s_page_leads_back_to_the_same_part_of_the_list(operator, people):
    assert "/users/default/ada?search=a" in operator.get(USERS, {"search": "a"}).content.decode()
    page = operator.get(f"{USERS}/default/ada?search=a").content.decode()
    assert f'href="{USERS}?gallery=default&amp;search=a"' in page
    assert f'href="{UNREGISTER}?gallery=default&amp;search=a&amp;user_id=ada"' in page


def test_too_many_who_are_found_are_refused_in_words(operator, gallery, monkeypatch):
    monkeypatch.setattr("recognition.web.users.MOST_ERASED", 2)
    crowd(gallery, 3)
    found = {"gallery": "default", "every": "yes", "sure": "yes", "typed": "3"}
    answer = operator.post(UNREGISTER, found)
    assert answer.status_code == 400 and "2 users at once at most." in answer.content.decode()
    assert Subject.objects.count() == 3
