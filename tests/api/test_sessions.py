"""Staff with a session: CSRF, permissions, and nobody else."""

from __future__ import annotations

import pytest

from tests.api.conftest import Api, assert_problem, stored


def test_a_viewer_may_look_and_not_delete(staff):
    before = stored()
    viewer = staff("view_subject")
    assert viewer.get("/users").status_code == 200
    answer = viewer.delete("/unregister/ada")
    assert "'delete_subject'" in assert_problem(answer, 403, "permission_denied")["detail"]
    assert stored() == before


@pytest.mark.parametrize("path", ["/register", "/identify"])
def test_a_session_without_its_csrf_token_is_csrf_failed(staff, pictures, path):
    signed_in = staff("add_subject", "identify_subject", csrf=True)
    before = stored()
    assert_problem(signed_in.post(path, user_id="ada", file=pictures.obama), 403, "csrf_failed")
    assert stored() == before


def test_a_session_with_its_csrf_token_may_post_a_file(staff, pictures):
    signed_in = staff("identify_subject", csrf=True)
    page = signed_in.client.get("/identify", headers={"Accept": "text/html"})
    token = page.content.decode().partition('name="csrfmiddlewaretoken" value="')[2][:64]
    answer = signed_in.post("/identify", csrfmiddlewaretoken=token, file=pictures.obama)
    assert (answer.status_code, len(answer.json()["faces"])) == (200, 1)


@pytest.mark.parametrize("state", [{"is_staff": False}, {"is_staff": True, "is_active": False}])
def test_who_is_no_active_staff_is_nobody(db, django_user_model, state):
    user = django_user_model.objects.create_user("joe", password="x", **state)
    api = Api("")
    api.client.force_login(user)
    assert_problem(api.get("/users"), 401, "not_authenticated")


def test_a_superuser_may_do_everything(gallery, django_user_model):
    api = Api("")
    api.client.force_login(django_user_model.objects.create_superuser("root"))
    assert api.delete("/galleries/default?force=true").status_code == 200


def test_replace_and_candidates_want_their_own_permission(staff, pictures):
    some = staff("add_subject", "identify_subject")
    answer = some.post("/register", user_id="ada", file=pictures.obama, replace="true")
    assert "'delete_subject'" in assert_problem(answer, 403, "permission_denied")["detail"]
    answer = some.post("/identify", file=pictures.obama, candidates="1")
    assert "'view_subject'" in assert_problem(answer, 403, "permission_denied")["detail"]


def test_erasing_people_with_a_gallery_wants_the_permission_for_both(staff):
    keeper = staff("delete_gallery")
    answer = keeper.delete("/galleries/default?force=true")
    assert "'delete_subject'" in assert_problem(answer, 403, "permission_denied")["detail"]
    assert keeper.delete("/galleries/default").status_code == 200
