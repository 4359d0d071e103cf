"""Every page: accessible, small, within the content security policy, from 360 px up."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

PAGES = ["", "register", "imports", "verify", "identify", "live"]
OTHERS = ["/admin/", "/docs/", "/users", "/galleries", "/api/v1/"]
SERIOUS = {"serious", "critical"}
MOST_BYTES = 200_000


def violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found if one["impact"] in SERIOUS]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_accessible_in_light_and_dark(visit, path):
    page = visit(f"/console/{path}")
    assert violations(page) == []
    page.emulate_media(color_scheme="dark")
    assert violations(page) == []


def test_the_sign_in_page_is_accessible(visit):
    assert violations(visit("/console/sign-in", role="")) == []


def test_pages_with_results_are_accessible(visit, console, photos, new_gallery):
    console.post_photo("/register", photos.obama, user_id="ada", gallery=new_gallery)
    page = visit(f"/console/identify?gallery={new_gallery}")
    page.set_input_files("#file", photos.obama2)
    page.get_by_role("button", name="Identify").click()
    expect(page.locator("#result")).to_contain_text("ada")
    assert violations(page) == []


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_small_and_fits_a_telephone(visit, path):
    # Signed in, and nothing is cached of it.
    page = visit(
        "/console/sign-out-not", expect_errors=True, viewport={"width": 360, "height": 740}
    )
    sizes: list[int] = []
    page.on("response", lambda answer: sizes.append(len(answer.body())))
    page.goto(f"/console/{path}", wait_until="networkidle")
    assert 0 < sum(sizes) < MOST_BYTES
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_on_a_telephone_the_navigation_shows_where_one_is(visit):
    page = visit("/console/keys", viewport={"width": 360, "height": 740})
    expect(page.get_by_role("link", name="API keys")).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("width", [1200, 1400])
def test_the_signed_in_name_stands_in_the_first_line(visit, width):
    page = visit("/console/evaluations", viewport={"width": width, "height": 740})
    brand, name = page.locator(".brand").bounding_box(), page.locator(".who span").bounding_box()
    middles = [box["y"] + box["height"] / 2 for box in (brand, name)]
    assert abs(middles[0] - middles[1]) < brand["height"]


@pytest.mark.parametrize("path", OTHERS)
def test_other_pages_keep_to_the_policy(visit, path):
    page = visit(path)  # its faults are looked at in the end
    expect(page.locator("body")).to_be_visible()


def test_an_unknown_page_is_said_in_words(visit):
    page = visit("/console/nowhere", expect_errors=True)
    expect(page.get_by_role("heading")).to_have_text("There is no such page.")
    assert violations(page) == []
    page.goto("/console/users?gallery=nowhere")
    expect(page.get_by_role("heading")).to_have_text("There is no gallery 'nowhere'.")
    assert violations(page) == []


def test_a_script_in_a_page_is_refused(visit):
    page = visit("/console/").context.new_page()  # what is refused stands on its console
    page.goto("/console/")
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'),"
        " {textContent: 'window.ran = true'}))"
    )
    assert page.evaluate("window.ran") is None


def test_a_viewer_sees_no_way_to_what_a_viewer_may_not(visit):
    page = visit("/console/", role="viewer")
    links = page.get_by_role("navigation").get_by_role("link").all_inner_texts()
    assert "Home" in links and not {"Register", "Verify", "Identify", "Live"} & set(links)


@pytest.mark.parametrize("path", ["register", "verify", "identify", "live"])
def test_a_viewer_who_knows_the_address_is_told(visit, path):
    page = visit(f"/console/{path}", role="viewer", expect_errors=True)
    expect(page.get_by_role("heading")).to_have_text("Your account may not do this.")
    assert violations(page) == []


def test_who_is_not_signed_in_is_led_to_sign_in_and_back(visit):
    page = visit("/console/identify", role="")
    page.get_by_label("Username").fill("operator")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("Please enter the correct")
    page.get_by_label("Password").fill("correct horse battery staple")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/console/identify")


def test_home_shows_what_is_in_force(visit):
    page = visit("/console/")
    expect(page.locator("main")).to_contain_text("dlib-resnet-v1")
    expect(page.locator("main")).to_contain_text("of strangers 0.1 % are taken for a person")
    expect(page.get_by_role("heading", name="Health")).to_be_visible()
