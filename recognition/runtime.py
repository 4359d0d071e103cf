"""What a process holds: networks and indexes, built once, on first use, after any fork."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import date
from functools import cache, wraps
from typing import TYPE_CHECKING, TypeVar

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connections
from django_redis import get_redis_connection

from facesite.cache import breaker
from facesite.memory import give_back
from recognition import vault
from recognition.admission import Places
from recognition.changelog import Database
from recognition.engine import milvus_engine
from recognition.errors import RecognitionError
from recognition.gallery.cache import TemplateCache
from recognition.gallery.engine import Engine
from recognition.gallery.follow import DAY, Follower, here
from recognition.gallery.index import Index
from recognition.models import DEFAULT_GALLERY, Gallery
from recognition.networks.catalogue import DLIB, FACENET, MTCNN
from recognition.networks.session import OnnxNetwork
from recognition.networks.store import NetworkStore
from recognition.pipeline import embed
from recognition.pipeline.decode import Limits
from recognition.pipeline.detect import Detector
from recognition.pipeline.extract import Extractor
from recognition.pipeline.quality import QualityLimits
from recognition.threads import pinned

if TYPE_CHECKING:
    from collections.abc import Callable

EMBEDDERS: dict[str, type[embed.FaceNet] | type[embed.DlibResNet]] = {
    FACENET: embed.FaceNet,
    DLIB: embed.DlibResNet,
}

SEALED_EVERY = 1.0  # seconds
PATIENCE = 2.0  # seconds that a request waits for people who are still being loaded

log = logging.getLogger(__name__)
T = TypeVar("T")
_serving, _noted = threading.Event(), threading.Event()
_building = threading.RLock()


def built_once(build: Callable[..., T]) -> Callable[..., T]:
    """Cache ``build`` by its arguments; two threads that ask first do not both build."""
    cached = cache(build)

    @wraps(build)
    def locked(*args: str) -> T:
        with _building:
            return cached(*args)

    locked.cache_clear = cached.cache_clear  # type: ignore[attr-defined]  # tests begin anew by it
    return locked


@built_once
def store() -> NetworkStore:
    """Return where the converted networks lie."""
    return NetworkStore(settings.NETWORKS_FOLDERS)


@built_once
def network(network_id: str) -> OnnxNetwork:
    """Return a loaded network, or raise ``not_ready``."""
    path = store().find(network_id)
    if network_id in MTCNN:  # several parts of a picture side by side, each on one thread
        return OnnxNetwork(path, threads=1, arena=True)
    # Several processes would keep their threads to the same cores.
    own = settings.WEB_CONCURRENCY == 1
    return OnnxNetwork(path, threads=settings.INFERENCE_THREADS, alone=alone, pinned=own)


def alone() -> bool:
    """Say whether a request may use several threads: not where others need the cores."""
    needed = places().taken * settings.INFERENCE_THREADS
    return needed <= max(places().running, settings.INFERENCE_THREADS)


def workers() -> Executor | None:
    """Return the threads that look at parts of a picture, None where its own thread shall."""
    return _workers() if settings.INFERENCE_THREADS > 1 and alone() else None


@built_once
def _workers() -> ThreadPoolExecutor:
    count = max(settings.INFERENCE_THREADS, settings.MAX_RUNNING)
    make = pinned if settings.WEB_CONCURRENCY == 1 else ThreadPoolExecutor
    return make(count, "detector")


@built_once
def extractor(embedder_id: str) -> Extractor:
    """Return the pipeline that ends in ``embedder_id``'s embeddings."""
    nets = (network(f"mtcnn-{net}") for net in ("pnet", "rnet", "onet"))
    return Extractor(
        Detector(*nets, confidence=settings.FACE_DETECTION_CONFIDENCE, workers=workers),
        EMBEDDERS[embedder_id](network(embedder_id)),
        QualityLimits(min_size=settings.FACE_MIN_SIZE),
    )


def default_embedder() -> str:
    """Return the embedder of a gallery that has none yet (``FACE_MODEL``)."""
    if settings.FACE_MODEL != "auto":
        return str(settings.FACE_MODEL)
    return FACENET if store().has(FACENET) else DLIB


def embedder_of(gallery: Gallery) -> str:
    """Return the id of the embedder whose embeddings ``gallery`` holds or will hold."""
    return gallery.embedder or default_embedder()


@built_once
def places() -> Places:
    """Return how many requests with pictures this process takes."""
    return Places(running=settings.MAX_RUNNING, waiting=settings.MAX_WAITING)


def limits() -> Limits:
    """Return how large a picture may be."""
    return Limits(max_bytes=settings.MAX_IMAGE_BYTES, max_pixels=settings.MAX_IMAGE_PIXELS)


