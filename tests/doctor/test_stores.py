"""doctor: database, Redis, Milvus."""

from __future__ import annotations

from django.db.migrations.recorder import MigrationRecorder

from recognition import doctor
from recognition.doctor import FAULT, OK, WARNING, stores
from recognition.doctor.verdict import ok
from recognition.models import Subject
from tests.doctor.conftest import connected


def told(check, state: str) -> str:
    return " ".join(verdict.said for verdict in check() if verdict.state == state)


def test_a_database_in_order_is_told_so(db):
    assert [verdict.state for verdict in stores.database()] == [OK]


def test_migrations_that_are_missing_are_named(db):
    MigrationRecorder.Migration.objects.filter(app="recognition").latest("id").delete()
    assert "1 migrations are not applied, the first is recognition." in told(stores.database, FAULT)


def test_a_redis_that_keeps_nothing_is_in_order(gallery, on_redis):
    assert [verdict.state for verdict in stores.redis()] == [OK]


def test_a_redis_that_writes_to_its_disk_is_told(gallery, on_redis):
    on_redis.client().config_set("save", "60 1")
    on_redis.client().config_set("appendonly", "yes")
    assert "(save, aof)" in told(stores.redis, WARNING)


def test_a_redis_too_small_for_the_people_is_told(gallery, on_redis):
    people = [Subject(gallery=gallery, user_id=f"u{number}") for number in range(4000)]
    Subject.objects.bulk_create(people)
    on_redis.client().config_set("maxmemory", "2mb")
    on_redis.client().config_set("maxmemory-policy", "volatile-lru")
    found = told(stores.redis, WARNING)
    assert "need 2 MB, it may use 2 MB (volatile-lru)" in found and "limits" in found


def test_a_redis_that_is_gone_is_a_fault_with_a_remedy(gallery, on_redis):
    on_redis.kill()
    (found,) = stores.redis()
    assert found.state == FAULT and "REDIS_URL" in found.remedy


def test_a_redis_elsewhere_without_a_password_is_told(gallery, on_redis, settings):
    settings.REDIS_URL = "redis://cache.example.org:6379/0"  # the connection stays as it is
    assert "asks for no password" in told(stores.redis, WARNING)


def test_templates_in_milvus_are_told_of(gallery, on_milvus, register):
    register("barack", "obama")
    assert "the 1 people" in told(stores.milvus, OK)
    assert "turned by a secret and not encrypted" in told(stores.milvus, WARNING)


def test_postgresql_in_order_has_nothing_against_it(db, on_postgresql):
    assert list(stores._postgresql()) == []


def test_postgresql_that_may_lose_what_it_acknowledged_is_a_fault(db, on_postgresql):
    with on_postgresql.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
    (found,) = stores._postgresql()
    assert found.state == FAULT and found.said.startswith("synchronous_commit off")


def test_more_threads_than_postgresql_takes_connections_are_told(db, on_postgresql, settings):
    settings.MAX_WAITING = 200
    (found,) = stores._postgresql()
    assert found.state == WARNING and "max_connections" in found.remedy


def test_a_database_that_does_not_answer_is_a_fault_with_a_remedy(db, monkeypatch):
    monkeypatch.setattr(stores, "connection", connected("postgres://nobody@127.0.0.1:1/none"))
    (found,) = stores.database()
    assert found.state == FAULT and "DATABASE_URL" in found.remedy


def asks_in_vain():
    yield ok("never", stores.asked("SELECT nothing"))


def test_what_a_database_does_not_tell_is_not_looked_at(db, monkeypatch):
    monkeypatch.setattr(doctor, "CHECKS", (asks_in_vain, stores.redis))
    vain, redis = doctor.examine()
    assert (vain.state, vain.topic, redis.state) == (WARNING, "asks in vain", OK)
    assert "Not looked at" in vain.said
