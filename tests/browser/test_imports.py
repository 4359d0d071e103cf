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
    drop(page, people)
    expect_done(page)
    expect(page.locator("tbody tr")).to_have_count(4)


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
    expect(page.locator("[data-state]")).not_to_have_text(re.compile(r"^0\.0 of"))
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
