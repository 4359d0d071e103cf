"""A process that was cut off knows everything when it is back, before its first answer."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.processes.test_processes import names


@pytest.mark.slow
@pytest.mark.parametrize(("with_redis", "cut_off"), [(False, 5.0), (True, 30.0)])
def test_a_process_cut_off_for_seconds_gives_no_stale_answer(
    make_site, photos, postgres, redis_server, with_redis, cut_off
):
    environment = {"REDIS_URL": redis_server.url} if with_redis else {}
    environment["DATABASE_URL"] = postgres.create(f"cut_off_{with_redis}".lower())
    here, there = make_site(**environment), make_site(**environment)
    for user_id, photo in {"barack": photos.obama, "joe": photos.biden}.items():
        assert here.post_photo("/register", photo, user_id=user_id).status_code == 201
    assert [names(there, photos.obama2), names(there, photos.astronaut)] == [["barack"], []]

    there.hang()
    ends = time.monotonic() + cut_off
    with ThreadPoolExecutor(8) as clients:
        # These wait at its door while the world changes.
        asked = [photos.obama2, photos.biden, photos.astronaut] * 2
        answers = [clients.submit(names, there, photo) for photo in asked]
        for round_ in range(20):
            assert here.post_photo("/register", photos.biden, user_id=f"j{round_}").ok
            assert here.call("DELETE", f"/unregister/j{round_}").ok
        assert here.call("DELETE", "/unregister/barack").status_code == 200
        assert here.post_photo("/register", photos.astronaut, user_id="eileen").ok
        time.sleep(max(0.0, ends - time.monotonic()))
        there.resume()
        assert [answer.result() for answer in answers] == [[], ["joe"], ["eileen"]] * 2
