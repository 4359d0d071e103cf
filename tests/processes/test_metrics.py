"""/metrics with several workers: they count together, and who is gone is left out."""

from __future__ import annotations

import os
import signal
import time

import requests

from tests.api.test_metrics import samples

PATH = "facesite_requests_total code=- method=GET route=/health status=200"


def collected(site) -> dict[str, float]:
    return samples(requests.get(f"{site.url}/metrics", timeout=20).text)


def until(site, name: str, least: float) -> dict[str, float]:
    """Return what is collected once a sample is as large as that: a count follows its answer."""
    deadline = time.monotonic() + 5
    while (found := collected(site)).get(name, 0) < least and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def test_workers_count_together_and_what_one_counted_outlives_it(make_site, photos):
    site = make_site(WEB_CONCURRENCY="2", MAX_RUNNING="1")
    before = collected(site).get(PATH, 0)
    for _ in range(40):
        site.call("GET", "/health")
    assert until(site, PATH, before + 40)[PATH] == before + 40
    site.post_photo("/identify", photos.obama)
    (folder,) = [path for path in (site.folder / "metrics").iterdir() if path.is_dir()]
    for worker in site.workers():
        os.kill(worker, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while len(list(folder.glob("gauge_live*.db"))) > 2 or len(site.workers()) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    found = until(site, PATH, before + 40)
    assert found[PATH] >= before + 40
    assert found.get("facesite_queue state=running", 0) == 0
