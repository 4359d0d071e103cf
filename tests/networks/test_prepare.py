from __future__ import annotations

import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from recognition.errors import RecognitionError
from recognition.networks import prepare as preparation
from recognition.networks.catalogue import CATALOGUE, DLIB, FACENET, MTCNN, Download
from recognition.networks.files import sha256_of
from recognition.networks.prepare import prepare
from recognition.networks.store import NetworkStore

# Prepares what is prepared already, and prints whether that took torch.
AGAIN = """
import sys
from pathlib import Path
from recognition.networks.prepare import prepare
from recognition.networks.store import NetworkStore
made = prepare(NetworkStore([Path(p) for p in sys.argv[3:]]), facenet_weights=None,
    facenet_sha256=sys.argv[1], download_dir=Path(sys.argv[2]), want_facenet=True, say=print)
print(len(made.ready), made.converted, repr(made.facenet_problem), "torch" in sys.modules)
"""


class Preparation:
    """Calls ``prepare`` on networks that are ready but for FaceNet, and keeps what it said."""

    def __init__(self, networks_dir: Path, folder: Path) -> None:
        self.store = NetworkStore([networks_dir, folder / "networks"])
        self.downloads = folder / "downloads"
        self.said: list[str] = []
        self.say = self.said.append

    def run(self, *, weights: Path | None = None, sha256: str | None = None):
        return prepare(
            self.store,
            facenet_weights=weights,
            facenet_sha256=sha256,
            download_dir=self.downloads,
            want_facenet=True,
            say=self.say,
        )


@pytest.fixture
def preparation_of_facenet(networks_dir, tmp_path) -> Preparation:
    return Preparation(networks_dir, tmp_path)


@pytest.fixture
def converting(monkeypatch) -> list[tuple[str, Path]]:
    """Replace the conversion, which has its own tests, by a note of what would be converted."""
    noted: list[tuple[str, Path]] = []

    def note(network_id: str, weights: Path, destination: Path) -> None:
        noted.append((network_id, weights))
        destination.write_bytes(b"converted")

    monkeypatch.setattr(preparation, "convert", note)
    return noted


@pytest.fixture
def published(file_server, monkeypatch) -> str:
    """Publish FaceNet's weights on the local server; return their digest."""
    source = Download(file_server.url, megabytes=107, limit=1_000_000)
    entry = replace(CATALOGUE[FACENET], source=source, source_sha256=file_server.sha256)
    monkeypatch.setitem(CATALOGUE, FACENET, entry)
    return file_server.sha256


def test_prepare_makes_every_network_ready(store):
    assert all(store.intact(network_id) for network_id in CATALOGUE)
    assert store.manifest(DLIB).source_sha256 == CATALOGUE[DLIB].source_sha256


def test_prepare_does_nothing_the_second_time_and_imports_no_torch(store, weights, tmp_path):
    digest = sha256_of(weights(FACENET))
    command = [sys.executable, "-c", AGAIN, digest, str(tmp_path), *map(str, store.folders)]
    run = subprocess.run(command, capture_output=True, check=True, text=True)
    assert run.stdout == "5 () '' False\n" and run.stderr == ""


def test_prepare_takes_facenet_from_a_local_file(preparation_of_facenet, converting, tmp_path):
    local = tmp_path / "local.pt"
    local.write_bytes(b"weights")
    prepared = preparation_of_facenet.run(weights=local, sha256=sha256_of(local).upper())
    assert converting == [(FACENET, local)] and prepared.converted == (FACENET,)
    assert preparation_of_facenet.store.manifest(FACENET).source_sha256 == sha256_of(local)


def test_prepare_refuses_a_local_file_with_another_digest(preparation_of_facenet, tmp_path):
    local = tmp_path / "local.pt"
    local.write_bytes(b"weights")
    prepared = preparation_of_facenet.run(weights=local)
    assert f"FACENET_SHA256={sha256_of(local)}" in prepared.facenet_problem
    assert FACENET not in prepared.ready and DLIB in prepared.ready


