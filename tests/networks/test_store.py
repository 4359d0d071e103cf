from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from recognition.errors import RecognitionError
from recognition.networks.store import NetworkStore, Provenance

OLD = Provenance("weights.dat", "0" * 64, "1")
NEW = Provenance("weights.dat", "1" * 64, "1")
COMMITTER = Path(__file__).with_name("commit_in_steps.py")


def writing(content: bytes):
    return lambda path: path.write_bytes(content) and None


@pytest.fixture
def store(tmp_path) -> NetworkStore:
    store = NetworkStore([tmp_path / "given", tmp_path / "own"])
    store.commit("net", writing(b"old" * 1000), OLD)
    return store


def files(store: NetworkStore) -> list[str]:
    return sorted(path.name for path in store.folders[-1].iterdir() if path.name != ".lock")


def test_find_returns_what_was_committed(store):
    assert store.find("net").read_bytes() == b"old" * 1000
    assert store.has("net")
    assert store.manifest("net").provenance == OLD
    assert store.manifest("net").bytes == 3000


def test_find_tells_of_a_missing_network_what_to_run(store):
    with pytest.raises(RecognitionError) as refusal:
        store.find("other")
    assert refusal.value.code == "not_ready" and "manage.py prepare" in refusal.value.hint
    assert not store.has("other")


def test_find_refuses_an_altered_file(store):
    store.find("net").write_bytes(b"odd" * 1000)
    with pytest.raises(RecognitionError, match="altered") as refusal:
        store.find("net")
    assert refusal.value.code == "not_ready"
    assert store.intact("net") is None


def test_a_file_cut_short_counts_as_missing(store):
    os.truncate(store.find("net"), 2999)
    assert not store.has("net")
    with pytest.raises(RecognitionError, match="not converted"):
        store.find("net")


@pytest.mark.parametrize("manifest", ["", "[]", "{}", '{"file": 3}', "\x00"])
def test_a_damaged_manifest_counts_as_missing(store, manifest):
    (store.folders[-1] / "net.json").write_text(manifest)
    assert not store.has("net")


def test_a_manifest_names_no_file_outside_its_folder(store, tmp_path):
    fields = json.loads((store.folders[-1] / "net.json").read_text())
    (tmp_path / "outside.onnx").write_bytes(b"old" * 1000)
    (store.folders[-1] / "net.json").write_text(json.dumps(fields | {"file": "../outside.onnx"}))
    assert not store.has("net")


def test_the_first_folder_comes_first(store):
    NetworkStore(store.folders[:1]).commit("net", writing(b"given"), OLD)
    assert store.find("net").read_bytes() == b"given"


def test_find_refuses_an_altered_file_even_if_a_later_folder_has_another(store):
    NetworkStore(store.folders[:1]).commit("net", writing(b"given"), OLD)
    store.find("net").write_bytes(b"evil!")
    with pytest.raises(RecognitionError) as refusal:
        store.find("net")
    assert str(store.folders[0]) in refusal.value.hint


def test_commit_replaces_a_network_and_removes_the_former_file(store):
    store.commit("net", writing(b"new"), NEW)
    assert store.find("net").read_bytes() == b"new"
    assert set(files(store)) == {"net.json", store.manifest("net").file}


def test_commit_writes_nothing_when_the_network_is_there(store):
    before = store.manifest("net")
    assert store.commit("net", writing(b"again"), OLD) == before
    assert store.find("net").read_bytes() == b"old" * 1000


def test_commit_makes_an_altered_network_anew(store):
    store.find("net").write_bytes(b"odd" * 1000)
    store.commit("net", writing(b"old" * 1000), OLD)
    assert store.find("net").read_bytes() == b"old" * 1000


def test_commit_that_fails_leaves_the_former_network(store):
    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        store.commit("net", fail, NEW)
    assert store.find("net").read_bytes() == b"old" * 1000


def commit_elsewhere(store: NetworkStore, *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(COMMITTER), str(store.folders[-1]), *arguments]
    return subprocess.Popen(command, cwd=COMMITTER.parents[2], stdout=subprocess.PIPE)


def test_a_kill_at_any_step_leaves_the_former_or_the_new_network_whole(store):
    seen: list[bytes] = []
    for step in range(1, 100):
        killed = commit_elsewhere(store, "net", "--kill-at", str(step)).wait(30)
        seen.append(store.find("net").read_bytes())
        if killed == 0:
            break
        assert killed == -signal.SIGKILL
    assert seen[0] == b"old" * 1000 and seen[-1] == b"new" * 1000
    assert len(seen) > 8 and seen == sorted(seen, reverse=True)  # old, ..., old, new, ..., new
    assert set(files(store)) == {"net.json", store.manifest("net").file}


def test_a_kill_while_writing_leaves_nothing_that_the_next_commit_does_not_remove(store):
    process = commit_elsewhere(store, "net", "--hang")
    assert process.stdout and process.stdout.readline() == b"half written\n"
    process.kill()
    process.wait(10)
    assert ".writing-net.onnx" in files(store)
    store.commit("net", writing(b"new"), NEW)
    assert set(files(store)) == {"net.json", store.manifest("net").file}


def test_two_processes_at_once_convert_a_network_once(store):
    processes = [commit_elsewhere(store, name, "--slow") for name in ("net", "net", "more")]
    said = [process.communicate(timeout=30)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert sorted(said[:2]) == [b"", b"written\n"] and said[2] == b"written\n"
    assert [store.find(name).read_bytes() for name in ("net", "more")] == [b"new" * 1000] * 2
