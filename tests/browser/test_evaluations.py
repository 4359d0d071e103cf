"""What was measured, in a browser: in reach on a telephone, within the policy, accessible."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.test_pages import violations

TELEPHONE = {"width": 360, "height": 740}


@pytest.fixture
def measured(console, new_gallery, photos) -> str:
    """Measure a gallery, as an operator would; return its name."""
    for user_id, photo in (("ada", photos.obama), ("ada", photos.obama2), ("joe", photos.biden)):
        console.post_photo("/register", photo, user_id=user_id, gallery=new_gallery)
    console.manage("evaluate", "--gallery", new_gallery, "--jobs", "1")
    return new_gallery


def test_nothing_measured_says_how_to_measure(visit):
    page = visit("/console/evaluations", viewport=TELEPHONE)
    expect(page.locator("main")).to_contain_text("manage.py evaluate --gallery default")
    assert page.evaluate("document.documentElement.scrollWidth") <= TELEPHONE["width"]
    assert violations(page) == []


def test_an_evaluation_is_read_on_a_telephone(visit, measured):
    page = visit("/console/evaluations", role="viewer", viewport=TELEPHONE)
    page.get_by_role("link", name=measured).click()
    plot = page.get_by_role("img", name="FNMR by FMR")
    plot.scroll_into_view_if_needed()
    expect(plot).to_have_js_property("naturalWidth", 768)
    assert page.evaluate("document.documentElement.scrollWidth") <= TELEPHONE["width"]
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert violations(page) == []
