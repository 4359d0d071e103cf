"""A real browser before a real service: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageOps
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.servers import Site

PASSWORD = "correct horse battery staple"
PATIENCE = 15_000  # ms; a machine with two cores runs other tests meanwhile
expect.set_options(timeout=PATIENCE)
ROLES = ("viewer", "operator", "administrator")

# Django's own way to make users, for the roles that a migration makes groups of.
MAKE_USERS = f"""
from django.contrib.auth.models import Group, User
for role in {ROLES}:
    user = User.objects.create_user(role, password={PASSWORD!r}, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
User.objects.create_superuser("root", password={PASSWORD!r})
"""


def chromium_program() -> str:
    """Return the path of the system's Chromium."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    return str(found or pytest.skip("NOT TESTED, there is no Chromium: apt install chromium"))


@pytest.fixture(scope="session")
def console(tmp_path_factory: pytest.TempPathFactory, networks_dir: Path) -> Iterator[Site]:
    """Return Facesite in processes of its own, with a user of each role and ``root``."""
    chromium_program()
    site = Site(tmp_path_factory.mktemp("console"), networks_dir, RATE_SESSION="")
    site.manage("collectstatic", "--no-input", "--verbosity", "0")
    site.manage("shell", "--no-imports", "--command", MAKE_USERS)
    yield site.start()
    site.stop()


@pytest.fixture(scope="module")
def launch() -> Iterator[Callable[..., Browser]]:
    """Return a function that starts a browser with further arguments.

    Of a module only: Playwright's event loop is in Django's way elsewhere.
    """
    with sync_playwright() as playwright:
        yield lambda *arguments: playwright.chromium.launch(
            executable_path=chromium_program(), args=["--no-sandbox", *arguments]
        )


@pytest.fixture(scope="module")
def chromium(launch: Callable[..., Browser]) -> Iterator[Browser]:
    """Return a browser whose webcam shows Chromium's own test picture."""
    browser = launch("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def sessions() -> dict[str, Any]:
    """Return the cookies of those who have signed in, by role: once for all tests."""
    return {}


@pytest.fixture
def visit(
    chromium: Browser, console: Site, sessions: dict[str, Any]
) -> Iterator[Callable[..., Page]]:
    """Return a function that opens a page: ``visit("/console/", role="viewer")``.

    At the end nothing may have gone wrong in the browser: no error on its console, no breach of
    the content security policy. ``expect_errors=True``: the test is about a failing call, which
    Chromium notes on its console.
    """
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def open_page(
        path: str, *, role: str = "administrator", expect_errors: bool = False, **options: Any
    ) -> Page:
        state = sessions.get(role)
        context = chromium.new_context(base_url=console.url, storage_state=state, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        watch(page, faults, expect_errors=expect_errors)
        if role and state is None:
            sign_in(page, role)
            sessions[role] = context.storage_state()
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []


def watch(page: Page, faults: list[str], *, expect_errors: bool) -> None:
    """Write down what goes wrong in a page; failing calls count unless they are expected."""

    def note(said: Any) -> None:
        expected = expect_errors and said.text.startswith("Failed to load resource")
        if said.type == "error" and not expected:
            faults.append(f"{page.url}: {said.text}")

    page.on("pageerror", lambda error: faults.append(f"{page.url}: {error}"))
    page.on("console", note)


def sign_in(page: Page, role: str) -> None:
    """Sign in as a user of ``role``."""
    page.goto("/console/sign-in")
    page.get_by_label("Username").fill(role)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/console/")


@pytest.fixture
def new_gallery(console: Site) -> str:
    """Return a gallery of this test's own."""
    name = f"g-{uuid.uuid4().hex[:8]}"
    assert console.call("POST", "/galleries", json={"name": name}).status_code == 201
    return name


def as_picture(path: Path, size: tuple[int, int], *photographs: Path) -> Path:
    """Write a grey picture of ``size`` with photographs side by side, each as large as fits."""
    picture = Image.new("RGB", size, "grey")
    width = size[0] // max(1, len(photographs))
    for place, photograph in enumerate(photographs):
        part = ImageOps.contain(Image.open(photograph).convert("RGB"), (width, size[1]))
        picture.paste(part, (place * width, 0))
    picture.save(path)
    return path
