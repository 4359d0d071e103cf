"""Two servers of Facesite behind nginx, on one PostgreSQL and one Redis, as `scale` has them."""

from __future__ import annotations

import copy
import http.client
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.conftest import Photos
from tests.install.front import Front
from tests.servers import PostgresServer, RedisServer, Site

pytestmark = pytest.mark.slow
MB = 1024 * 1024
LIMIT = 3  # requests a minute without a key


@pytest.fixture(scope="module")
def sites(
    tmp_path_factory: pytest.TempPathFactory, networks_dir: Path, postgres: PostgresServer
) -> Iterator[list[Site]]:
    """Return two servers that know of each other by database and Redis alone."""
    redis = RedisServer(tmp_path_factory.mktemp("redis"))
    environment = {"DATABASE_URL": postgres.create("two_servers"), "REDIS_URL": redis.url}
    environment |= {"TRUSTED_PROXIES": "127.0.0.1", "RATE_DEFAULT": f"{LIMIT}/m"}
    first = Site(tmp_path_factory.mktemp("site"), networks_dir, **environment).start()
    environment |= first.keys
    sites = [first, Site(tmp_path_factory.mktemp("site"), networks_dir, **environment).start()]
    sites[1].key = sites[0].key
    yield sites
    for site in sites:
        site.stop()
    redis.kill()


@pytest.fixture(scope="module")
def entry(sites: list[Site], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return what calls both through nginx."""
    front = Front(tmp_path_factory.mktemp("nginx"), (sites[0].port, sites[1].port)).start()
    entry = copy.copy(sites[0])
    entry.url = front.url
    yield entry
    front.stop()


def calls(site: Site, call: str) -> int:
    """Return how often a server was asked for ``call``, by its log."""
    return sum(f" {call} " in line for line in site.log().splitlines())


def test_who_is_registered_through_one_server_is_known_to_both(entry, sites, photos):
    assert entry.post_photo("/register", photos.obama, user_id="barack").status_code == 201
    answers = [entry.post_photo("/identify", photos.obama2).json() for _ in range(6)]
    names = [[match["user_id"] for match in answer["matches"]] for answer in answers]
    assert names == [["barack"]] * 6
    assert [calls(site, "POST /identify") for site in sites] == [3, 3]


def ask(entry: Site, source: str, **headers: str) -> int:
    """Return the status of a request without a key that comes from the address ``source``."""
    address = entry.url.removeprefix("http://")
    connection = http.client.HTTPConnection(address, timeout=20, source_address=(source, 0))
    connection.request("GET", "/users", headers=headers)
    status = connection.getresponse().status
    connection.close()
    return status


def test_limits_hold_per_client_over_both_servers_whatever_it_says_of_itself(entry):
    # Twice the limit and one: the minute may end in between.
    lies = [{"X-Forwarded-For": f"203.0.113.{number}"} for number in range(2 * LIMIT + 1)]
    answers = [ask(entry, "127.0.0.2", **lie) for lie in lies]
    assert set(answers) == {401, 429} and answers[:2] == [401, 401]
    assert ask(entry, "127.0.0.3") == 401


def test_a_body_past_the_servers_limit_is_refused_by_them(entry, sites):
    before = sum(calls(site, "POST /identify") for site in sites)
    answer = entry.call("POST", "/identify", files={"file": bytes(64 * MB + 1)})
    assert (answer.status_code, answer.json()["code"]) == (413, "image_too_large")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert sum(calls(site, "POST /identify") for site in sites) == before + 1


def test_a_body_past_nginxs_limit_is_refused_in_the_same_words(entry, sites):
    before = sum(calls(site, "POST /identify") for site in sites)
    answer = entry.call("POST", "/identify", files={"file": bytes(66 * MB)})
    own = entry.call("POST", "/identify", files={"file": bytes(64 * MB + 1)}).json()
    document = answer.json()
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert {n: document[n] for n in ("type", "title", "status", "code", "hint")} == {
        n: own[n] for n in ("type", "title", "status", "code", "hint")
    }
    assert sum(calls(site, "POST /identify") for site in sites) == before + 1


def test_a_body_just_under_the_limit_is_answered(entry, photos: Photos):
    large = 9 * MB
    padded = [photos.obama.read_bytes().ljust(large + number, b"\0") for number in range(7)]
    files = [("file", ("obama.jpg", picture)) for picture in padded]
    answer = entry.call("POST", "/register", files=files, data={"user_id": "large"})
    assert answer.status_code == 201, answer.text
    assert len(answer.json()["accepted"]) == 7
    assert entry.call("DELETE", "/unregister/large").status_code == 200


def test_json_comes_through_and_keeps_its_type(entry):
    body = json.dumps({"image": "bm90IGFuIGltYWdl"})
    headers = {"Content-Type": "application/json"}
    answer = entry.call("POST", "/detect", data=body, headers=headers)
    assert answer.json()["code"] == "unsupported_image"


def test_addresses_in_answers_are_those_that_were_asked(entry):
    headers = {"Host": "localhost:8443"}
    calls_there_are = requests.get(f"{entry.url}/api/v1/", headers=headers, timeout=20).json()
    assert calls_there_are["identify"]["url"] == "http://localhost:8443/api/v1/identify"


def test_a_server_that_stops_is_missed_by_nobody(entry, sites, photos):
    sites[1].stop()
    answers = [entry.post_photo("/identify", photos.obama2) for _ in range(6)]
    sites[1].start()
    assert [answer.status_code for answer in answers] == [200] * 6
    assert {answer.json()["matches"][0]["user_id"] for answer in answers} == {"barack"}