def test_prepare_tells_of_a_local_file_that_is_absent(preparation_of_facenet, tmp_path):
    prepared = preparation_of_facenet.run(weights=tmp_path / "none.pt")
    assert "none.pt" in prepared.facenet_problem
    assert "is not at hand" in preparation_of_facenet.said[-1]


def test_prepare_tells_of_a_local_file_that_holds_something_else(preparation_of_facenet, tmp_path):
    local = tmp_path / "local.pt"
    local.write_bytes(b"weights")
    prepared = preparation_of_facenet.run(weights=local, sha256=sha256_of(local))
    assert "local.pt" in prepared.facenet_problem and FACENET not in prepared.ready


def test_prepare_tells_the_terms_and_the_size_before_it_downloads(
    preparation_of_facenet, published, converting, file_server
):
    told: list[tuple[str, int]] = []
    preparation_of_facenet.say = lambda text: told.append((text, len(file_server.requests)))
    prepared = preparation_of_facenet.run()
    (terms, first), (size, second), *_ = told
    assert "VGGFace2" in terms and "107 MB" in size and first == second == 0
    assert prepared.converted == (FACENET,) and converting[0][1].read_bytes() == file_server.content


def test_prepare_goes_on_without_facenet_where_the_download_is_wrong(
    preparation_of_facenet, published, file_server
):
    file_server.content = file_server.content[::-1]
    prepared = preparation_of_facenet.run()
    assert "SHA-256" in prepared.facenet_problem
    assert prepared.ready == (*MTCNN, DLIB) and prepared.converted == ()


def test_prepare_goes_on_without_facenet_where_the_network_is_unreachable(
    preparation_of_facenet, published, file_server
):
    file_server.stop()
    start = time.monotonic()
    prepared = preparation_of_facenet.run()
    assert prepared.ready == (*MTCNN, DLIB) and "refused" in prepared.facenet_problem
    assert time.monotonic() - start < 10


def test_prepare_goes_on_without_facenet_where_it_cannot_store_the_download(
    preparation_of_facenet, published, tmp_path
):
    (tmp_path / "downloads").write_text("a file, where the folder should be")
    prepared = preparation_of_facenet.run()
    assert prepared.ready == (*MTCNN, DLIB) and "downloads" in prepared.facenet_problem


def test_prepare_makes_an_altered_network_anew(networks_dir, tmp_path, converting):
    shutil.copytree(networks_dir, tmp_path / "networks")
    made = Preparation(tmp_path / "given", tmp_path)
    made.store.find("mtcnn-rnet").write_bytes(bytes(made.store.manifest("mtcnn-rnet").bytes))
    assert made.run(weights=tmp_path / "none.pt").converted == ("mtcnn-rnet",)
    assert made.store.find("mtcnn-rnet").read_bytes() == b"converted"


def test_prepare_tells_of_an_altered_network_in_a_folder_that_is_not_its_own(
    networks_dir, tmp_path, converting
):
    given = Path(shutil.copytree(networks_dir, tmp_path / "given"))
    made = Preparation(given, tmp_path)
    made.store.find("mtcnn-rnet").write_bytes(bytes(made.store.manifest("mtcnn-rnet").bytes))
    with pytest.raises(RecognitionError) as refusal:
        made.run()
    assert str(given) in refusal.value.hint


def test_prepare_tells_where_torch_is_wanted_and_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(preparation, "find_spec", lambda name: None)
    with pytest.raises(RecognitionError, match="torch") as refusal:
        Preparation(tmp_path / "given", tmp_path).run()
    assert "FACESITE_NETWORKS_DIR" in refusal.value.hint


def test_prepare_tells_which_folder_it_cannot_write_to(tmp_path, converting):
    (tmp_path / "networks").write_text("a file, where the folder should be")
    with pytest.raises(RecognitionError, match="cannot be written") as refusal:
        Preparation(tmp_path / "given", tmp_path).run()
    assert refusal.value.code == "not_ready"
