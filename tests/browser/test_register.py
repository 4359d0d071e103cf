"""Register, as a person does it: pictures, faces, boxes, duplicates, refusals."""

from __future__ import annotations

import base64

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import as_picture


@pytest.fixture
def form(visit, new_gallery) -> Page:
    return visit(address(new_gallery), role="operator")


def address(gallery: str) -> str:
    return f"/console/register?gallery={gallery}"


def test_pictures_are_boxed_as_soon_as_they_are_chosen(form, photos):
    form.set_input_files("#file", photos.obama)
    expect(form.get_by_text("One face")).to_be_visible()
    expect(form.locator(".face-box")).to_have_count(1)
    expect(form.locator(".landmark")).to_have_count(5)
    expect(form.get_by_text("px wide")).to_be_visible()


def test_several_pictures_become_references(form, photos, console, new_gallery):
    form.get_by_label("User id").fill("barack")
    form.get_by_label("Display name").fill("Barack Obama")
    form.get_by_text("Consent and retention").click()
    form.get_by_label("Lawful basis").select_option("consent")
    form.set_input_files("#file", [photos.obama, photos.obama2])
    form.get_by_role("button", name="Register").click()
    expect(form.get_by_text("barack: 2 accepted, 0 refused, 0 left out.")).to_be_visible()
    stored = console.call("GET", f"/users/barack?gallery={new_gallery}").json()
    assert (stored["display_name"], stored["total_references"]) == ("Barack Obama", 2)
    assert stored["consent_valid"]


def test_a_refused_picture_is_listed_with_its_reason(visit, photos, tmp_path, new_gallery):
    form = visit(address(new_gallery), role="operator", expect_errors=True)  # the 422
    blank = as_picture(tmp_path / "blank.jpg", (320, 240))
    form.get_by_label("User id").fill("mixed")
    form.set_input_files("#file", [photos.obama, blank])
    form.get_by_role("button", name="Register").click()
    expect(form.get_by_text("mixed: 1 accepted, 1 refused")).to_be_visible()
    card = form.locator("article", has_text="blank.jpg")
    expect(card.get_by_text("No face was found in the picture.")).to_be_visible()


def test_a_face_that_is_too_small_says_both_sizes(form, photos, tmp_path):
    small = as_picture(tmp_path / "small.jpg", (130, 162), photos.obama)
    form.set_input_files("#file", small)
    expect(form.get_by_text("32 px wide, 40 are needed. Come closer")).to_be_visible()


def test_the_one_of_several_faces_who_is_meant_is_clicked(form, photos, tmp_path, new_gallery):
    both = as_picture(tmp_path / "both.jpg", (1200, 800), photos.obama, photos.biden)
    form.get_by_label("User id").fill("second")
    form.set_input_files("#file", both)
    form.get_by_role("button", name="Face 2").first.click()
    form.get_by_role("button", name="Register").click()
    expect(form.get_by_text("second: 1 accepted")).to_be_visible()


def test_a_box_is_drawn_and_the_face_sought_inside_it(form, photos):
    form.set_input_files("#file", photos.obama)
    form.get_by_role("button", name="Draw a box").click()
    expect(form.get_by_text("A face was found inside the box.")).to_be_visible()
    button = form.get_by_role("button", name="Draw a box")
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")


def test_a_box_is_moved_by_keys_and_sent(visit, photos):
    form = visit("/console/register", role="operator", expect_errors=True)  # the 422
    form.set_input_files("#file", photos.obama)
    form.get_by_role("button", name="Draw a box").click()
    box = form.get_by_label("Box around the face")
    before = float(box.get_attribute("y"))
    for _ in range(60):
        box.press("ArrowDown")
    assert float(box.get_attribute("y")) > before
    expect(form.get_by_text("No face was found inside the given box.")).to_be_visible()


