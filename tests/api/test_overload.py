"""Too many requests with pictures: refused at once, in order, and nothing is done for nobody."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.api.crowd import Caller, long_work
from tests.conftest import FIXTURES
from tests.servers import Site

PHOTO = [(FIXTURES / "obama.jpg").read_bytes()]
LONG = "/register?user_id=slow&dry_run=true&min_face_size=20"
RUNNING, WAITING = 1, 2


@pytest.fixture(scope="module")
def site(tmp_path_factory, networks_dir) -> Iterator[Site]:
    """Return a server that computes one request and lets two wait."""
    limits = {"MAX_RUNNING": str(RUNNING), "MAX_WAITING": str(WAITING)}
    site = Site(tmp_path_factory.mktemp("site"), networks_dir, **limits).start()
    Caller(site, "/identify", PHOTO).answer()  # its networks are loaded now
    yield site
    site.stop()


@pytest.fixture(scope="module")
def work() -> list[bytes]:
    return long_work()


@pytest.fixture(scope="module")
def at_once(site: Site, work: list[bytes]) -> float:
    """Return how many seconds a prompt answer may take: half of what a long request takes."""
    return Caller(site, LONG, work).answer().seconds / 2


@pytest.fixture
def begin(site: Site, work: list[bytes]) -> Iterator[Callable[..., Caller]]:
    """Return a function that begins a request; after the test nothing is left of it."""
    callers: list[Caller] = []

    def begin_one(path: str = "/identify", photographs: list[bytes] = PHOTO, **how) -> Caller:
        callers.append(Caller(site, path, photographs, **how))
        time.sleep(0.2)  # now it has a place, or waits
        return callers[-1]

    yield begin_one
    for caller in callers:
        caller.hang_up()
    while Caller(site, "/identify", PHOTO).answer().status != 200:
        time.sleep(0.1)


def test_what_is_too_much_is_refused_at_once_and_the_others_are_answered(begin, work, at_once):
    others = [begin(LONG, work), begin(), begin()]
    refused = begin().answer()
    assert (refused.status, refused.json["code"]) == (503, "overloaded")
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert int(refused.headers["Retry-After"]) == refused.json["retry_after"] >= 1
    assert refused.seconds < at_once
    assert [other.answer().status for other in others] == [200, 200, 200]


def test_a_body_that_would_be_refused_need_not_be_sent(begin, work, at_once):
    begin(LONG, work), begin(), begin()
    refused = begin(share=0.01).answer()
    assert refused.status == 503 and refused.seconds < at_once


def test_light_requests_are_answered_while_all_places_are_taken(begin, work, at_once, site):
    first, *_ = begin(LONG, work), begin(), begin()
    started = time.monotonic()
    answers = [site.call("GET", path) for path in ("/health", "/users", "/galleries", "/schema/")]
    assert [answer.status_code for answer in answers] == [200] * 4
    assert site.call("GET", "/admin/", allow_redirects=False).status_code == 302
    assert time.monotonic() - started < at_once
    assert first.answer().status == 200


def test_who_comes_first_is_served_first(begin, work):
    callers = [begin(LONG, work), begin("/identify"), begin("/detect")]
    with ThreadPoolExecutor(len(callers)) as reading:
        answers = list(reading.map(lambda caller: caller.answer(), callers))
    assert {answer.status for answer in answers} == {200}
    ends = [c.started + a.seconds for c, a in zip(callers, answers, strict=True)]
    assert ends == sorted(ends)


def test_who_hangs_up_while_waiting_is_not_computed_for(begin, work, at_once, site):
    before = site.log().count("499 client_gone")
    begin(LONG, work)
    for waiting in (begin(LONG, work), begin(LONG, work)):
        waiting.hang_up()
    last = begin().answer()
    assert last.status == 200
    assert last.seconds < 4 * at_once  # with those who left it would be six
    assert site.log().count("499 client_gone") == before + 2


def test_who_hangs_up_while_computed_for_frees_the_place(begin, work, at_once, site):
    begin(LONG, work).hang_up()
    assert begin().answer().seconds < at_once
    assert "POST /register 499 client_gone" in site.log()


def test_slow_uploads_keep_nobody_from_a_place(begin, at_once):
    slow = [begin(share=0.5) for _ in range(RUNNING + WAITING - 1)]
    assert begin().answer().seconds < at_once
    for caller in slow:
        caller.send_rest()
    assert [caller.answer().status for caller in slow] == [200] * len(slow)


def test_more_slow_uploads_than_may_send_are_refused_and_block_nobody(begin, at_once, site):
    slow = [begin(share=0.5) for _ in range(RUNNING + WAITING)]
    refused = [Caller(site, "/identify", PHOTO, share=0.5) for _ in range(12)]
    started = time.monotonic()
    assert site.call("GET", "/health").ok and site.call("GET", "/users").ok
    assert time.monotonic() - started < at_once
    assert {caller.answer().status for caller in refused} == {503}
    slow[0].send_rest()
    assert slow[0].answer().status == 200


def test_none_of_this_is_an_error(site):
    assert "Traceback" not in site.log()
    assert " ERROR " not in "".join(line for line in site.log().splitlines() if " 503 " not in line)
