"""Redis stopped in mid-traffic: nobody waits long, soon nobody waits at all, nothing is stale."""

from __future__ import annotations

import sqlite3
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from tests.processes.test_processes import names
from tests.servers import RedisServer, Site

CLIENTS = 4
LONGEST = 0.5  # seconds that a request may wait for Redis
ONE_WAIT = 0.19  # who waits for Redis waits longer: its time-out is 0.2 s
HUNG = 4.0  # seconds; less than Redis is left alone for


@dataclass
class Traffic:
    """What several clients saw: when each request began, how long it took, its status."""

    seen: list[tuple[float, float, int]] = field(default_factory=list)

    def times(self, since: float, until: float = float("inf")) -> list[float]:
        return [took for began, took, _ in self.seen if since <= began < until]


@contextmanager
def traffic(site: Site) -> Iterator[Traffic]:
    """Let clients call the API, each as fast as it is answered, until the block ends."""
    seen, ended = Traffic(), threading.Event()

    def client() -> None:
        while not ended.is_set():
            began = time.monotonic()
            status = site.call("GET", "/users").status_code
            seen.seen.append((began, time.monotonic() - began, status))

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def copied_version(redis: RedisServer) -> int:
    """Return the change up to which the copy in Redis is written, -1 without one."""
    client = redis.client()
    versions = [client.hget(key, "version") for key in client.scan_iter("*:copy")]
    return int(versions[0]) if versions and versions[0] else -1


def head(site: Site) -> int:
    with sqlite3.connect(site.folder / "facesite.sqlite3") as database:
        return int(database.execute("SELECT max(id) FROM recognition_gallerychange").fetchone()[0])


@pytest.mark.slow
def test_redis_stopped_in_mid_traffic_delays_nobody_for_long(make_site, redis_server):
    site = make_site(REDIS_URL=redis_server.url, RATE_DEFAULT="100000/d")
    with traffic(site) as seen:
        time.sleep(2)
        stopped = time.monotonic()
        redis_server.hang()
        time.sleep(HUNG)
        redis_server.resume()
    usual = seen.times(0, stopped - 0.5)
    first, late = seen.times(stopped - 0.5, stopped + 0.5), seen.times(stopped + 0.5)
    assert {status for _, _, status in seen.seen} == {200}
    assert max(first) < max(usual) + LONGEST
    waited = [took for took in late if took > statistics.median(usual) + ONE_WAIT]
    assert len(waited) <= len(late) // 100, waited


@pytest.mark.slow
def test_what_happened_while_redis_hung_is_copied_and_nothing_is_stale(
    make_site, redis_server, photos
):
    site = make_site(REDIS_URL=redis_server.url)
    assert site.post_photo("/register", photos.obama, user_id="barack").ok
    redis_server.hang()
    assert site.post_photo("/register", photos.biden, user_id="joe").ok
    assert site.call("DELETE", "/unregister/barack").ok
    assert [names(site, photos.obama2), names(site, photos.biden)] == [[], ["joe"]]
    redis_server.resume()
    deadline = time.monotonic() + 20
    while copied_version(redis_server) != head(site) and time.monotonic() < deadline:
        assert names(site, photos.obama2) == []
        time.sleep(0.2)
    assert copied_version(redis_server) == head(site)
    site.stop()
    assert [names(site.start(), photos.obama2), names(site, photos.biden)] == [[], ["joe"]]
    assert "reading the copy" in site.log()
