"""Live: the webcam is identified continuously; Chromium's camera shows fixture photographs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PATIENCE, sign_in, watch
from tests.browser.video import make_video

SECONDS = 4  # that each photograph is before the camera


@pytest.fixture(scope="module")
def camera(launch: Callable[..., Browser], tmp_path_factory, photos) -> Iterator[Browser]:
    """Return a browser whose webcam sees Obama and Biden in turn."""
    video = make_video(
        tmp_path_factory.mktemp("video") / "people.mjpeg",
        [photos.obama2, photos.biden],
        seconds=SECONDS,
    )
    browser = launch(
        "--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={video}"
    )
    yield browser
    browser.close()


@pytest.fixture
def live(camera: Browser, console, photos, new_gallery) -> Iterator[Callable[..., Page]]:
    """Return a function that opens the page in a gallery where Obama is known."""
    fields = {"user_id": "barack", "display_name": "Barack", "gallery": new_gallery}
    console.post_photo("/register", photos.obama, **fields)
    contexts, faults = [], []

    def open_live(*permissions: str) -> Page:
        context = camera.new_context(
            base_url=console.url, permissions=list(permissions), timezone_id="Asia/Tokyo"
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        watch(page, faults, expect_errors=True)
        sign_in(page, "operator")
        page.goto(f"/console/live?gallery={new_gallery}")
        return page

    yield open_live
    for context in contexts:
        context.close()
    assert faults == []


def test_who_is_seen_in_another_gallery_is_written_down_for_that(
    live, console, photos, new_gallery
):
    other = f"{new_gallery}-other"
    console.call("POST", "/galleries", json={"name": other})
    console.post_photo("/register", photos.obama, user_id="barack", gallery=other)
    page = live("camera")
    page.get_by_role("button", name="Start the camera").click()
    expect(page.locator(f"#seen a[href$='/{new_gallery}/barack']")).to_have_count(1)
    page.get_by_label("Gallery").select_option(other)
    expect(page.locator(f"#seen a[href$='/{other}/barack']")).to_have_count(1)


def test_a_registered_face_is_named_and_a_stranger_is_unknown(live):
    page, before = live("camera"), datetime.now(UTC)
    page.get_by_role("button", name="Start the camera").click()
    expect(page.get_by_role("button", name="Stop")).to_be_focused()
    expect(page.locator(".face-match .face-name")).to_have_text("Barack")
    expect(page.locator(".face-unknown .face-name")).to_have_text("unknown")
    expect(page.locator("#seen")).to_contain_text("Barack")
    expect(page.locator("#seen")).to_contain_text("unknown")
    expect(page.locator("#rate")).to_contain_text("frames a second")
    shown = page.locator("#seen tbody td").first.inner_text()
    assert shown[:2] in {f"{time:%H}" for time in (before, datetime.now(UTC))}  # the server's
    assert page.locator("#rate[role], [aria-live] #rate").count() == 0  # not read out


def test_a_box_stays_where_answers_are_slow(live):
    page = live("camera")
    page.evaluate(SLOWLY)
    page.get_by_role("button", name="Start the camera").click()
    expect(page.locator(".face-box").first).to_be_visible()
    assert page.evaluate(GAPS) == 0


# Each answer takes this much longer, in ms: more than a box is kept where answers are quick.
SLOWLY = """() => {
  const real = window.fetch;
  window.fetch = async (...sent) => {
    await new Promise((resolve) => setTimeout(resolve, 1200));
    return real(...sent);
  };
}"""
# In how many of the next frames there is no box.
GAPS = """async () => {
  let gaps = 0;
  for (const end = performance.now() + 2600; performance.now() < end;) {
    await new Promise(requestAnimationFrame);
    gaps += !document.querySelector(".face-box");
  }
  return gaps;
}"""


def test_each_person_is_written_down_once_in_half_a_minute(live):
    page = live("camera")
    page.get_by_role("button", name="Start the camera").click()
    expect(page.locator("#seen tbody tr")).to_have_count(2)
    page.wait_for_timeout(2 * SECONDS * 1000)
    expect(page.locator("#seen tbody tr")).to_have_count(2)


def test_no_request_outruns_the_last(live):
    page, running, most = live("camera"), [], []
    page.on("request", lambda sent: _begun(sent, running, most))
    page.on("requestfinished", lambda sent: sent in running and running.remove(sent))
    page.get_by_role("button", name="Start the camera").click()
    deadline = time.monotonic() + 30
    while len(most) <= 5 and time.monotonic() < deadline:
        page.wait_for_timeout(200)
    assert len(most) > 5 and max(most) == 1


def test_stopped_and_started_again_one_request_is_under_way_at_most(live):
    page, running, most = live("camera"), [], []
    page.on("request", lambda sent: _begun(sent, running, most))
    for ended in ("requestfinished", "requestfailed"):
        page.on(ended, lambda sent: sent in running and running.remove(sent))
    page.route("**/identify", slowly)
    page.get_by_role("button", name="Start the camera").click()
    for _ in range(4):
        page.get_by_role("button", name="Stop").click()
        page.get_by_role("button", name="Start the camera").click()
    expect(page.locator("#rate")).to_contain_text("frames a second")
    assert max(most) == 1


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("HTMLCanvasElement.prototype.toBlob = (done) => done(null)", "gives no picture."),
        (
            "HTMLMediaElement.prototype.play = () => Promise.reject(new DOMException('raw', 'x'))",
            "The browser does not show what the camera sees.",
        ),
    ],
)
def test_a_camera_that_gives_no_picture_is_said(live, broken, said):
    page = live("camera")
    page.evaluate(f"() => {{ {broken} }}")
    page.get_by_role("button", name="Start the camera").click()
    expect(page.get_by_role("alert")).to_contain_text(said)
    expect(page.get_by_role("alert")).not_to_contain_text("raw")
    expect(page.get_by_role("button", name="Start the camera")).to_be_focused()


def slowly(route) -> None:
    time.sleep(0.2)
    route.continue_()


def _begun(sent, running, most) -> None:
    if sent.url.endswith("/identify") and sent.method == "POST":
        running.append(sent)
        most.append(len(running))


def test_it_pauses_while_the_tab_is_hidden(live):
    page, asked = live("camera"), []
    page.get_by_role("button", name="Start the camera").click()
    expect(page.locator("#rate")).to_contain_text("frames a second")
    hide = "Object.defineProperty(document, 'hidden', {value: true});"
    page.evaluate(hide + "document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.get_by_text("Paused while this tab is hidden.")).to_be_visible()
    page.wait_for_timeout(500)
    page.on("request", lambda sent: asked.append(sent.url))
    page.wait_for_timeout(1000)
    assert asked == []


def test_a_camera_that_was_refused_is_explained(live):
    page = live()
    page.get_by_role("button", name="Start the camera").click()
    expect(page.get_by_role("alert")).to_contain_text("The camera was refused. Allow it")


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("NotFoundError", "No camera was found."),
        ("NotReadableError", "The camera is used by another program."),
    ],
)
def test_a_camera_that_cannot_be_had_is_explained(live, broken, said):
    page = live("camera")
    page.evaluate(
        "(name) => { navigator.mediaDevices.getUserMedia ="
        " () => Promise.reject(new DOMException('', name)); }",
        broken,
    )
    page.get_by_role("button", name="Start the camera").click()
    expect(page.get_by_role("alert")).to_contain_text(said)


def test_a_camera_that_plain_http_does_not_get_is_explained(live):
    page = live("camera")
    page.evaluate("Object.defineProperty(window, 'isSecureContext', {value: false})")
    page.get_by_role("button", name="Start the camera").click()
    expect(page.get_by_role("alert")).to_contain_text("Start Facesite with TLS=1")


def test_a_service_that_is_gone_is_said_and_found_again(live):
    page = live("camera")
    page.route("**/identify", lambda route: route.abort())
    page.get_by_role("button", name="Start the camera").click()
    expect(page.get_by_role("alert")).to_contain_text("The service cannot be reached.")
    page.unroute("**/identify")
    page.route("**/identify", lambda route: route.fulfill(body="{}"))
    expect(page.get_by_role("alert")).to_contain_text("The answer of the service cannot be read.")
    page.unroute("**/identify")
    expect(page.locator(".face-name")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
