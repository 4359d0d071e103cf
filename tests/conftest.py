"""The cast of the tests: real networks, real photographs, a client with a key."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import caches
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from PIL import Image

from facesite.cache import breaker
from recognition import runtime, services, vault
from recognition.curves import Calibration
from recognition.models import DEFAULT_GALLERY, Gallery, Subject
from recognition.networks.prepare import prepare
from recognition.services import RegisterOptions
from recognition.services.results import Actor, Registration, Upload
from tests.gallery.milvus_server import MilvusServer
from tests.servers import PostgresServer, RedisServer, Site

# Torch's threads would spin for each other while other tests have the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

FIXTURES = Path(__file__).parent / "fixtures"
TESTER = Actor("command:tests")


class Photos:
    """The photographs by name: ``photos.obama`` is a path, ``photos.upload("obama")`` an upload."""

    obama = FIXTURES / "obama.jpg"
    obama2 = FIXTURES / "obama2.jpg"
    obama3 = FIXTURES / "obama3.jpg"
    biden = FIXTURES / "biden.jpg"
    partial = FIXTURES / "obama_partial_face.jpg"
    astronaut = FIXTURES / "astronaut.jpg"

    def upload(self, name: str) -> Upload:
        path: Path = getattr(self, name)
        return Upload(path.name, path.read_bytes())


def blank() -> bytes:
    """Return a picture without any face."""
    file = BytesIO()
    Image.new("RGB", (320, 240), "grey").save(file, "PNG")
    return file.getvalue()


def crowd(gallery: Gallery, count: int) -> list[Subject]:
    """Make people without faces: lists do not look at faces."""
    people = [Subject(gallery=gallery, user_id=f"u{number:05}") for number in range(count)]
    return Subject.objects.bulk_create(people, batch_size=1000)


def registered() -> dict[str, int]:
    """Return how many references everybody has, by user_id."""
    people = Subject.objects.with_counts()
    return {subject.user_id: subject.reference_count for subject in people}


def queries(client: Client, path: str) -> int:
    """Return how many queries a page takes, once what is done at first use is done."""
    client.get(path)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


@contextmanager
def logged(formatter: logging.Formatter) -> Iterator[StringIO]:
    """Give what is logged inside, as ``formatter`` writes it."""
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logging.getLogger().addHandler(handler)
    yield stream
    logging.getLogger().removeHandler(handler)


@pytest.fixture(scope="session")
def photos() -> Photos:
    return Photos()


@pytest.fixture
def portraits(photos: Photos) -> dict[str, bytes]:
    """Return photographs by path: two of one person, one of another."""
    return {
        "barack/1.jpg": photos.obama.read_bytes(),
        "barack/2.jpg": photos.obama2.read_bytes(),
        "Joe Biden/1.jpg": photos.biden.read_bytes(),
    }


@pytest.fixture(scope="session")
def networks_dir() -> Path:
    """Return the folder of the converted networks (all but FaceNet, whose weights are large)."""
    store = runtime.store()
    prepare(
        store,
        facenet_weights=None,
        facenet_sha256=None,
        download_dir=settings.DATA_DIR / "downloads",
        want_facenet=False,
        say=print,
    )
    return store.folders[-1]


@pytest.fixture(autouse=True)
def closed_keys() -> Iterator[None]:
    """Leave no connection to the key store open: a test without a database could not use it."""
    yield
    vault.keys().close()


@pytest.fixture(autouse=True)
def no_calibrations() -> None:
    """Let no test read another one's: after a rollback the next row has the same number."""
    Calibration._stored.cache_clear()


@pytest.fixture(autouse=True)
def no_audit_head() -> None:
    """Let no test find the head of the chain of another one's database."""
    settings.AUDIT_HEAD_FILE.unlink(missing_ok=True)


