"""DRF's pages: usable in a browser, with files, raw JSON and sign-in."""

from __future__ import annotations

import json
import re

import pytest

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def page(api, path: str) -> str:
    answer = api.get(path, headers=HTML)
    assert answer["Content-Type"] == "text/html; charset=utf-8"
    return str(answer.content.decode())


@pytest.mark.parametrize("path", ["/verify", "/identify", "/detect"])
def test_a_picture_is_a_file_field(api, path):
    assert re.search(r'<input name="file"\s+type="file"', page(api, path))


def test_register_takes_several_files_and_compare_two(api):
    assert '<input name="file" type="file" multiple>' in page(api, "/register")
    assert len(re.findall(r'name="file[12]"\s+type="file"', page(api, "/compare"))) == 2


def test_raw_json_begins_with_the_names_that_json_has(api):
    text = re.search(r"<textarea name=\"_content\".*?>(.*?)</textarea>", page(api, "/verify"), re.S)
    template = json.loads(text[1].replace("&quot;", '"'))
    assert {"user_id", "image", "threshold"} <= set(template)
    assert "file" not in template


def test_a_form_as_a_browser_sends_it_is_taken(api, pictures):
    empty = dict.fromkeys(("threshold", "face", "box", "min_face_size", "gallery"), "")
    api.post("/register", user_id="ada", file=pictures.obama, metadata="", face="", box="")
    found = api.post("/verify", user_id="ada", file=pictures.obama2, **empty)
    assert found.json()["verified"] is True


def test_who_is_not_signed_in_sees_where_to(anonymous):
    shown = page(anonymous, "/users")
    assert "sign-in?next=/users" in shown
    assert "not_authenticated" in shown


def test_staff_see_their_forms_alone(staff):
    viewer = staff("view_subject", "identify_subject")
    assert 'type="file"' in page(viewer, "/identify")
    assert 'type="file"' not in page(viewer, "/register")


@pytest.mark.parametrize("path", ["/users", "/users/none", "/galleries", "/health", "/api/v1/"])
def test_pages_that_show_something_render(api, path):
    assert "Facesite" in page(api, path)


def test_the_page_of_a_user_renders_with_its_form(api, pictures):
    api.post("/register", user_id="ada", file=pictures.obama, metadata='{"team": "a"}')
    assert "&quot;user_id&quot;: &quot;ada&quot;" in page(api, "/users/ada")
    body = '{"display_name": "Ada"}'
    options = {"data": body, "content_type": "application/json", "headers": HTML}
    assert api.call("PATCH", "/users/ada", **options).status_code == 200


def test_the_root_lists_the_calls(client):
    calls = client.get("/api/v1/").json()
    assert calls["identify"]["methods"] == ["POST"]
    assert calls["user"]["url"].endswith("/api/v1/users/{user_id}")


def test_the_root_leads_a_browser_on(client):
    answer = client.get("/", follow=True)
    assert answer.redirect_chain[0][0] == "/console/"
    assert b"Sign in" in answer.content


def test_showing_forms_counts_nothing(api, settings):
    settings.RATE_REGISTER = "2/d"
    answers = [api.get("/register", headers=HTML).status_code for _ in range(4)]
    assert answers == [405] * 4
