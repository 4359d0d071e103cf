"""Verify and Identify, as a person uses them."""

from __future__ import annotations

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.conftest import as_picture

ORIENTATION = 0x0112  # EXIF's tag


@pytest.fixture
def known(console, photos, new_gallery) -> str:
    """Return a gallery in which Barack Obama is known."""
    fields = {"user_id": "barack", "display_name": "Barack Obama", "gallery": new_gallery}
    assert console.post_photo("/register", photos.obama, **fields).status_code == 201
    return new_gallery


def test_a_claimed_person_is_verified(visit, known, photos):
    page = visit(f"/console/verify?gallery={known}", role="operator")
    page.get_by_label("User id").fill("barack")
    page.set_input_files("#file", photos.obama2)
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_role("heading", name="Yes, this is barack.")).to_be_visible()
    expect(page.get_by_role("img", name="Similarity")).to_be_visible()
    expect(page.locator(".face-match .face-name")).to_have_text("barack")


def test_somebody_else_is_not_verified(visit, known, photos):
    page = visit(f"/console/verify?gallery={known}", role="operator")
    page.get_by_label("User id").fill("barack")
    page.set_input_files("#file", photos.biden)
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_role("heading", name="This was not verified as barack.")).to_be_visible()
    expect(page.get_by_text("is under the threshold")).to_be_visible()


def test_somebody_who_is_not_registered_is_said(visit, known, photos):
    page = visit(f"/console/verify?gallery={known}", role="operator", expect_errors=True)
    page.get_by_label("User id").fill("nobody")
    page.set_input_files("#file", photos.biden)
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_role("alert")).to_contain_text("No user 'nobody' is registered")
    expect(page.get_by_role("button", name="Verify")).to_be_focused()


def test_all_faces_are_listed_beside_the_one_that_was_compared(visit, known, photos, tmp_path):
    group = as_picture(tmp_path / "group.jpg", (1200, 800), photos.obama2, photos.biden)
    page = visit(f"/console/verify?gallery={known}", role="operator")
    page.get_by_label("User id").fill("barack")
    page.set_input_files("#file", group)
    expect(page.locator("#result li", has_text="px wide")).to_have_count(2)
    page.get_by_role("button", name="Face 2").press("Enter")
    page.get_by_role("button", name="Verify").click()
    expect(page.locator("#result li", has_text="px wide")).to_have_count(2)
    expect(page.locator("#result li").nth(1)).to_contain_text("This face was compared.")
    expect(page.locator(".face-number")).to_have_text(["1", "2"])


def test_everybody_in_a_group_is_named_or_unknown(visit, known, photos, tmp_path):
    group = as_picture(tmp_path / "group.jpg", (1200, 800), photos.obama2, photos.biden)
    page = visit(f"/console/identify?gallery={known}", role="operator")
    page.set_input_files("#file", group)
    page.get_by_role("button", name="Identify").click()
    expect(page.locator(".face-match .face-name")).to_have_text("Barack Obama")
    expect(page.locator(".face-unknown .face-name")).to_have_text("unknown")
    expect(page.locator("#result .tag", has_text="match")).to_be_visible()
    expect(page.locator(".face-number")).to_have_text(["1", "2"])
    expect(page.locator("#result .faces > li", has_text="px wide")).to_have_count(2)
    crop = page.locator("#result img").first
    expect(crop).to_have_js_property("naturalWidth", 150)


def test_the_keyboard_alone_suffices(visit, known, photos):
    page = visit(f"/console/identify?gallery={known}", role="operator")
    page.get_by_role("button", name="Preview").press("Enter")
    expect(page.get_by_role("alert")).to_have_text("Choose a picture.")
    page.set_input_files("#file", photos.obama2)
    expect(page.get_by_text("One face was found.")).to_be_visible()
    page.locator("#file").focus()
    while page.evaluate("document.activeElement.textContent") != "Identify":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".face-match .face-name")).to_have_text("Barack Obama")
    assert page.evaluate("document.activeElement.id") == "result"
    assert page.locator("[aria-live] #result, #result[aria-live]").count() == 0  # not read twice


@pytest.mark.parametrize("path", ["verify", "identify"])
def test_without_javascript_the_forms_answer(visit, known, photos, path):
    page = visit(f"/console/{path}?gallery={known}", role="operator", java_script_enabled=False)
    if path == "verify":
        page.get_by_label("User id").fill("barack")
    page.set_input_files("#file", photos.obama2)
    page.get_by_role("button", name=path.capitalize()).click()
    expect(page.get_by_text("reaches the threshold")).to_be_visible()


def test_a_picture_turned_by_its_exif_is_boxed_where_the_face_is_shown(
    visit, known, photos, tmp_path
):
    turned = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[ORIENTATION] = 3
    Image.open(photos.obama).rotate(180).save(turned, exif=exif, quality=95)
    page = visit(f"/console/identify?gallery={known}", role="operator")
    boxes = []
    for picture in (photos.obama, turned):
        page.set_input_files("#file", picture)
        expect(page.locator("#stage img")).to_have_attribute("alt", picture.name)
        boxes.append(page.locator(".face-box").bounding_box())
    assert all(abs(boxes[0][side] - boxes[1][side]) < 4 for side in boxes[0])


def test_a_hostile_name_stays_text(visit, console, photos, new_gallery):
    hostile = "<img src=x onerror=document.title='ran'>"
    fields = {"user_id": "ada", "display_name": hostile, "gallery": new_gallery}
    console.post_photo("/register", photos.obama, **fields)
    page = visit(f"/console/identify?gallery={new_gallery}", role="operator")
    page.set_input_files("#file", photos.obama2)
    page.get_by_role("button", name="Identify").click()
    expect(page.locator(".face-name")).to_have_text(hostile)
    expect(page.locator("#result")).to_contain_text(hostile)
    assert page.title() != "ran"


def test_an_answer_about_an_earlier_picture_is_dropped(visit, known, photos):
    page, held = visit(f"/console/identify?gallery={known}", role="operator"), []
    page.route("**/identify", lambda route: held.append(route))
    page.set_input_files("#file", photos.obama2)
    page.get_by_role("button", name="Identify").click()
    expect(page.get_by_text("Comparing…")).to_be_visible()
    page.set_input_files("#file", photos.biden)
    expect(page.get_by_text("One face was found.")).to_be_visible()
    held[0].continue_()
    expect(page.get_by_role("button", name="Identify")).to_be_enabled()
    expect(page.locator("#result")).to_be_empty()
    expect(page.locator(".face-match")).to_have_count(0)