@pytest.fixture
def own_vault(db: None, tmp_path: Path, settings: Any) -> Iterator[Path]:
    """Return the folder of an empty key store of this test's own, without a master key."""
    name = str(tmp_path / "keys.sqlite3")
    settings.KEYS_DATABASE = {**settings.KEYS_DATABASE, "NAME": name}
    settings.FACE_MASTER_KEY_FILE = tmp_path / "master.key"
    vault.keys.cache_clear()
    yield tmp_path
    vault.keys().close()
    vault.keys.cache_clear()


@pytest.fixture
def fresh_runtime() -> Iterator[None]:
    """Forget indexes and caches that another test's database filled."""
    _forget()
    yield
    _forget()


def _forget() -> None:
    for built in (runtime.follower, runtime.template_cache, runtime.engine):
        built.cache_clear()


@pytest.fixture
def no_networks(settings: Any, tmp_path: Path) -> Iterator[None]:
    """Let no network be at hand."""
    built = (runtime.store, runtime.network, runtime.extractor)
    settings.NETWORKS_FOLDERS = [tmp_path]
    for one in built:
        one.cache_clear()
    yield
    for one in built:
        one.cache_clear()


@pytest.fixture
def gallery(db: None, networks_dir: Path, fresh_runtime: None) -> Gallery:
    """Return the default gallery, empty, with networks at hand."""
    return Gallery.objects.get(name=DEFAULT_GALLERY)


@pytest.fixture
def register(gallery: Gallery, photos: Photos):
    """Return a function that registers photographs by name: ``register("barack", "obama")``."""

    def register_by_name(user_id: str, *names: str, **options: object) -> Registration:
        uploads = [photos.upload(name) for name in names]
        return services.register(gallery, user_id, uploads, RegisterOptions(**options), TESTER)

    return register_by_name


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take long, so that the last ones do not run alone."""
    long = {item.path for item in items if item.get_closest_marker("slow")}
    long |= {item.path for item in items if item.path.parent.name in {"browser", "docs"}}
    items.sort(key=lambda item: item.path not in long)


def pytest_sessionfinish(session: pytest.Session) -> None:
    shutil.rmtree(settings.DATA_DIR, ignore_errors=True)


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """Return a real Redis of this test's own."""
    server = RedisServer(tmp_path)
    yield server
    server.kill()


@pytest.fixture
def on_redis(settings: Any, redis_server: RedisServer) -> Iterator[RedisServer]:
    """Let this process use a Redis of its own."""
    settings.REDIS_URL = redis_server.url
    redis = {**settings.REDIS_CACHE, "LOCATION": redis_server.url}
    settings.CACHES = {**settings.CACHES, "redis": redis}
    yield redis_server
    breaker._open_until = 0.0
    caches.close_all()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Return a real PostgreSQL of this run's own."""
    server = PostgresServer()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def milvus() -> Iterator[MilvusServer]:
    """Return a real Milvus of this run's own, for tests that leave it running."""
    with MilvusServer() as server:
        yield server


@pytest.fixture
def on_milvus(milvus: MilvusServer, settings: Any, fresh_runtime: None) -> MilvusServer:
    """Let galleries be searched in Milvus."""
    settings.GALLERY_ENGINE, settings.MILVUS_URI = "milvus", milvus.uri
    settings.MILVUS_TURN_KEY = "a key for tests, and for nothing else"
    return milvus


@pytest.fixture
def own_milvus() -> Iterator[MilvusServer]:
    """Return a real Milvus of this test's own, to be killed or hung."""
    with MilvusServer() as server:
        yield server


@pytest.fixture
def make_site(tmp_path: Path, networks_dir: Path) -> Iterator[Callable[..., Site]]:
    """Return a function that starts Facesite in processes of its own: ``make_site(PORT="0")``."""
    sites: list[Site] = []

    def make(**environment: str) -> Site:
        if sites:  # who share a database share its keys; to others they are nothing
            environment = {**sites[0].keys, **environment}
        sites.append(Site(tmp_path / f"site{len(sites)}", networks_dir, **environment))
        return sites[-1].start()

    yield make
    for site in sites:
        site.stop()
