"""The admin in a browser: within the content security policy, in the console's colours."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

MODELS = ["subject", "gallery", "apikey", "event"]
FORMS = [
    "recognition/subject/add/",
    "recognition/gallery/add/",
    "recognition/apikey/add/",
    "auth/user/add/",
    "auth/group/add/",
    "password_change/",
]
HOSTILE = '<img src=x onerror="document.title=1">'


@pytest.fixture
def ada(console, photos, new_gallery) -> str:
    """Return the gallery where ``ada`` of the hostile name is alone."""
    fields = {"user_id": "ada", "gallery": new_gallery, "display_name": HOSTILE}
    console.post_photo("/register", photos.obama, **fields)
    return new_gallery


def at(visit, path: str, **options) -> Page:
    return visit(f"/admin/{path}", role="root", **options)


# That nothing breaches the policy is asserted where `visit` ends.


@pytest.mark.parametrize("path", ["", "login/", "jsi18n/", *FORMS])
def test_a_page_keeps_to_the_policy(visit, path):
    page = at(visit, path)
    expect(page.locator("body")).not_to_be_empty()


@pytest.mark.parametrize("model", MODELS)
def test_a_list_and_its_first_entry_keep_to_the_policy(visit, ada, model):
    page = at(visit, f"recognition/{model}/")
    page.locator("#result_list tbody tr").first.locator("th a").first.click()
    expect(page.locator("#content h1")).to_be_visible()


def test_a_person_is_shown_and_deleted(visit, ada):
    page = visit(f"/console/users/{ada}/ada", role="root")
    page.get_by_role("link", name="In the admin").click()
    expect(page.get_by_label("Display name:")).to_have_value(HOSTILE)
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Yes, I’m sure").click()
    expect(page.get_by_text("was deleted successfully")).to_be_visible()


def test_the_admin_and_the_console_lead_to_each_other(visit, ada):
    page = visit(f"/console/users/{ada}/ada", role="root")
    page.get_by_role("link", name="In the admin").click()
    page.get_by_role("link", name="View on site").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE)
    page.get_by_role("link", name="Admin", exact=True).click()
    page.get_by_role("navigation", name="Console").get_by_role("link", name="Users").click()
    expect(page).to_have_title("Users · Facesite")


@pytest.mark.parametrize(("scheme", "ground"), [("light", "255, 255, 255"), ("dark", "25, 33, 43")])
def test_the_admin_has_the_console_s_colours(visit, scheme, ground):
    page = at(visit, "", color_scheme=scheme)
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert colour == f"rgb({ground})"


def test_the_admin_fits_a_telephone(visit):
    page = at(visit, "", viewport={"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
