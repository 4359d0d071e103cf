"""Folders and ZIPs, dropped on the page and imported by a worker in a process of its own."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_pages import violations
from tests.imports.conftest import packed
from tests.servers import ROOT, Site

PATIENCE = 120_000  # ms; a worker has a low priority, and other tests take the cores
IMPORT = re.compile(r"/console/imports/[0-9a-f-]{36}$")


@pytest.fixture
def worker(console: Site) -> Iterator[None]:
    """Run a worker for the console's imports."""
    command = [sys.executable, str(ROOT / "manage.py"), "worker"]
    with console.log_path.open("ab") as log:
        process = subprocess.Popen(command, env=console.environment, stderr=log)
    yield
    process.terminate()
    process.wait(timeout=60)


@pytest.fixture
def people(tmp_path: Path, photos) -> Path:
    """Return a folder of two people, and of files that are not for anybody."""
    root = tmp_path / "people"
    for path, photo in {"barack/1.jpg": photos.obama, "Joe Biden/1.jpg": photos.biden}.items():
        (root / path).parent.mkdir(parents=True)
        shutil.copy(photo, root / path)
    (root / "barack" / "notes.txt").write_text("a text")
    (root / "barack" / "<img src=x onerror=alert(1)>.jpg").write_bytes(b"no picture")
    return root


def many(root: Path, count: int) -> Path:
    """Add files that show nobody."""
    for number in range(count):
        (root / "barack" / f"many-{number}.jpg").write_bytes(b"no picture %d" % number)
    return root


def open_imports(visit, gallery: str, **options) -> Page:
    return visit(f"/console/imports?gallery={gallery}", role="operator", **options)


def expect_done(page: Page) -> None:
    page.wait_for_url(IMPORT)
    expect(page.locator("[data-tag]")).to_have_text("done", timeout=PATIENCE)


def test_a_folder_is_imported_and_each_file_told_of(visit, console, new_gallery, people, worker):
    page = open_imports(visit, new_gallery)
    page.get_by_text("Consent and retention").click()
    page.get_by_label("Lawful basis").select_option("contract")
    page.set_input_files("#folder", people)
    expect_done(page)
    expect(page.locator("[data-said]")).to_have_text("4 of 4 files")
    rows = page.locator("tbody tr")
    expect(rows.filter(has_text="Joe Biden")).to_contain_text("registered")
    expect(rows.filter(has_text="<img src=x")).to_contain_text("refused")
    assert violations(page) == []
    users = console.call("GET", f"/users?gallery={new_gallery}").json()["results"]
    assert [user["user_id"] for user in users] == ["barack", "joe-biden"]
    assert {user["lawful_basis"] for user in users} == {"contract"}


def test_the_outcomes_are_filtered_and_the_report_downloaded(visit, new_gallery, people, worker):
    page = open_imports(visit, new_gallery)
    page.set_input_files("#folder", people)
    expect_done(page)
    page.get_by_role("link", name="refused (1)").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    with page.expect_download() as download:
        page.get_by_role("link", name="Report (CSV)").click()
    assert len(Path(download.value.path()).read_text().splitlines()) == 5


def test_a_dropped_folder_is_imported(visit, new_gallery, people, worker):
    page = open_imports(visit, new_gallery)
    page.evaluate(UNREADABLE)
    drop(page, people)
    expect(page.get_by_role("alert")).to_contain_text("people cannot be read.")
    page.evaluate("() => { DataTransferItem.prototype.webkitGetAsEntry = real; }")
    drop(page, people)
    expect_done(page)
    expect(page.locator("tbody tr")).to_have_count(4)


UNREADABLE = """() => {
  const file = (done, fail) => fail(new DOMException("raw", "x"));
  window.real = DataTransferItem.prototype.webkitGetAsEntry;
  DataTransferItem.prototype.webkitGetAsEntry = () => ({isFile: true, name: "people", file});
}"""


def drop(page: Page, path: Path) -> None:
    """Drop a file or a folder on the page, as from a file manager."""
    box = page.locator("#drop").bounding_box()
    assert box
    place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    session = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, **place, "data": data})


def test_a_dropped_zip_is_imported(visit, new_gallery, portraits, tmp_path, worker):
    (tmp_path / "people.zip").write_bytes(packed(portraits))
    page = open_imports(visit, new_gallery)
    drop(page, tmp_path / "people.zip")
    expect_done(page)
    expect(page.locator("tbody tr")).to_have_count(3)


def test_an_upload_that_was_stopped_goes_on(visit, new_gallery, people, worker):
    page = open_imports(visit, new_gallery)
    sent: list[str] = []

    def first_only(route):
        sent.append(route.request.url)
        if len(sent) == 1:
            route.continue_()  # the others wait, as for a line that broke

    page.route("**/files", first_only)
    page.set_input_files("#folder", many(people, 70))
    expect(page.locator("#upload progress")).not_to_have_js_property("value", 0)
    page.get_by_role("button", name="Stop the upload").click()
    page.wait_for_url(IMPORT)
    expect(page.get_by_text("Choose the same folder again")).to_be_visible()
    assert violations(page) == []
    page.unroute("**/files")
    page.set_input_files("#again", people)
    expect_done(page)
    expect(page.locator("[data-said]")).to_have_text("74 of 74 files")


