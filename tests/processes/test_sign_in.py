"""Signing in before two workers: whoever fails at one has failed at the other."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests

from tests.servers import Site


def tried(site) -> int:
    """Try to sign in with a wrong password, as a browser does; return the status."""
    with requests.Session() as browser:
        address = f"{site.url}/console/sign-in"
        browser.get(address, timeout=20)
        sent = {"username": "ada", "password": "wrong"}
        sent["csrfmiddlewaretoken"] = browser.cookies["csrftoken"]
        return browser.post(address, data=sent, timeout=20).status_code


@contextmanager
def standing_still(worker: int) -> Iterator[None]:
    os.kill(worker, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(worker, signal.SIGCONT)


@pytest.fixture
def site(tmp_path, networks_dir) -> Iterator[Site]:
    """Return a service of two workers, with the files of its pages."""
    settings = {"WEB_CONCURRENCY": "2", "MAX_RUNNING": "1", "SIGN_IN_FAILURES": "4"}
    site = Site(tmp_path / "site", networks_dir, **settings)
    site.manage("collectstatic", "--no-input", "--verbosity", "0")
    yield site.start()
    site.stop()


def test_failures_at_two_workers_add_up(site):
    answers = []
    for worker in site.workers():
        with standing_still(worker):  # so that the other one answers
            answers += [tried(site), tried(site)]
    assert answers == [200, 200, 200, 429]
    assert tried(site) == 429
