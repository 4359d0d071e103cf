"""GET /users, GET and PATCH /users/{user_id}: who is registered."""

from __future__ import annotations

import pytest

from recognition.models import Subject
from tests.api.conftest import assert_problem, stored


@pytest.fixture
def ada(api, pictures):
    fields = {"user_id": "ada", "display_name": "Ada L.", "file": pictures.obama}
    return api.post("/register", **fields).json()["accepted"][0]["reference_id"]


@pytest.fixture
def many(gallery):
    Subject.objects.bulk_create(
        [
            Subject(gallery=gallery, user_id=f"user-{n:03}", display_name=f"No {n}")
            for n in range(120)
        ]
    )


def test_a_user_is_shown_with_references_and_without_embeddings(ada, api):
    answer = api.get("/users/ada")
    user = answer.json()
    assert (user["status"], user["display_name"], user["total_references"]) == (
        "registered",
        "Ada L.",
        1,
    )
    reference = user["references"][0]
    assert (reference["reference_id"], reference["has_crop"]) == (ada, True)
    assert set(reference) >= {"created", "quality", "box", "model"}
    assert b"embedding" not in answer.content


def test_users_come_in_pages_with_links(many, api):
    first = api.get("/users?page_size=50").json()
    assert (first["count"], len(first["results"]), first["previous"]) == (120, 50, None)
    last = api.get(api.get(first["next"]).json()["next"]).json()
    assert (len(last["results"]), last["next"]) == (20, None)
    assert last["results"][-1]["user_id"] == "user-119"


def test_listing_users_takes_the_same_few_queries_however_many(
    many, api, django_assert_max_num_queries
):
    with django_assert_max_num_queries(5):  # the key, the gallery, the count, the page
        assert len(api.get("/users?page_size=120").json()["results"]) == 120


def test_search_looks_into_user_id_and_display_name(many, ada, api):
    assert [u["user_id"] for u in api.get("/users?search=ada l").json()["results"]] == ["ada"]
    assert api.get("/users?search=user-11").json()["count"] == 10
    assert api.get("/users?search=%25").json()["count"] == 0


def test_a_page_that_is_not_there_is_not_found(many, api):
    assert_problem(api.get("/users?page=99"), 404, "not_found")


@pytest.mark.parametrize("query", ["page=0", "page_size=201", "page=x", "search=%00", "serach=a"])
def test_odd_lists_are_refused_by_field(api, query):
    problem = assert_problem(api.get(f"/users?{query}"), 400, "invalid_request")
    assert set(problem["errors"]) == {query.partition("=")[0]}


def test_patch_changes_only_what_is_sent(ada, api):
    answer = api.send_json("PATCH", "/users/ada", {"metadata": {"a": 1}, "active": False})
    user = answer.json()
    assert answer.status_code == 200
    assert (user["display_name"], user["metadata"], user["active"]) == ("Ada L.", {"a": 1}, False)


def test_patch_empties_a_name_only_when_it_is_sent_empty(ada, api):
    assert api.send_json("PATCH", "/users/ada", {}).json()["display_name"] == "Ada L."
    assert api.send_json("PATCH", "/users/ada", {"display_name": ""}).json()["display_name"] == ""


def test_an_inactive_user_is_never_matched(ada, api, pictures):
    api.send_json("PATCH", "/users/ada", {"active": False})
    assert api.post("/identify", file=pictures.obama).json()["matches"] == []


@pytest.mark.parametrize(
    "change",
    [{"active": "maybe"}, {"active": None}, {"metadata": [1]}, {"metadata": {"a": "x" * 9000}}]
    + [{"display_name": "x" * 201}, {"user_id": "bob"}, {"display_name": "a\0b"}],
)
def test_odd_changes_are_refused_and_change_nothing(ada, api, change):
    before = stored()
    answer = api.send_json("PATCH", "/users/ada", change)
    assert_problem(answer, 400, "invalid_request")
    assert stored() == before


@pytest.mark.parametrize(
    "path", ["%2e%2e%2fx", "%2e%2e", "a%20b", "a%00b", "%f0%9f%99%82", "x" * 129, "%ff%fe", "a'--"]
)
@pytest.mark.parametrize("start", ["/users/", "/unregister/", "/galleries/"])
def test_odd_ids_in_the_path_are_not_found(api, path, start):
    before = stored()
    answer = api.delete(start + path) if start != "/users/" else api.get(start + path)
    code = answer.json()["code"]
    assert code in {"user_not_found", "gallery_not_found", "not_found"}
    assert_problem(answer, 404, code)
    assert stored() == before
