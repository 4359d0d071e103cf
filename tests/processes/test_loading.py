"""While people are being loaded a server lives, says that it is not ready, and hangs nobody up."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from tests.processes.test_processes import names

PATIENCE = 2.0  # seconds that a request waits for people who are being loaded
MARGIN = 2.0  # for finding faces on a busy machine


@contextmanager
def nobody_can_be_read(url: str) -> Iterator[None]:
    """Keep the templates locked, so that loading them lasts as long as the block."""
    with psycopg.connect(url) as connection:
        connection.execute("LOCK TABLE recognition_persontemplate IN ACCESS EXCLUSIVE MODE")
        yield


def until_ready(site) -> float:
    """Return how many seconds it takes until the server is ready."""
    started = time.monotonic()
    while not site.call("GET", "/health/ready").ok:
        assert time.monotonic() < started + 20, site.log()
    return time.monotonic() - started


def test_a_server_that_loads_is_not_ready_and_says_so_at_once(make_site, postgres, photos):
    url = postgres.create("loading")
    site = make_site(DATABASE_URL=url)
    assert site.post_photo("/register", photos.obama, user_id="barack").status_code == 201
    site.stop()
    with nobody_can_be_read(url):
        assert site.start().call("GET", "/health").ok
        ready = site.call("GET", "/health/ready")
        assert (ready.status_code, ready.json()["checks"]["gallery"]) == (503, "not ok")
        assert "0% of the people are loaded" in ready.json()["detail"]
        started = time.monotonic()
        answer = site.post_photo("/identify", photos.obama2)
        assert time.monotonic() - started < PATIENCE + MARGIN
    assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
    assert answer.headers["Retry-After"] == ready.headers["Retry-After"] == "2"
    until_ready(site)
    assert names(site, photos.obama2) == ["barack"]


def test_a_server_whose_database_comes_later_loads_when_it_is_there(make_site, postgres, photos):
    site = make_site(DATABASE_URL=postgres.create("late"))
    assert site.post_photo("/register", photos.obama, user_id="barack").status_code == 201
    site.stop()
    postgres.server.psql("ALTER DATABASE late RENAME TO away;")
    assert site.start().call("GET", "/health/ready").status_code == 503
    postgres.server.psql("ALTER DATABASE away RENAME TO late;")
    until_ready(site)
    assert names(site, photos.obama2) == ["barack"]
