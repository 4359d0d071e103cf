"""A user's page in a browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

HOSTILE = '<img src=x onerror="document.title=1">'


@pytest.fixture
def ada(console, photos, new_gallery) -> str:
    """Return the address of ``ada``, who has two references and a hostile name."""
    for name in ("obama", "obama2"):
        fields = {"user_id": "ada", "gallery": new_gallery, "display_name": HOSTILE}
        console.post_photo("/register", getattr(photos, name), **fields)
    console.post_photo("/register", photos.biden, user_id="joe", gallery=new_gallery)
    return f"/console/users/{new_gallery}/ada"


def test_the_list_leads_to_the_page_and_a_hostile_name_stays_text(visit, ada, new_gallery):
    page = visit(f"/console/users?gallery={new_gallery}")
    page.get_by_role("link", name="View details ada").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE)
    expect(page).to_have_title(f"{HOSTILE} · Facesite")
    expect(page.get_by_role("img", name="Reference 2")).to_be_visible()


def test_details_are_saved_by_keyboard(visit, ada):
    page = visit(ada, role="operator")
    page.get_by_label("Display name").fill("Ada Lovelace")
    page.get_by_label("Metadata").fill('{"floor": 3}')
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The details are stored.")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("Ada Lovelace")
    expect(page.locator(".person .tag")).to_have_text("inactive")


def test_broken_metadata_is_said_beside_its_field(visit, ada):
    page = visit(ada, role="operator", expect_errors=True)
    page.get_by_label("Metadata").fill("{")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".field", has_text="Metadata").locator(".errorlist")).to_be_visible()
    expect(page.get_by_label("Metadata")).to_have_value("{")


@pytest.mark.parametrize("with_javascript", [True, False])
def test_photographs_are_added_and_removed(visit, ada, photos, with_javascript):
    page = visit(ada, role="operator", java_script_enabled=with_javascript)
    page.set_input_files("#file", photos.obama3)
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("link", name="Look at this person").click()
    expect(page.locator(".crops > li")).to_have_count(3)
    page.get_by_role("link", name="Remove reference 1").click()
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("The reference is erased.")).to_be_visible()
    expect(page.locator(".crops > li")).to_have_count(2)


def test_unregister_leads_back_to_the_list(visit, ada):
    page = visit(ada, role="operator")
    page.get_by_role("link", name="Unregister").click()
    page.get_by_role("button", name="Unregister").click()
    expect(page.get_by_text("1 user is erased.")).to_be_visible()
    expect(page.locator("[data-count]")).to_have_text("1")


def test_the_page_tells_who_is_near_and_what_was_decided(visit, ada, console, photos, new_gallery):
    console.post_photo("/identify", photos.obama3, gallery=new_gallery)
    page = visit(ada)
    near = page.get_by_role("region", name="Nearest other people")
    expect(near.get_by_role("link")).to_have_text("joe")
    expect(page.get_by_role("region", name="History")).to_contain_text("identify")
