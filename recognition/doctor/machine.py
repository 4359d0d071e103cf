"""The machine: processor, memory, disk, the data folder, the clock."""

from __future__ import annotations

import os
import platform
import shutil
import stat
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django_redis import get_redis_connection
from redis.exceptions import RedisError

import recognition
from recognition import runtime
from recognition.doctor.verdict import Verdict, fault, ok, size, warning
from recognition.models import Event, Subject
from recognition.threads import core_count

CPU, MEMORY = Path("/proc/cpuinfo"), Path("/proc/meminfo")
# Of a container. Source: the kernel's Documentation/admin-guide/cgroup-v2.rst.
QUOTA, BOUND = Path("/sys/fs/cgroup/cpu.max"), Path("/sys/fs/cgroup/memory.max")
# Of a process without people, and of what stands beside a template. Source: docs/scaling.md.
BARE = {"dlib-resnet-v1": 0.27e9, "facenet-vggface2": 0.49e9}
CODES = {"dlib-resnet-v1": 145, "facenet-vggface2": 241}
NEAR = 0.8  # of the memory
LEAST_FREE, LITTLE_FREE = 100e6, 1e9  # bytes of the disk
OFF, FAR_OFF = 5.0, 60.0  # seconds between two clocks


def processor() -> Iterator[Verdict]:
    cores, flags = core_count(), _after(CPU, "flags")
    yield ok("processor", f"{cores} cores for a process.")
    if platform.machine() in {"x86_64", "AMD64"} and flags and "avx2" not in flags.split():
        said = "The processor has no AVX2: networks and searches take several times as long."
        yield warning("processor", said, "Take a processor, or a virtual one, that has it.")
    allowed = _quota()
    if allowed and allowed < cores:
        said = f"A quota gives {allowed:.1f} of the {cores} cores: more threads only wait."
        whole = max(1, int(allowed))
        remedy = f"Set MAX_RUNNING={whole} and INFERENCE_THREADS={whole}, or raise the quota."
        yield warning("processor", said, remedy)
    if cores < settings.WEB_CONCURRENCY:
        said = f"{settings.WEB_CONCURRENCY} processes share {cores} cores."
        yield warning("processor", said, f"Set WEB_CONCURRENCY to {cores} at most.")


def _after(path: Path, name: str) -> str:
    """Return what stands after ``name:`` in a file of /proc, "" where there is none."""
    if not path.exists():
        return ""
    lines = (line.partition(":") for line in path.read_text().splitlines())
    return next((value.strip() for key, _, value in lines if key.strip() == name), "")


def _quota() -> float | None:
    """Return how many cores a container may use, None where nothing bounds it."""
    allowed, _, period = QUOTA.read_text().partition(" ") if QUOTA.exists() else ("max", "", "")
    return None if allowed == "max" else int(allowed) / int(period)


def memory() -> Iterator[Verdict]:
    embedder = runtime.default_embedder()
    people = 0 if runtime.engine() else Subject.objects.count()
    dimension = runtime.EMBEDDERS[embedder].dimension
    each = BARE[embedder] + people * (4 * dimension + CODES[embedder])
    needed, there = settings.WEB_CONCURRENCY * each, _memory()
    if not there:
        yield ok("memory", f"About {size(needed)} are needed; this system does not tell its own.")
        return
    said = f"{people:,} people need about {size(needed)} of {size(there)}."
    remedy = "Add memory, lower WEB_CONCURRENCY, or use GALLERY_ENGINE=milvus: docs/scaling.md."
    if needed > there:
        yield fault("memory", said, remedy)
    elif needed > NEAR * there:
        yield warning("memory", said, remedy)
    else:
        yield ok("memory", said)


def _memory() -> int:
    """Return the bytes of memory that may be used, 0 where nobody tells."""
    kilobytes = _after(MEMORY, "MemTotal").partition(" ")[0]
    found = [int(kilobytes) * 1024] if kilobytes else []
    bound = BOUND.read_text().strip() if BOUND.exists() else "max"
    found += [int(bound)] if bound != "max" else []
    return min(found, default=0)


def disk() -> Iterator[Verdict]:
    free = shutil.disk_usage(settings.DATA_DIR).free
    said = f"{size(free)} are free under {settings.DATA_DIR}."
    remedy = "Make room, or lower EVENTS_KEEP; docs/scaling.md says what grows."
    if free < LEAST_FREE:
        yield fault("disk", said, remedy)
    elif free < LITTLE_FREE:
        yield warning("disk", said, remedy)
    else:
        yield ok("disk", said)


def data_folder() -> Iterator[Verdict]:
    folder = settings.DATA_DIR
    if not os.access(folder, os.W_OK | os.X_OK):
        remedy = f"chown it: the service runs as user {os.geteuid()}."
        yield fault("data folder", f"{folder} cannot be written to.", remedy)
    wrong = 0
    for path in (folder, *(path for path in sorted(folder.iterdir()) if path.is_file())):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            wrong += 1
            remedy = f"chmod go= '{path}'"
            yield fault("data folder", f"Others may use {path} (mode {mode:o}).", remedy)
    if not wrong:
        yield ok("data folder", f"{folder} and its files are for their owner alone.")


def clock() -> Iterator[Verdict]:
    """Compare this machine's clock with all others there are: it dates events and erasures."""
    now, wrong = time.time(), False
    for whose, theirs in _clocks():
        off = abs(theirs - now)
        if off > OFF:
            wrong = True
            said = f"The clock is {off:,.0f} s away from that of {whose}."
            remedy = "Let NTP set it on every machine (`timedatectl set-ntp true`)."
            yield (fault if off > FAR_OFF else warning)("clock", said, remedy)
    before = [what for what, moment in _past() if moment > now + OFF]
    if before:
        said = f"The clock stands before {' and '.join(before)}."
        yield fault("clock", said, "Set it: events would be out of order, and kept too long.")
    elif not wrong:
        said = datetime.fromtimestamp(now, UTC).strftime("It is %Y-%m-%d %H:%M:%S UTC.")
        yield ok("clock", said)


def _clocks() -> Iterator[tuple[str, float]]:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
            yield "the database server", float(cursor.fetchone()[0])
    if settings.REDIS_URL:
        try:
            seconds, micros = get_redis_connection("redis").time()
        except RedisError:
            return  # which is told where Redis is looked at
        yield "Redis", seconds + micros / 1e6


def _past() -> Iterator[tuple[str, float]]:
    """Yield what has happened already, and when."""
    yield "this version was installed", Path(recognition.__file__).stat().st_mtime
    try:
        newest = Event.objects.order_by("-id").values_list("time", flat=True).first()
    except DatabaseError:
        return  # which is told where the database is looked at
    if newest:
        yield "the newest event", newest.timestamp()