def test_an_import_is_watched_over_a_reload_and_cancelled(visit, new_gallery, people):
    page = open_imports(visit, new_gallery)
    page.set_input_files("#folder", people)
    page.wait_for_url(IMPORT)
    expect(page.locator("[data-no-worker]")).to_be_visible()
    page.route("**/progress", lambda route: route.fulfill(body="{}"))
    expect(page.locator("[data-said]")).to_contain_text("The answer of the service cannot be read.")
    expect(page.locator("#heard")).to_have_text("The answer of the service cannot be read.")
    page.unroute("**/progress")
    expect(page.locator("#heard")).to_have_text("State: waiting")
    page.reload()
    expect(page.locator("[data-said]")).to_have_text("1 of 4 files")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("[data-tag]")).to_have_text("cancelled")
    page.get_by_role("button", name="Erase this report").click()
    expect(page.get_by_text("The import was discarded.")).to_be_visible()


def test_what_a_worker_does_shows_without_a_reload(visit, new_gallery, people, request):
    page = open_imports(visit, new_gallery)
    page.set_input_files("#folder", people)
    page.wait_for_url(IMPORT)
    expect(page.locator("[data-no-worker]")).to_be_visible()
    request.getfixturevalue("worker")
    expect(page.locator("[data-no-worker]")).to_be_hidden(timeout=PATIENCE)
    expect_done(page)


def test_a_broken_zip_is_said_in_words(visit, new_gallery, tmp_path):
    (tmp_path / "people.zip").write_bytes(b"no zip at all")
    page = open_imports(visit, new_gallery, expect_errors=True)
    page.set_input_files("#file", tmp_path / "people.zip")
    expect(page.get_by_role("alert")).to_contain_text("The ZIP cannot be read")
    page.get_by_role("button", name="Go on or discard it").click()
    page.get_by_role("button", name="Discard the upload").click()
    expect(page.get_by_text("The import was discarded.")).to_be_visible()


def test_an_import_that_cannot_be_begun_is_tried_again(visit, new_gallery, people):
    page = open_imports(visit, new_gallery, expect_errors=True)
    answers = [{"status": 502, "body": "<h1>nginx</h1>"}, {"body": ""}, {"body": "{}"}, None]
    page.route("**/console/imports", lambda route: answer(route, answers))
    page.set_input_files("#folder", people)
    for said in ("cannot be reached behind its proxy", "cannot be read", "cannot be read", "Check"):
        expect(page.get_by_role("alert")).to_contain_text(said)
        expect(page.get_by_role("button", name="Try again")).to_be_focused()
        expect(page.locator("#folder")).to_have_value("")  # the same can be chosen again
        page.keyboard.press("Enter")
    page.wait_for_url(IMPORT)


def answer(route, answers) -> None:
    """Answer with the next of ``answers``, None for a broken line; then as the service does."""
    if not answers:
        route.continue_()
    elif given := answers.pop(0):
        route.fulfill(**given)
    else:
        route.abort()


def test_consent_that_is_refused_is_said_at_its_field(visit, new_gallery, people):
    page = open_imports(visit, new_gallery, expect_errors=True)
    page.get_by_text("Consent and retention").click()
    page.get_by_label("Given on").fill("2026-01-02")
    page.get_by_label("Holds until").fill("2026-01-01")
    page.set_input_files("#folder", people)
    field = page.locator("#consent .field", has=page.get_by_label("Holds until"))
    expect(field.locator(".errors")).to_have_text("Consent cannot end before it was given.")
    page.get_by_label("Holds until").fill("2026-01-03")
    page.get_by_role("button", name="Try again").click()
    page.wait_for_url(IMPORT)


def test_a_file_that_is_gone_is_named(visit, new_gallery, people):
    page = open_imports(visit, new_gallery, expect_errors=True)
    gone = people / "Joe Biden" / "1.jpg"
    page.route("**/console/imports", lambda route: (gone.unlink(), route.continue_()))
    page.set_input_files("#folder", people)
    expect(page.get_by_role("alert")).to_contain_text("1.jpg cannot be read.")
    expect(page.get_by_role("button", name="Go on or discard it")).to_be_focused()


def test_a_proxy_that_refuses_large_parts_is_told_of(visit, new_gallery, portraits, tmp_path):
    (tmp_path / "people.zip").write_bytes(packed(portraits))
    page = open_imports(visit, new_gallery, expect_errors=True)
    page.route("**/slices", lambda route: route.fulfill(status=413, body="<h1>nginx</h1>"))
    page.set_input_files("#file", tmp_path / "people.zip")
    expect(page.get_by_role("alert")).to_contain_text("lets no parts of this size through")


def test_a_zip_is_imported_without_javascript(visit, new_gallery, portraits, tmp_path, worker):
    (tmp_path / "people.zip").write_bytes(packed(portraits))
    page = open_imports(visit, new_gallery, java_script_enabled=False)
    page.select_option("#gallery", new_gallery)
    page.set_input_files("#file", tmp_path / "people.zip")
    page.get_by_role("button", name="Import").click()
    page.wait_for_url(IMPORT)
    for _ in range(PATIENCE // 500):
        if "done" in page.locator("[data-tag]").inner_text():
            break
        page.wait_for_timeout(500)
        page.reload()
    expect(page.locator("[data-tag]")).to_have_text("done")
    expect(page.locator("tbody tr")).to_have_count(3)


def test_a_viewer_is_offered_no_upload(visit):
    page = visit("/console/imports", role="viewer")
    expect(page.get_by_role("heading", name="Imports")).to_be_visible()
    expect(page.locator("#import")).to_have_count(0)
