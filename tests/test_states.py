"""What Prometheus is told where a part of the service does not answer."""

from __future__ import annotations

from django.db import OperationalError

from recognition import states


def told() -> dict[str, float]:
    found = {}
    for family in states.states():
        for sample in family.samples:
            found[" ".join([sample.name, *sample.labels.values()])] = sample.value
    return found


def test_redis_is_told_to_be_there_and_then_to_be_gone(gallery, on_redis):
    there = told()
    assert there["facesite_redis_up"] == 1 and there["facesite_redis_bytes"] > 0
    on_redis.kill()
    gone = told()
    assert gone["facesite_redis_up"] == 0 and "facesite_redis_bytes" not in gone
    assert gone["facesite_database_up"] == 1


def test_without_a_database_the_rest_is_told(gallery, monkeypatch):
    def gone(*_: object) -> None:
        raise OperationalError("gone")

    with monkeypatch.context() as patched:
        patched.setattr("django.db.backends.utils.CursorWrapper.execute", gone)
        found = told()
    assert found["facesite_database_up"] == 0
    assert found["facesite_state_known galleries"] == found["facesite_state_known imports"] == 0
    assert found["facesite_data_free_bytes"] > 0


def test_milvus_is_told_to_agree(gallery, on_milvus, register):
    register("barack", "obama")
    found = told()
    assert found["facesite_milvus_agrees"] == found["facesite_index_people"] == 1


def test_whoever_collects_meanwhile_gets_the_earlier_answers():
    kept = states.Kept()
    kept._answers = (states.gauge("x", "X.", 1),)
    with kept._asking:
        assert [family.name for family in kept.collect()] == ["facesite_x"]
