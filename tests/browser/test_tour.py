"""A tour of the console, whose pictures stand in the README.

``FACESITE_PICTURES=docs/pictures`` keeps them; else they are made and thrown away.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import as_picture, sign_in
from tests.browser.test_imports import worker as worker
from tests.browser.test_live import camera as camera

WINDOW = {"width": 1200, "height": 800}
#: What the pictures show in place of names at random; one for each test.
NAMES = iter(
    ("employees", "visitors", "archive", "north-door", "south-door", "volunteers", "night-shift",
     "library", "choir", "crew", "suppliers", "students", "teachers", "members", "press")
)  # fmt: skip


@pytest.fixture
def new_gallery(console) -> str:
    """Return a gallery of this test's own."""
    name = next(NAMES)
    assert console.call("POST", "/galleries", json={"name": name}).status_code == 201
    return name


@pytest.fixture
def people(console, photos, new_gallery) -> str:
    """Return a gallery with two people and some decisions."""
    for user_id, name, photo in (
        ("obama", "Barack Obama", photos.obama),
        ("astronaut", "Eileen Collins", photos.astronaut),
    ):
        fields = {"user_id": user_id, "display_name": name, "gallery": new_gallery}
        assert console.post_photo("/register", photo, **fields).status_code == 201
    for probe in (photos.obama2, photos.biden):
        console.post_photo("/identify", probe, gallery=new_gallery)
    return new_gallery


@pytest.fixture
def taken(tmp_path: Path) -> Callable[[Page, str], None]:
    """Return a function that takes a picture of what a page shows."""
    folder = Path(os.environ.get("FACESITE_PICTURES", tmp_path))

    def take(page: Page, name: str) -> None:
        path = folder / f"{name}.jpg"
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=path, type="jpeg", quality=80)
        assert Image.open(path).size == (WINDOW["width"], WINDOW["height"])

    return take


def test_home(visit, people, taken):
    page = visit("/console/", viewport=WINDOW)
    expect(page.get_by_role("heading", name="Recent decisions")).to_be_visible()
    taken(page, "home")


def test_register(visit, people, photos, taken):
    page = visit(f"/console/register?gallery={people}", viewport=WINDOW)
    page.get_by_label("User id").fill("obama")
    page.set_input_files("#file", [photos.obama2])
    expect(page.get_by_text("px wide")).to_be_visible()
    taken(page, "register")


def test_verify(visit, people, photos, taken):
    page = visit(f"/console/verify?gallery={people}", viewport=WINDOW)
    page.get_by_label("User id").fill("obama")
    page.set_input_files("#file", photos.obama3)
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_role("heading", name="Yes, this is obama.")).to_be_visible()
    taken(page, "verify")


def test_identify(visit, people, photos, tmp_path, taken):
    group = as_picture(tmp_path / "group.jpg", (1200, 620), photos.obama2, photos.biden)
    page = visit(f"/console/identify?gallery={people}", viewport=WINDOW)
    page.set_input_files("#file", group)
    page.get_by_role("button", name="Identify").click()
    expect(page.locator(".face-match .face-name")).to_have_text("Barack Obama")
    taken(page, "identify")


def test_live(camera, console, photos, people, taken):
    context = camera.new_context(base_url=console.url, viewport=WINDOW, permissions=["camera"])
    page = context.new_page()
    sign_in(page, "operator")
    page.goto(f"/console/live?gallery={people}")
    page.get_by_role("button", name="Start the camera").click()
    expect(page.locator(".face-match .face-name")).to_have_text("Barack Obama")
    taken(page, "live")
    context.close()


@pytest.mark.parametrize(
    ("name", "path", "seen"),
    [
        ("users", "users?gallery={}", "Eileen Collins"),
        ("person", "users/{}/obama", "Barack Obama"),
        ("activity", "activity?gallery={}", "identify"),
        ("attendance", "attendance?gallery={}", "Barack Obama"),
        ("galleries", "galleries", "default"),
        ("keys", "keys", "tests"),
    ],
)
def test_what_is_known(visit, people, taken, name, path, seen):
    page = visit(f"/console/{path.format(people)}", viewport=WINDOW)
    expect(page.locator("main")).to_contain_text(seen)
    taken(page, name)


def test_evaluation(visit, console, people, photos, taken):
    console.post_photo("/register", photos.obama2, user_id="obama", gallery=people)
    console.post_photo("/register", photos.biden, user_id="biden", gallery=people)
    console.manage("evaluate", "--gallery", people, "--jobs", "1")
    page = visit("/console/evaluations", viewport=WINDOW)
    page.get_by_role("link", name=people).click()
    plot = page.get_by_role("img", name="FNMR by FMR")
    plot.scroll_into_view_if_needed()
    expect(plot).to_have_js_property("naturalWidth", 768)
    taken(page, "evaluation")
    shutil.rmtree(console.folder / "evaluations")  # others look at a site without any


def test_review(visit, console, people, photos, taken):
    console.post_photo("/register", photos.obama2, user_id="barry", gallery=people)
    console.manage("audit_gallery", "--gallery", people)
    page = visit(f"/console/review?gallery={people}", viewport=WINDOW)
    expect(page.get_by_text("look like one person")).to_be_visible()
    page.wait_for_load_state("networkidle")  # the pictures of both people
    taken(page, "review")


def test_import(visit, new_gallery, tmp_path, photos, worker, taken):
    for name in ("obama", "biden", "astronaut"):
        (tmp_path / "people" / name).mkdir(parents=True)
        shutil.copy(getattr(photos, name), tmp_path / "people" / name)
    page = visit(f"/console/imports?gallery={new_gallery}", viewport=WINDOW)
    page.set_input_files("#folder", tmp_path / "people")
    expect(page.locator("[data-tag]")).to_have_text("done")
    taken(page, "import")