def test_a_box_is_resized_by_dragging_its_corner(form, photos):
    form.set_input_files("#file", photos.obama)
    form.get_by_role("button", name="Draw a box").click()
    corner = form.locator(".handle").bounding_box()
    before = float(form.locator(".drawn").get_attribute("width"))
    form.mouse.move(corner["x"] + corner["width"] / 2, corner["y"] + corner["height"] / 2)
    form.mouse.down()
    form.mouse.move(corner["x"] + 60, corner["y"] + 60)
    form.mouse.up()
    assert float(form.locator(".drawn").get_attribute("width")) > before + 20


def test_a_possible_duplicate_is_shown_side_by_side_and_asked_about(
    visit, photos, console, new_gallery
):
    console.post_photo("/register", photos.obama, user_id="known", gallery=new_gallery)
    form = visit(address(new_gallery), role="operator", expect_errors=True)  # the 409
    form.get_by_label("User id").fill("other")
    form.set_input_files("#file", photos.obama2)
    form.get_by_role("button", name="Register").click()
    dialog = form.get_by_role("dialog")
    expect(dialog.get_by_role("heading")).to_have_text("Is this known?")
    expect(dialog.locator("img")).to_have_count(2)
    dialog.get_by_role("button", name="Leave it out").click()
    expect(form.get_by_text("0 accepted, 0 refused, 1 left out")).to_be_visible()
    assert console.call("GET", f"/users/other?gallery={new_gallery}").status_code == 404


def test_two_people_who_look_alike_can_be_registered(visit, photos, console, new_gallery):
    console.post_photo("/register", photos.obama, user_id="known", gallery=new_gallery)
    form = visit(address(new_gallery), role="operator", expect_errors=True)
    form.get_by_label("User id").fill("twin")
    form.set_input_files("#file", photos.obama2)
    form.get_by_role("button", name="Register").click()
    form.get_by_role("button", name="They are two people").click()
    expect(form.get_by_text("twin: 1 accepted")).to_be_visible()


def test_the_same_pictures_are_sent_again_for_somebody_else(visit, photos, console, new_gallery):
    form = visit(address(new_gallery), role="operator", expect_errors=True)  # the 409
    form.set_input_files("#file", photos.obama)
    for user_id in ("ada", "bea"):
        form.get_by_label("User id").fill(user_id)
        form.get_by_role("button", name="Register").click()
        if user_id == "bea":
            form.get_by_role("button", name="They are two people").click()
        expect(form.get_by_text(f"{user_id}: 1 accepted")).to_be_visible()
        assert console.call("GET", f"/users/{user_id}?gallery={new_gallery}").ok


def test_nothing_can_be_changed_while_pictures_are_sent(form, photos):
    held = []
    form.route("**/register", lambda route: held.append(route))
    form.get_by_label("User id").fill("ada")
    form.set_input_files("#file", photos.obama)
    expect(form.get_by_text("One face")).to_be_visible()
    form.get_by_role("button", name="Register").click()
    expect(form.get_by_label("User id")).to_be_disabled()
    expect(form.get_by_role("button", name="Remove")).to_be_disabled()
    held[0].continue_()
    expect(form.get_by_text("ada: 1 accepted")).to_be_visible()
    expect(form.get_by_label("User id")).to_be_enabled()
    expect(form.get_by_role("button", name="Register")).to_be_focused()


def test_a_picture_is_taken_back_and_the_keyboard_goes_on_at_the_next(form, photos):
    form.set_input_files("#file", [photos.obama, photos.obama2])
    expect(form.get_by_text("One face")).to_have_count(2)
    form.get_by_role("button", name=f"Remove {photos.obama.name}").press("Enter")
    rest = form.get_by_role("button", name=f"Remove {photos.obama2.name}")
    expect(rest).to_be_focused()
    rest.press("Enter")
    expect(form.locator("#file")).to_be_focused()


