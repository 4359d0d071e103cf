"""Workers in processes of their own, killed, stopped and started again."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from PIL import Image

from recognition.management.commands import worker as command
from tests.servers import ROOT, Site

BEGIN = Path(__file__).with_name("begin_import.py")
FILES, FEW = 200, 60
PATIENCE = 300.0  # seconds; a worker has a low priority, and other tests take the cores


class Workers:
    """A database, and workers on it: ``manage.py worker``, in processes of their own."""

    def __init__(self, site: Site) -> None:
        self.site, self.processes = site, []

    def start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, str(ROOT / "manage.py"), "worker"]
        with self.site.log_path.open("ab") as log:
            process = subprocess.Popen(command, env=self.site.environment, stderr=log)
        self.processes.append(process)
        return process

    def begin(self, folder: Path) -> str:
        """Hand an import of a folder over to whoever works; return its id."""
        environment = {**self.site.environment, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, str(BEGIN), str(folder)]
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def ask(self, query: str) -> list[tuple]:
        return self.site.ask(query)

    def states(self) -> dict[str, int]:
        return dict(self.ask("SELECT state, count(*) FROM recognition_importfile GROUP BY state"))

    def imports(self) -> list[str]:
        return [state for (state,) in self.ask("SELECT state FROM recognition_import")]

    def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < deadline, (self.imports(), self.states(), self.site.log())
            time.sleep(0.05)


@pytest.fixture
def workers(
    tmp_path: Path, networks_dir: Path, request: pytest.FixtureRequest
) -> Iterator[Workers]:
    """Return workers on SQLite, or on PostgreSQL where the test's parameter says so."""
    environment = {}
    if getattr(request, "param", "") == "postgresql":
        environment["DATABASE_URL"] = request.getfixturevalue("postgres").create("imports")
    workers = Workers(Site(tmp_path / "site", networks_dir, **environment))
    yield workers
    for process in workers.processes:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of 200 different pictures of three people, of which some show nobody."""
    folder = tmp_path_factory.mktemp("crowd")
    fixtures = ROOT / "tests" / "fixtures"
    portraits = {name: Image.open(fixtures / f"{name}.jpg") for name in ("obama", "biden")}
    portraits["nobody"] = Image.new("RGB", (200, 200), "grey")
    for number in range(FILES):
        name = list(portraits)[number % len(portraits)]
        (folder / name).mkdir(exist_ok=True)
        picture = portraits[name].convert("RGB").copy()
        picture.putpixel((0, 0), (number, 0, 0))
        buffer = io.BytesIO()
        picture.save(buffer, "PNG" if name == "nobody" else "JPEG", quality=95)
        (folder / name / f"{number}.jpg").write_bytes(buffer.getvalue() + bytes([number]))
    return folder


def done(workers: Workers) -> int:
    counts = workers.states()
    return sum(counts.get(state, 0) for state in ("new", "there", "refused"))


@pytest.mark.slow
def test_a_worker_killed_twice_in_200_files_loses_none_and_does_none_twice(workers, crowd):
    workers.begin(crowd)
    for so_far in (20, 90):
        process = workers.start()
        workers.until(lambda so_far=so_far: done(workers) >= so_far)
        process.kill()
        process.wait()
    assert 90 <= done(workers) < FILES
    workers.start()
    workers.until(lambda: workers.imports() == ["done"])
    shown = len(list(crowd.glob("obama/*"))) + len(list(crowd.glob("biden/*")))
    assert workers.states() == {"new": shown, "refused": FILES - shown}
    assert workers.ask("SELECT count(*) FROM recognition_reference") == [(shown,)]
    assert workers.ask("SELECT count(*) FROM recognition_importfile WHERE data IS NOT NULL") == [
        (0,)
    ]


def some(crowd: Path, folder: Path, count: int) -> Path:
    """Return a folder of one person, called as it, with pictures of the crowd."""
    (folder / folder.name).mkdir(parents=True)
    for path in sorted(crowd.glob("obama/*"))[:count]:
        (folder / folder.name / path.name).write_bytes(path.read_bytes())
    return folder


def test_a_worker_told_to_end_ends_after_its_file_and_the_next_goes_on(workers, crowd, tmp_path):
    workers.begin(some(crowd, tmp_path / "some", 30))
    process = workers.start()
    workers.until(lambda: done(workers) >= 3)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0
    assert workers.imports() == ["waiting"] and done(workers) < 30
    assert workers.ask("SELECT count(*) FROM recognition_worker") == [(0,)]
    ready = "SELECT count(*) FROM django_tasks_database_dbtaskresult WHERE status = 'READY'"
    assert workers.ask(ready) == [(1,)]  # nobody need wait until the first is taken for gone
    workers.start()
    workers.until(lambda: workers.imports() == ["done"])
    assert workers.states() == {"new": 30}
    assert "Traceback" not in workers.site.log()


@pytest.mark.parametrize("workers", ["sqlite", "postgresql"], indirect=True)
def test_two_workers_never_take_one_import(workers, crowd, tmp_path):
    for number in range(4):
        workers.begin(some(crowd, tmp_path / str(number), 8))
    workers.start()
    workers.start()
    workers.until(lambda: workers.imports() == ["done"] * 4)
    tried = workers.ask("SELECT attempts, count(*) FROM recognition_importfile GROUP BY attempts")
    assert tried == [(1, 32)]
    assert workers.states() == {"new": 32}


def test_an_idle_worker_is_small_and_leaves_requests_the_cores(workers, crowd, tmp_path):
    process = psutil.Process(workers.start().pid)
    workers.until(lambda: workers.ask("SELECT count(*) FROM recognition_worker") == [(1,)])
    time.sleep(1.5)
    libraries = {Path(entry.path).name for entry in process.memory_maps()}
    assert process.nice() == 10
    assert not any("onnxruntime" in name or "faiss" in name for name in libraries)
    assert process.memory_info().rss < 150e6


@pytest.fixture
def serving(make_site) -> Site:
    """Return a server that also runs a worker, as it does by default."""
    site = make_site(IMPORT_WORKER="yes")
    Workers(site).until(lambda: len(site.import_workers()) == 1)
    return site


def test_a_server_runs_a_worker_and_starts_it_again_if_it_dies(serving):
    [first] = serving.import_workers()
    os.kill(first, signal.SIGKILL)
    Workers(serving).until(lambda: serving.import_workers() not in ([first], []))
    assert len(serving.workers()) == 1
    assert "it is started again" in serving.log()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_worker_ends_with_its_server(serving, number):
    family = psutil.Process(serving.process.pid).children(recursive=True)
    serving.process.send_signal(number)
    serving.process.wait(timeout=60)
    _, alive = psutil.wait_procs(family, timeout=60)
    assert not alive
    serving.process = None
    assert "Traceback" not in serving.log()


@pytest.mark.slow
def test_an_import_goes_on_after_a_restart_of_the_server(serving, crowd, tmp_path):
    for number in range(FEW):
        [source] = crowd.glob(f"*/{number}.jpg")
        there = tmp_path / "few" / source.relative_to(crowd)
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, there)
    workers = Workers(serving)
    workers.begin(tmp_path / "few")
    workers.until(lambda: done(workers) >= 10)
    serving.stop()
    assert done(workers) < FEW
    serving.start()
    workers.until(lambda: workers.imports() == ["done"])
    assert done(workers) == FEW


def test_a_worker_that_has_rested_begins_anew(db, monkeypatch):
    monkeypatch.setattr(command, "REST", 0.0)
    monkeypatch.setattr(command, "PAUSE", 0.0)
    command.work("rested")  # it returns, for its libraries are loaded here
    assert not command.worker.stop
