"""What goes wrong is said in words: the original's mistakes, one test each."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import sign_in

NONSENSE = ("[object Object]", "undefined", "NaN")
FOR_PROGRAMS = "Use that user_id, or send on_duplicate=flag."


@pytest.fixture
def asking(visit, photos):
    """Return a function that identifies a photograph where the service answers as given."""

    def ask(**answer) -> Page:
        page = visit("/console/identify", role="operator", expect_errors=True)
        page.route("**/identify", lambda route: route.fulfill(**answer))
        page.set_input_files("#file", photos.obama)
        expect(page.get_by_text("One face was found.")).to_be_visible()
        page.get_by_role("button", name="Identify").click()
        return page

    yield ask


def said(page: Page) -> str:
    text = page.locator("#said [role=alert]").inner_text()
    assert not [word for word in NONSENSE if word in page.locator("body").inner_text()]
    return text


def problem(status: int, **body) -> dict:
    document = {"status": status, "code": "x", "detail": "The detail."}
    document["hint"] = FOR_PROGRAMS
    return {
        "status": status,
        "content_type": "application/problem+json",
        "body": json.dumps({**document, **body}),
    }


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "You are not signed in any more."),
        (403, "Your account may not do this."),
        (404, "The detail."),
        (409, "The detail."),
        (413, "The detail."),
        (415, "The detail."),
        (422, "The detail."),
        (429, "That was too often."),
        (500, "Something went wrong in the service."),
        (503, "The detail."),
    ],
)
def test_each_status_has_its_own_words(asking, status, words):
    text = said(asking(**problem(status)))
    assert words in text and FOR_PROGRAMS not in text


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (413, "The picture is too large."),
        (502, "The service cannot be reached behind its proxy."),
        (503, "The service is busy or just starting."),
        (504, "The service took too long to answer."),
    ],
)
def test_the_page_of_a_proxy_is_no_answer(asking, status, words):
    html = "<html><body><h1>nginx</h1></body></html>"
    text = said(asking(status=status, content_type="text/html", body=html))
    assert words in text and "nginx" not in text


@pytest.mark.parametrize(
    "body",
    ["", "{", "<html></html>", "{}", "null", "[]"],
    ids=["empty", "cut", "html", "object", "null", "list"],
)
def test_an_answer_that_cannot_be_read_is_said(asking, body):
    answer = asking(status=200, content_type="application/json", body=body)
    assert "The answer of the service cannot be read." in said(answer)


def test_no_network_is_said(visit, photos):
    page = visit("/console/identify", role="operator", expect_errors=True)
    page.route("**/detect", lambda route: route.abort())
    page.set_input_files("#file", photos.obama)
    expect(page.get_by_role("alert")).to_contain_text("The service cannot be reached.")


def test_too_often_counts_down_and_offers_to_try_again(asking):
    page = asking(**problem(429, retry_after=2))
    expect(page.locator("[data-countdown]")).to_have_text("Wait 2 s.")
    expect(page.locator("[data-countdown]")).to_have_text("Wait 1 s.")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()


def test_errors_of_nested_fields_are_text_beside_the_field(asking):
    errors = {"threshold": {"0": ["Too", {"a": "high."}]}, "gallery.name": ["Unknown."]}
    page = asking(**problem(400, errors=errors))
    field = page.locator("#threshold").locator("xpath=ancestor::*[contains(@class, 'field')][1]")
    expect(field.locator(".errors")).to_be_visible()
    expect(field.locator(".errors")).to_have_text("Too high.")
    assert not [word for word in NONSENSE if word in page.locator("body").inner_text()]


def test_a_session_that_ended_is_said(visit, photos):
    page = visit("/console/identify", role="operator", expect_errors=True)
    page.context.clear_cookies()
    page.set_input_files("#file", photos.obama)
    expect(page.get_by_role("alert")).to_contain_text("You are not signed in any more.")


def test_whoever_signed_in_again_in_another_tab_goes_on(visit, photos):
    page = visit("/console/identify", role="operator")
    other = page.context.new_page()
    page.context.clear_cookies()
    sign_in(other, "operator")
    page.set_input_files("#file", photos.obama)
    expect(page.get_by_text("One face was found.")).to_be_visible()


def test_a_threshold_that_is_no_number_is_said(visit, photos):
    page = visit("/console/identify", role="operator", expect_errors=True)
    page.set_input_files("#file", photos.obama)
    page.get_by_text("Threshold", exact=True).click()
    page.get_by_label("Threshold").fill("0.9.9-")
    page.get_by_role("button", name="Identify").click()
    expect(page.locator(".errors")).to_be_visible()


@pytest.mark.parametrize(
    ("form", "said"), [("register", "ada-77: 1 accepted"), ("verify", "No user 'ada-77'")]
)
def test_the_user_id_reaches_the_server(visit, photos, new_gallery, form, said):
    path = f"/console/{form}?gallery={new_gallery}"
    page = visit(path, role="operator", expect_errors=True)
    page.get_by_label("User id").fill("ada-77")
    page.set_input_files("#file", photos.obama)
    page.get_by_role("button", name=form.capitalize()).click()
    expect(page.get_by_text(said)).to_be_visible()


def test_no_key_is_kept_in_the_browser(visit):
    page = visit("/console/identify", role="operator")
    assert page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]
