"""How things are, as Prometheus is told: asked when it asks, and kept for a few seconds."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator, Mapping

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.db.models import Count
from django.utils import timezone
from django_redis import get_redis_connection
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from facesite.cache import ping
from recognition import metrics, runtime
from recognition.changelog import Database
from recognition.errors import RecognitionError
from recognition.import_models import Import, Worker
from recognition.models import Event, Gallery, Subject

LEAST_KEPT, SHARE = 5.0, 20.0  # seconds, and times what it took to ask, that answers are kept
GALLERIES = 100  # told one by one: the largest
UNWELL = (DatabaseError, RedisError, RecognitionError, OSError, Gallery.DoesNotExist)


def exposition() -> bytes:
    """Return everything in Prometheus' text format."""
    counted, states = metrics.meters().registry, CollectorRegistry()
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        counted = CollectorRegistry()
        MultiProcessCollector(counted)  # type: ignore[no-untyped-call]  # it declares none
    states.register(kept)
    if settings.WEB_CONCURRENCY == 1:  # of several, each answer would tell of another one
        ProcessCollector(registry=states)
    return generate_latest(counted) + generate_latest(states)


class Kept(Collector):
    """The states, asked anew now and then: at most a twentieth of the time is spent on it.

    Nobody waits for another one's asking where there are earlier answers.
    """

    def __init__(self) -> None:
        self._asking = threading.Lock()
        self._answers: tuple[Metric, ...] | None = None
        self._until = 0.0  # time.monotonic()

    def collect(self) -> Iterator[Metric]:
        if self._asking.acquire(blocking=self._answers is None):
            try:
                self._ask()
            finally:
                self._asking.release()
        yield from self._answers or ()

    def _ask(self) -> None:
        before = time.monotonic()
        if self._answers is None or before >= self._until:
            self._answers = tuple(states())
            after = time.monotonic()
            self._until = after + max(LEAST_KEPT, SHARE * (after - before))

    def forget(self) -> None:
        """Ask anew the next time."""
        self._until = 0.0

    def describe(self) -> list[Metric]:
        """Return nothing: registering shall not ask."""
        return []


kept = Kept()


def states() -> Iterator[Metric]:
    """Ask for everything; what cannot be had is left out and named in ``facesite_state_known``."""
    known: dict[str, float] = {}
    for part in (about, database, galleries, index, redis, imports, events, disk):
        try:
            yield from list(part())
            known[part.__name__] = 1
        except UNWELL:
            known[part.__name__] = 0
    yield gauges("state_known", "Whether a part of this could be asked.", "part", known)


def gauge(name: str, said: str, value: float) -> Metric:
    return GaugeMetricFamily(f"facesite_{name}", said, value=value)


def gauges(name: str, said: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(f"facesite_{name}", said, labels=[label])
    for value, number in values.items():
        family.add_metric([value], number)
    return family


def about() -> Iterator[Metric]:
    labels = {"face_model": settings.FACE_MODEL, "engine": settings.GALLERY_ENGINE}
    info = GaugeMetricFamily("facesite_info", "What is set.", labels=list(labels))
    info.add_metric(list(labels.values()), 1)
    yield info


def database() -> Iterator[Metric]:
    started = time.monotonic()
    try:
        head = Database().head()
    except DatabaseError:
        yield gauge("database_up", "Whether the database answers.", 0)
        return
    yield gauge("database_up", "Whether the database answers.", 1)
    took = time.monotonic() - started
    yield gauge("database_answer_seconds", "How long it took to answer.", took)
    yield gauge("gallery_version", "The newest change to any gallery.", head)
    yield gauge("database_bytes", "Size of the database.", database_size())


def database_size() -> int:
    """Return the bytes of the database, with SQLite those of its file and its write-ahead log."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_database_size(current_database())")
            return int(cursor.fetchone()[0])
    name = str(settings.DATABASES["default"]["NAME"])
    files = [path for path in (name, f"{name}-wal") if os.path.exists(path)]
    return sum(os.path.getsize(path) for path in files)


def galleries() -> Iterator[Metric]:
    counted = Subject.objects.order_by().values_list("gallery__name").annotate(Count("pk"))
    people = dict.fromkeys(Gallery.objects.values_list("name", flat=True), 0) | dict(counted)
    largest = sorted(people, key=lambda name: -people[name])[:GALLERIES]
    yield gauge("galleries", "Galleries.", len(people))
    yield gauge("people", "People registered, in all galleries.", sum(people.values()))
    by_name = {name: people[name] for name in largest}
    yield gauges("gallery_people", "People registered, of the largest.", "gallery", by_name)


def index() -> Iterator[Metric]:
    """Yield what the process that answers searches in."""
    yield gauge("index_loaded_ratio", "How much of the index is loaded.", runtime.loaded())
    yield gauge("index_version", "The change that the index holds.", runtime.version())
    engine = runtime.engine()
    if engine is None:
        people = runtime.follower().people
    else:
        compared = engine.compared()
        people = sum(count.milvus for count in compared.counts if count.gallery is None)
        said = "Whether Milvus holds whom the database holds."
        yield gauge("milvus_agrees", said, compared.agree)
    yield gauge("index_people", "People who can be found.", people)


def redis() -> Iterator[Metric]:
    if not settings.REDIS_URL:
        return
    try:
        ping()
        used = get_redis_connection("redis").info("memory")["used_memory"]
    except RedisError:
        yield gauge("redis_up", "Whether Redis answers.", 0)
        return
    yield gauge("redis_up", "Whether Redis answers.", 1)
    yield gauge("redis_bytes", "Memory that Redis uses.", used)


def imports() -> Iterator[Metric]:
    seen = Worker.objects.alive().values_list("seen", flat=True)
    yield gauge("import_workers", "Workers that gave a sign of life.", len(seen))
    if seen:
        age = (timezone.now() - max(seen)).total_seconds()
        yield gauge("import_worker_seen_seconds", "Since the newest sign of life.", max(0.0, age))
    counted = Import.objects.order_by().values_list("state").annotate(Count("pk"))
    by_state = dict.fromkeys((state for state, _ in Import.STATES), 0) | dict(counted)
    yield gauges("imports", "Imports by their state.", "state", by_state)


def events() -> Iterator[Metric]:
    unsealed = Event.objects.filter(position=None).count()
    yield gauge("events_unsealed", "Events that are not chained yet.", unsealed)


def disk() -> Iterator[Metric]:
    free = shutil.disk_usage(settings.DATA_DIR).free
    yield gauge("data_free_bytes", "Free on the disk of the data folder.", free)
