"""Galleries in a browser."""

from __future__ import annotations

import uuid

import pytest
from playwright.sync_api import expect


@pytest.mark.parametrize("with_javascript", [True, False])
def test_a_gallery_is_made_renamed_and_deleted(visit, with_javascript):
    page = visit("/console/galleries", java_script_enabled=with_javascript)
    old, new = (f"{word}-{uuid.uuid4().hex[:6]}" for word in ("old", "new"))
    page.get_by_label("Name").fill(old)
    page.get_by_role("button", name="Make it").click()
    page.get_by_label("Name", exact=True).fill(new)
    page.get_by_role("button", name="Rename").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(new)
    page.get_by_role("link", name="Delete it").click()
    page.get_by_label(f"Type {new}").fill(new)
    page.get_by_role("button", name="Erase").click()
    expect(page.get_by_text(f"The gallery {new} is deleted.")).to_be_visible()


def test_emptying_wants_the_name(visit, console, photos, new_gallery):
    console.post_photo("/register", photos.obama, user_id="ada", gallery=new_gallery)
    page = visit(f"/console/galleries/{new_gallery}", expect_errors=True)
    page.get_by_role("link", name="Empty it").click()
    page.get_by_label("Type").fill("something else")
    page.keyboard.press("Enter")
    expect(page.get_by_text("This is not its name.")).to_be_visible()
    page.get_by_label("Type").fill(new_gallery)
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"The gallery {new_gallery} is empty.")).to_be_visible()
    expect(page.get_by_role("row", name=new_gallery).locator("[data-label=People]")).to_have_text(
        "0"
    )


def test_a_name_that_is_taken_is_said_beside_its_field(visit, new_gallery):
    page = visit("/console/galleries", expect_errors=True)
    page.get_by_label("Name").fill(new_gallery)
    page.get_by_role("button", name="Make it").click()
    expect(page.locator(".field .errorlist")).to_contain_text("exists already")
    expect(page.get_by_label("Name")).to_have_value(new_gallery)
