"""The list of users in a browser: by mouse, by keyboard, without JavaScript."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

HOSTILE = '<img src=x onerror="document.title=1">'


@pytest.fixture
def users(console, photos, new_gallery) -> str:
    """Return the address of a list with ``ada``, ``joe`` and ``eve`` of the hostile name."""
    for user_id, name in (("ada", "obama"), ("joe", "biden"), ("eve", "astronaut")):
        fields = {"display_name": HOSTILE} if user_id == "eve" else {}
        photo = getattr(photos, name)
        console.post_photo("/register", photo, user_id=user_id, gallery=new_gallery, **fields)
    return f"/console/users?gallery={new_gallery}"


def unregister(page: Page, user_id: str) -> None:
    page.get_by_role("button", name=f"Unregister {user_id}").click()


def rows(page: Page):
    return page.locator("tbody tr")


def test_unregister_takes_the_row_away_and_counts_one_less(visit, users):
    page = visit(users, role="operator")
    unregister(page, "joe")
    page.get_by_role("dialog").get_by_role("button", name="Unregister").click()
    expect(page.locator("[data-count]")).to_have_text("2")
    expect(rows(page)).to_have_count(2)
    expect(page.locator("#said")).to_contain_text("joe is erased.")
    page.reload()
    expect(rows(page)).to_have_count(2)


def test_nobody_is_unregistered_where_the_dialog_is_left(visit, users):
    page = visit(users, role="operator")
    unregister(page, "joe")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(rows(page)).to_have_count(3)


def test_the_keyboard_alone_unregisters_and_stays_in_the_list(visit, users):
    page = visit(users, role="operator")
    page.get_by_role("button", name="Unregister ada").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(rows(page)).to_have_count(2)
    expect(page.get_by_role("link", name="View details eve")).to_be_focused()


def test_somebody_who_is_gone_meanwhile_leaves_the_list_too(visit, users, console, new_gallery):
    page = visit(users, role="operator", expect_errors=True)
    console.call("DELETE", f"/unregister/joe?gallery={new_gallery}")
    unregister(page, "joe")
    page.get_by_role("dialog").get_by_role("button", name="Unregister").click()
    expect(rows(page)).to_have_count(2)


def test_a_refusal_is_said_and_the_row_stays(visit, users):
    page = visit(users, role="operator", expect_errors=True)
    page.route("**/unregister/joe*", lambda route: route.fulfill(status=502, body="<html>"))
    unregister(page, "joe")
    page.get_by_role("dialog").get_by_role("button", name="Unregister").click()
    expect(page.get_by_role("alert")).to_contain_text("cannot be reached behind its proxy")
    expect(rows(page)).to_have_count(3)


def test_chosen_users_are_unregistered_once_their_number_is_typed(visit, users):
    page = visit(users, role="operator")
    page.get_by_label("Choose all on this page").check()
    page.get_by_role("button", name="Unregister the 3 chosen").click()
    page.get_by_label("Type 3").fill("3")
    page.get_by_role("button", name="Unregister").click()
    expect(page.get_by_text("3 users are erased.")).to_be_visible()
    expect(page.get_by_text("Nobody is registered in this gallery yet.")).to_be_visible()


def test_without_javascript_the_button_of_a_row_asks_on_a_page(visit, users):
    page = visit(users, role="operator", java_script_enabled=False)
    unregister(page, "joe")
    page.get_by_role("button", name="Unregister").click()
    expect(page.get_by_text("1 user is erased.")).to_be_visible()
    expect(rows(page)).to_have_count(2)


def test_a_hostile_name_stays_text(visit, users):
    page = visit(users)
    expect(page.get_by_text(HOSTILE)).to_be_visible()
    expect(page).to_have_title("Users · Facesite")


def test_a_viewer_is_shown_no_way_to_unregister(visit, users):
    page = visit(users, role="viewer")
    expect(rows(page)).to_have_count(3)
    expect(page.get_by_role("button", name="Unregister")).to_have_count(0)
    expect(page.get_by_role("checkbox")).to_have_count(0)


def test_on_a_telephone_the_list_is_sorted_and_all_of_it_chosen(visit, users):
    page = visit(users, role="operator", viewport={"width": 360, "height": 740})
    page.get_by_label("Sort by").select_option(label="User id, downwards")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(rows(page).first).to_contain_text("joe")
    page.get_by_label("Choose all on this page").check()
    expect(page.get_by_role("button", name="Unregister the 3 chosen")).to_be_enabled()
    page.get_by_role("link", name="Name").focus()
    expect(page.get_by_role("link", name="Name")).to_be_in_viewport()


def test_after_the_last_row_the_keyboard_goes_on_in_the_page(visit, users):
    page = visit(f"{users}&search=joe", role="operator")
    unregister(page, "joe")
    page.get_by_role("dialog").get_by_role("button", name="Unregister").click()
    expect(page.get_by_text("Nobody is like that here.")).to_be_visible()
    expect(page.locator("#main")).to_be_focused()