@built_once
def template_cache() -> TemplateCache | None:
    """Return the copy of the templates in Redis, None without Redis."""
    if not settings.REDIS_URL:
        return None
    # The first gallery's token tells this database from others that share the Redis.
    token = Gallery.objects.get(name=DEFAULT_GALLERY).token.hex
    dimensions = {name: kind.dimension for name, kind in EMBEDDERS.items()}
    prefix = f"{settings.REDIS_PREFIX}:{token}"
    # One breaker with the rate counters: a request waits for a hung Redis once, not twice.
    return TemplateCache(
        lambda: get_redis_connection("redis"),
        prefix,
        dimensions,
        breaker,
        secret=lambda epoch: vault.ring().derived(f"templates in Redis {epoch}"),
        start=_start,
    )


@built_once
def follower() -> Follower:
    """Return the indexes of this process."""
    patience = PATIENCE if _serving.is_set() else DAY
    return Follower(Database(), template_cache(), start=_start, patience=patience)


def serve() -> None:
    """From now on load what takes long in threads of its own, beside the requests; begin now.

    A server calls this, after its fork. A command waits instead.
    """
    _serving.set()
    threading.Thread(target=_seal_events, name="sealer", daemon=True).start()
    _start(_load_networks)
    if settings.GALLERY_ENGINE == "exact":
        _start(lambda: follower().load())


def _seal_events() -> None:
    said = ""
    while True:
        time.sleep(SEALED_EVERY)
        said = keep_in_order(said)


def keep_in_order(said: str) -> str:
    """Do what a server does each second; return what kept it from that, to be ``said`` once.

    Erasures are ended that a crash, or a store that was away, left undone; new events are chained,
    old ones cut each day.
    """
    from recognition.services.audit import seal  # which import this module
    from recognition.services.configuration import note_settings
    from recognition.services.erasure import empty_what_is_owed
    from recognition.services.people import forget_old_events
    from recognition.services.receipts import finish

    try:
        finish()  # first: this does not wait until somebody mends a chain
        empty_what_is_owed()
        if not _noted.is_set():
            note_settings()
            _noted.set()
        seal()
        forget_old_events(date.today())
    # The last two: of a file, or a row, in which somebody wrote.
    except (DatabaseError, OSError, RecognitionError, ValueError, TypeError) as error:
        if str(error) != said:  # a broken chain stays so until somebody looks into it
            log.error("events are not sealed, or erasures not ended; it is tried again: %s", error)
        connections.close_all()
        vault.keys().close()
        return str(error)
    return ""


def _load_networks() -> None:
    """Load what the first request would wait for; what is missing, that request will say."""
    names = (*MTCNN, default_embedder())
    if all(store().has(name) for name in names):
        for name in names:
            network(name).load()


def _start(act: Callable[[], None]) -> None:
    if _serving.is_set():
        threading.Thread(target=_in_thread, args=[act], name="index", daemon=True).start()
    else:
        here(act)


def _in_thread(act: Callable[[], None]) -> None:
    try:
        act()
    except (DatabaseError, OSError, RecognitionError) as error:
        log.error("what is wanted is not loaded, the next request tries again: %s", error)
    finally:
        connections.close_all()  # those of this thread
        vault.keys().close()
        give_back()  # what loading took


@built_once
def engine() -> Engine | None:
    """Return the engine outside of this process (``GALLERY_ENGINE``), None where there is none."""
    if settings.GALLERY_ENGINE != "milvus":
        return None
    dimensions = {name: kind.dimension for name, kind in EMBEDDERS.items()}
    return milvus_engine(dimensions, default_embedder)


def index(gallery: Gallery) -> Index:
    """Return the index of ``gallery``, holding every change that was committed before this call."""
    if milvus := engine():
        return milvus.caught_up(gallery.pk, embedder_of(gallery))
    if copy := template_cache():
        copy.catch_up(Database())
    embedder = embedder_of(gallery)
    return follower().caught_up(gallery.pk, EMBEDDERS[embedder].dimension, embedder)


def loaded() -> float:
    """Return how much of the index is loaded, 0 to 1; nothing has to be with Milvus."""
    return 1.0 if engine() else follower().share


def version() -> int:
    """Return the change that the indexes of this process hold, -1 before their first use."""
    milvus = engine()
    return milvus.version if milvus else follower().version


def publish() -> None:
    """Bring Milvus, or the copy in Redis, to the head of the log, after a commit."""
    if milvus := engine():
        milvus.publish()
    elif copy := template_cache():
        copy.follow(Database())
