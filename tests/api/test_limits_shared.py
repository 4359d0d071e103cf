"""Limits over two processes on one Redis; with Redis killed they hold for each process."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.servers import Site

LIMIT = 12


def storm(site: Site, requests: int) -> Counter[int]:
    """Send requests from eight threads and count the statuses."""
    with ThreadPoolExecutor(8) as threads:
        return Counter(
            threads.map(lambda _: site.call("GET", "/users").status_code, range(requests))
        )


def test_two_processes_let_through_exactly_the_limit_and_without_redis_each_its_own(
    make_site, redis_server
):
    site = make_site(REDIS_URL=redis_server.url, RATE_DEFAULT=f"{LIMIT}/d", WEB_CONCURRENCY="2")
    assert len(site.workers()) == 2
    assert storm(site, 40) == {200: LIMIT, 429: 40 - LIMIT}
    redis_server.kill()
    passed = storm(site, 80)
    assert LIMIT <= passed[200] <= 2 * LIMIT and passed[200] + passed[429] == 80
