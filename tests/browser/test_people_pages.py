"""The pages about people, activity, galleries and keys: for everybody, on every screen."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_pages import MOST_BYTES, violations

HOSTILE = '<img src=x onerror="document.title=1">'
TELEPHONE = {"width": 360, "height": 740}
NONSENSE = ("[object Object]", "undefined", "NaN")
PAGES = [
    "users?gallery={gallery}",
    "users?gallery={gallery}&search=nobody",
    "users/{gallery}/ada",
    "users/{gallery}/nobody-near",
    "users/unregister?gallery={gallery}&user_id=ada&user_id=joe",
    "activity?gallery={gallery}",
    "activity?person=nobody-at-all",
    "attendance?gallery={gallery}",
    "attendance?since=2000-01-01&until=2000-01-02",
    "galleries",
    "galleries/{gallery}",
    "galleries/{gallery}/delete",
    "galleries/{gallery}/empty",
    "keys",
    "keys/{key}",
    "keys/{key}/revoke",
    "review?gallery={gallery}",
    "decisions/{decision}",
    "users/{gallery}/ada/references/{reference}",
]


@pytest.fixture(scope="module")
def filled(console, photos) -> dict[str, str]:
    """Return the names of a gallery with people, references, decisions and findings, and of one."""
    name, made = "people-pages", dict[str, str]()
    console.call("POST", "/galleries", json={"name": name})
    for user_id, photo in (("ada", photos.obama), ("ada", photos.obama2), ("joe", photos.biden)):
        fields = {"user_id": user_id, "gallery": name, "display_name": HOSTILE}
        done = console.post_photo("/register", photo, **fields).json()
        made.setdefault(user_id, done["accepted"][0]["reference_id"])
    console.post_photo("/register", photos.astronaut, user_id="nobody-near", gallery=name)
    for photo in (photos.obama3, photos.astronaut, photos.partial):
        console.post_photo("/identify", photo, gallery=name)
    refused = console.post_photo("/verify", photos.biden, user_id="ada", gallery=name)
    console.post_photo("/register", photos.astronaut, user_id="twin", gallery=name)
    assert "twin" in console.manage("audit_gallery", "--gallery", name)
    decision, key = refused.json()["decision_id"], console.key.split(".")[0]
    return {"gallery": name, "decision": decision, "reference": made["ada"], "key": key}


def opened(visit, filled: dict[str, str], path: str, **options) -> Page:
    return visit(f"/console/{path.format(**filled)}", **options)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_accessible_in_light_and_dark(visit, filled, path):
    page = opened(visit, filled, path)
    assert violations(page) == []
    page.emulate_media(color_scheme="dark")
    assert violations(page) == []
    expect(page.get_by_role("heading", level=1)).to_have_count(1)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_small_fits_a_telephone_and_speaks_to_people(visit, filled, path):
    page = visit("/console/sign-out-not", expect_errors=True, viewport=TELEPHONE)
    sizes: list[int] = []
    page.on("response", lambda answer: sizes.append(len(answer.body())))
    page.goto(f"/console/{path.format(**filled)}", wait_until="networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= TELEPHONE["width"]
    assert 0 < sum(sizes) < MOST_BYTES
    assert not [word for word in NONSENSE if word in page.locator("body").inner_text()]


def test_a_finding_is_settled_by_keyboard_and_undone(visit, console, photos, new_gallery):
    for user_id, photo in (("ada", photos.obama), ("lady", photos.obama2)):
        console.post_photo("/register", photo, user_id=user_id, gallery=new_gallery)
    console.manage("audit_gallery", "--gallery", new_gallery)
    page = visit(f"/console/review?gallery={new_gallery}", role="operator")
    expect(page.get_by_role("img", name="lady")).to_be_visible()
    page.get_by_role("button", name="Merge").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing is to be reviewed.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Merge")).to_be_visible()


def test_activity_is_filtered_without_javascript(visit, filled):
    path = "activity?gallery={gallery}"
    page = opened(visit, filled, path, role="viewer", java_script_enabled=False)
    page.get_by_label("What").select_option("verify")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("refused")
    expect(page.get_by_label("What")).to_have_value("verify")


def test_activity_and_attendance_are_saved_as_csv(visit, filled):
    for path in ("activity", "attendance"):
        page = opened(visit, filled, path + "?gallery={gallery}", role="viewer")
        with page.expect_download() as download:
            page.get_by_role("link", name="Export as CSV").click()
        text = download.value.path().read_text()
        assert download.value.suggested_filename == f"{path}.csv"
        assert "ada" in text and filled["gallery"] in text


def test_attendance_names_who_was_seen(visit, filled):
    page = opened(visit, filled, "attendance?gallery={gallery}", role="viewer")
    expect(page.get_by_role("link", name=HOSTILE)).to_be_visible()
    page.get_by_role("link", name=HOSTILE).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE)


def test_a_user_is_found_by_keyboard_alone(visit, filled):
    page = opened(visit, filled, "users?gallery={gallery}", role="viewer")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.get_by_label("Search").focus()
    page.keyboard.type("jo")
    page.keyboard.press("Enter")
    expect(page.locator("[data-count]")).to_have_text("1")
    page.get_by_role("link", name="View details joe").focus()
    page.keyboard.press("Enter")
    expect(page.locator("main code").first).to_have_text("joe")
