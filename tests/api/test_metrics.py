"""GET /metrics: what Prometheus collects, and who may."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from recognition import states, worker
from recognition.models import Gallery, Subject
from tests.api.conftest import Api, assert_problem
from tests.servers import ROOT

KEY = secrets.token_urlsafe(32)
BEARER = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    """Keep no answers of another test's database."""
    states.kept.forget()
    yield
    states.kept.forget()


def samples(text: str) -> dict[str, float]:
    """Return the value of each sample by its name and labels, as Prometheus reads them."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = [f"{name}={value}" for name, value in sorted(sample.labels.items())]
            found[" ".join([sample.name, *labels])] = sample.value
    return found


def collected(client: Api) -> dict[str, float]:
    states.kept.forget()
    answer = client.get("/metrics")
    assert answer["Content-Type"].startswith("text/plain; version=0.0.4")
    return samples(answer.content.decode())


def grown(client: Api, act) -> dict[str, float]:
    """Return by how much each sample grew while ``act`` was done."""
    before = collected(client)
    act()
    return {k: v - before.get(k, 0) for k, v in collected(client).items() if v != before.get(k)}


def test_a_request_is_counted_by_its_route_status_and_code(api, anonymous):
    got = grown(anonymous, lambda: api.get("/users/ada-lovelace"))
    counted = "code=user_not_found method=GET route=/users/<user_id> status=404"
    assert got[f"facesite_requests_total {counted}"] == 1
    assert got["facesite_request_seconds_count route=/users/<user_id>"] == 1


def test_what_a_client_makes_up_is_no_label(anonymous):
    for method, path in (("BREW", "/users"), ("GET", "/ada-lovelace"), ("GET", "/x/ada-lovelace")):
        anonymous.call(method, path)
    text = anonymous.get("/metrics").content.decode()
    assert "BREW" not in text and "lovelace" not in text and 'route="other"' in text


def test_an_identification_is_counted_with_its_stages_and_what_was_found(
    api, anonymous, register, pictures
):
    register("barack", "obama")
    got = grown(anonymous, lambda: api.post("/identify", file=pictures.obama2))
    assert got["facesite_decisions_total act=identify status=match"] == 1
    assert got["facesite_similarity_count act=identify embedder=dlib-resnet-v1"] == 1
    assert got["facesite_similarity_sum act=identify embedder=dlib-resnet-v1"] > 0.9
    for stage in ("wait", "decode", "detect", "embed", "search"):
        assert got[f"facesite_stage_seconds_count stage={stage}"] == 1
    assert got["facesite_face_size_pixels_sum act=identify"] > 40
    assert got["facesite_face_angle_degrees_count act=identify axis=yaw"] == 1


def test_a_stranger_and_a_verification_are_counted(api, anonymous, register, pictures):
    register("barack", "obama")
    got = grown(anonymous, lambda: api.post("/identify", file=pictures.biden))
    assert got["facesite_decisions_total act=identify status=unknown"] == 1
    got = grown(anonymous, lambda: api.post("/verify", user_id="barack", file=pictures.biden))
    assert got["facesite_decisions_total act=verify status=refused"] == 1
    got = grown(anonymous, lambda: api.post("/verify", user_id="barack", file=pictures.obama2))
    assert got["facesite_decisions_total act=verify status=verified"] == 1
    assert got["facesite_face_sharpness_count act=verify"] == 1


def test_registering_counts_the_quality_of_what_is_refused_too(api, anonymous, pictures):
    got = grown(
        anonymous, lambda: api.post("/register", user_id="a", file=[pictures.obama, b"none"])
    )
    assert got["facesite_face_brightness_count act=register"] == 1


def test_what_cannot_be_decided_is_counted_by_its_code_alone(api, anonymous):
    got = grown(anonymous, lambda: api.post("/identify", file=b"no picture"))
    counted = "code=unsupported_image method=POST route=/identify status=415"
    assert got[f"facesite_requests_total {counted}"] == 1
    assert not [name for name in got if name.startswith("facesite_decisions")]


def test_how_things_are_is_told(api, anonymous, register):
    Gallery.objects.create(name="empty")
    register("barack", "obama")
    api.get("/health/ready")  # the index follows the log
    got = collected(anonymous)
    assert got["facesite_gallery_people gallery=default"] == got["facesite_people"] == 1
    assert got["facesite_gallery_people gallery=empty"] == 0
    assert got["facesite_gallery_version"] == got["facesite_index_version"] >= 1
    assert got["facesite_index_people"] == got["facesite_database_up"] == 1
    assert got["facesite_import_workers"] == 0 and got["facesite_events_unsealed"] >= 1
    assert got["facesite_data_free_bytes"] > 0 and "facesite_redis_up" not in got
    assert all(value == 1 for name, value in got.items() if "state_known" in name)


def test_how_things_are_is_not_asked_at_each_collection(anonymous, django_assert_num_queries):
    anonymous.get("/metrics")
    with django_assert_num_queries(0):
        anonymous.get("/metrics")


def test_a_worker_and_its_silence_are_told(anonymous, settings):
    with worker.alive("w"):
        got = collected(anonymous)
    assert got["facesite_import_workers"] == 1
    assert 0 <= got["facesite_import_worker_seen_seconds"] < 5
    assert got["facesite_imports state=waiting"] == 0


def test_no_person_is_named(api, anonymous, register, pictures):
    register("ada-lovelace", "obama", display_name="Ada King")
    api.post("/identify", file=pictures.obama2)
    api.post("/verify", user_id="ada-lovelace", file=pictures.obama2)
    api.get("/users/ada-lovelace")
    text = anonymous.get("/metrics").content.decode()
    assert "lovelace" not in text and "King" not in text
    assert str(Subject.objects.get().number) not in text


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "127.0.0.1"},
        {"X-Real-IP": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
        {"Via": "1.1 proxy"},
        {"X-Forwarded-Proto": "https"},
    ],
    ids=lambda headers: next(iter(headers)),
)
@pytest.mark.parametrize("trusted", [[], ["127.0.0.0/8"]], ids=["unknown", "trusted"])
def test_what_came_by_a_proxy_of_this_machine_is_refused(anonymous, settings, headers, trusted):
    settings.TRUSTED_PROXIES = trusted
    assert_problem(anonymous.get("/metrics", headers=headers), 403, "permission_denied")


@pytest.mark.parametrize("address", ["203.0.113.9", "10.0.0.1", "::2", ""])
def test_who_asks_from_elsewhere_is_refused(anonymous, address):
    answer = anonymous.get("/metrics", REMOTE_ADDR=address)
    problem = assert_problem(answer, 403, "permission_denied")
    assert "METRICS_KEY" in problem["hint"]


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"])
def test_a_program_of_this_machine_may_ask(anonymous, address):
    assert anonymous.get("/metrics", REMOTE_ADDR=address).status_code == 200


def test_with_a_key_the_key_alone_counts(anonymous, settings, make_key):
    settings.METRICS_KEY = KEY
    assert anonymous.get("/metrics", headers=BEARER, REMOTE_ADDR="203.0.113.9").status_code == 200
    proxied = {**BEARER, "X-Forwarded-For": "203.0.113.9"}
    assert anonymous.get("/metrics", headers=proxied).status_code == 200
    for wrong in ("", "Bearer", f"Bearer {KEY}x", f"Basic {KEY}", KEY, "Bearer é"):
        answer = anonymous.get("/metrics", headers={"Authorization": wrong})
        assert_problem(answer, 403, "permission_denied")
    answer = anonymous.get("/metrics", headers={"X-API-Key": make_key("read")})
    assert_problem(answer, 403, "permission_denied")


def test_who_tries_keys_is_limited(anonymous, settings):
    settings.METRICS_KEY, settings.RATE_DEFAULT = KEY, "2/m"
    wrong = {"headers": {"Authorization": "Bearer x"}, "REMOTE_ADDR": "203.0.113.77"}
    codes = [anonymous.get("/metrics", **wrong).status_code for _ in range(3)]
    assert codes == [403, 403, 429]


def test_what_the_documentation_names_is_told(anonymous, api, register, pictures):
    register("barack", "obama")
    api.post("/identify", file=pictures.obama2)
    with worker.alive("w"):
        text = anonymous.get("/metrics").content.decode()
    named = set(re.findall(r"facesite_[a-z_]+", (ROOT / "docs" / "watching.md").read_text()))
    absent = {name for name in named if name not in text}
    assert len(named) > 30
    assert absent <= {"facesite_redis_up", "facesite_redis_bytes", "facesite_milvus_agrees"}


def test_the_examples_of_the_documentation_can_be_read():
    text = (ROOT / "docs" / "watching.md").read_text()
    scrape, rules = map(yaml.safe_load, re.findall(r"```yaml\n(.*?)```", text, re.DOTALL))
    assert scrape["scrape_configs"][0]["job_name"] == "facesite"
    assert len(rules["groups"][0]["rules"]) == 3
