"""API keys in a browser."""

from __future__ import annotations

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.browser.test_pages import violations


def make(page: Page, name: str) -> str:
    """Fill in the form for a key that may read; return the key."""
    page.get_by_label("Name").fill(name)
    for scope in ("register", "verify", "identify", "delete"):
        page.get_by_label(scope, exact=True).uncheck()
    page.get_by_role("button", name="Make the key").click()
    return page.get_by_label(f"The key of {name}").input_value()


@pytest.mark.parametrize("with_javascript", [True, False])
def test_a_key_is_made_used_and_revoked(visit, console, with_javascript):
    page = visit("/console/keys", java_script_enabled=with_javascript)
    name = f"door {with_javascript}"
    secret = make(page, name)
    headers = {"X-API-Key": secret}
    if with_javascript:
        assert violations(page) == []
    assert requests.get(f"{console.url}/users", headers=headers, timeout=30).status_code == 200
    page.get_by_role("link", name="To the API keys").click()
    row = page.get_by_role("row", name=name)
    expect(row.locator("[data-label='Last used']")).not_to_have_text("never")
    row.get_by_role("link", name="Revoke").click()
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("row", name=name)).to_contain_text("revoked")
    assert requests.get(f"{console.url}/users", headers=headers, timeout=30).status_code == 401


def test_a_new_key_is_copied_with_a_button(visit):
    page = visit("/console/keys", permissions=["clipboard-read", "clipboard-write"])
    secret = make(page, "copied")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == secret


def test_where_the_browser_does_not_copy_the_key_is_selected(visit):
    page = visit("/console/keys")
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    secret = make(page, "selected")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("press Ctrl+C")).to_be_visible()
    assert page.evaluate("getSelection().toString()") == secret


def test_whoever_is_no_administrator_sees_no_keys(visit):
    page = visit("/console/keys", role="operator", expect_errors=True)
    expect(page.get_by_role("heading")).not_to_have_text("API keys")
    expect(page.get_by_role("link", name="API keys")).to_have_count(0)
