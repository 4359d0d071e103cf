"""Connections to a real PostgreSQL are kept, and replaced where the server dropped them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from secrets import token_hex

import pytest

THREADS = 12  # gunicorn's, for one picture at a time and one that waits
MADE = "SELECT sessions FROM pg_stat_database WHERE datname = current_database()"
DROPPED = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.fixture
def database() -> str:
    return f"connections_{token_hex(4)}"


@pytest.fixture
def site(make_site, postgres, database):
    """Return a server on a PostgreSQL, all of whose threads have answered something."""
    site = make_site(DATABASE_URL=postgres.create(database), MAX_RUNNING="1", MAX_WAITING="1")
    assert storm(site, 40) == {200}
    return site


def storm(site, requests: int) -> set[int]:
    """Send requests from many clients at once and return the statuses."""
    with ThreadPoolExecutor(THREADS * 2) as clients:
        return set(clients.map(lambda _: site.call("GET", "/users").status_code, range(requests)))


def test_threads_keep_their_connections(site, postgres, database):
    before = int(postgres.ask(database, MADE))
    assert storm(site, 60) == {200}
    after = int(postgres.ask(database, MADE))
    assert after - before <= THREADS  # threads that had none yet, and the one that asks here


def test_a_connection_that_the_server_dropped_fails_no_request(site, postgres, database):
    for _ in range(3):
        assert int(postgres.ask(database, DROPPED)) > 0
        assert storm(site, 12) == {200}