def test_a_long_name_of_a_file_fits_a_telephone(visit, photos, tmp_path):
    long = tmp_path / f"{'long' * 40}.jpg"
    long.write_bytes(photos.obama.read_bytes())
    page = visit("/console/register", viewport={"width": 360, "height": 740})
    page.set_input_files("#file", long)
    expect(page.get_by_text("One face")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_face_chosen_by_key_keeps_the_focus(form, photos, tmp_path):
    both = as_picture(tmp_path / "both.jpg", (1200, 800), photos.obama, photos.biden)
    form.set_input_files("#file", both)
    form.locator("[data-facts] button").nth(1).press("Enter")
    expect(form.locator("[data-facts] button").nth(1)).to_be_focused()
    expect(form.locator(".face-number")).to_have_text(["1", "2"])
    expect(form.locator("[data-facts] li", has_text="px wide")).to_have_count(2)


def test_reset_takes_everything_back(form, photos):
    form.get_by_label("User id").fill("ada")
    form.set_input_files("#file", photos.obama)
    form.get_by_role("button", name="Reset").click()
    expect(form.get_by_label("User id")).to_have_value("")
    expect(form.locator("article")).to_have_count(0)


def test_a_picture_is_dropped(form, photos):
    form.evaluate(DROP, [base64.b64encode(photos.obama.read_bytes()).decode(), "drop"])
    expect(form.get_by_text("One face")).to_be_visible()


def test_a_picture_that_falls_beside_does_not_lead_away(form, photos):
    picture = base64.b64encode(photos.obama.read_bytes()).decode()
    assert form.evaluate(DROP, [picture, "beside"]) is False  # what the browser does is prevented
    expect(form.locator("article")).to_have_count(0)


def test_a_picture_is_pasted(form, photos):
    form.evaluate(DROP, [base64.b64encode(photos.obama.read_bytes()).decode(), "paste"])
    expect(form.get_by_text("One face")).to_be_visible()


def test_a_picture_is_taken_with_the_webcam(form):
    form.get_by_role("button", name="Use the camera").click()
    video = form.get_by_role("dialog").locator("video")
    expect(video).to_have_js_property("videoWidth", 1280)
    form.get_by_role("button", name="Take the picture").click()
    expect(form.get_by_role("heading", name="camera-")).to_be_visible()


def test_the_form_says_that_a_picture_is_missing(form):
    form.get_by_label("User id").fill("ada")
    for name in ("Register", "Preview"):
        form.get_by_role("button", name=name).click()
        expect(form.get_by_role("alert")).to_have_text("Choose at least one picture.")
        form.get_by_role("button", name="Reset").click()


def test_a_wrong_user_id_is_said_beside_its_field(visit, photos):
    form = visit("/console/register", role="operator", expect_errors=True)
    form.get_by_label("User id").fill("no spaces allowed")
    form.set_input_files("#file", photos.obama)
    form.get_by_role("button", name="Register").click()
    field = form.locator(".field", has=form.get_by_label("User id"))
    expect(field.locator(".errors")).to_contain_text("128 characters")
    expect(form.get_by_label("User id")).to_have_attribute("aria-invalid", "true")


def test_without_javascript_the_form_registers(visit, photos, console, new_gallery):
    form = visit(address(new_gallery), role="operator", java_script_enabled=False)
    form.get_by_label("User id").fill("plain")
    form.set_input_files("#file", [photos.obama])
    form.get_by_role("button", name="Register").click()
    expect(form.get_by_text("plain has 1 reference.")).to_be_visible()


DROP = """async ([data, kind]) => {
  const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], "given.jpg", {type: "image/jpeg"}));
  const event = kind === "paste"
    ? new ClipboardEvent("paste", {clipboardData: transfer, bubbles: true})
    : new DragEvent("drop", {dataTransfer: transfer, bubbles: true, cancelable: true});
  return document.querySelector(kind === "drop" ? ".drop" : "h1").dispatchEvent(event);
}"""
