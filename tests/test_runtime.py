"""What a server loads before anybody asks."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from recognition import runtime, services
from recognition.errors import RecognitionError
from recognition.models import Erasure, Event
from recognition.networks.catalogue import DLIB, MTCNN
from recognition.services import receipts
from recognition.services.people import record_act
from tests.conftest import TESTER


@pytest.fixture
def nothing_loaded():
    for built in (runtime.store, runtime.network):
        built.cache_clear()
    yield
    for built in (runtime.store, runtime.network, runtime.extractor):
        built.cache_clear()


def test_a_crash_leaves_no_core_in_which_faces_and_keys_are_read():
    assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)


def write(file: Path, content: bytes, *, at: int) -> None:
    """Write a file at another time, by the clock of files, than whoever wrote it before."""
    file.write_bytes(content)
    os.utime(file, (at, at))


def test_the_sealer_outlives_a_file_in_which_somebody_wrote(own_vault, caplog):
    record_act("act", TESTER)
    file = own_vault / "master.key"
    key = file.read_bytes()
    write(file, b"nonsense!", at=1)
    said = runtime.keep_in_order("")
    assert said == runtime.keep_in_order(said) != "" and caplog.text.count("not sealed") == 1
    write(file, key, at=2)
    assert runtime.keep_in_order(said) == ""
    assert not Event.objects.filter(position=None).exists()


def test_what_cannot_be_loaded_is_told_in_the_log(caplog):
    def load() -> None:
        raise RecognitionError("not_ready", "The master key is gone.")

    runtime._in_thread(load)
    assert "the next request tries again: The master key is gone." in caplog.text


def test_the_sealer_ends_what_an_erasure_left_undone(own_vault, register, gallery):
    register("barack", "obama")
    services.unregister(gallery, "barack", actor=TESTER)  # and the process dies
    assert Erasure.objects.get().finished is False
    runtime.keep_in_order("")
    assert Erasure.objects.get().finished is True and receipts.logged()


def test_networks_are_loaded_before_the_first_request(nothing_loaded):
    runtime._load_networks()
    assert all(runtime.network(name)._sessions for name in (*MTCNN, DLIB))


def test_a_server_without_networks_starts_all_the_same(nothing_loaded, settings, tmp_path):
    settings.NETWORKS_FOLDERS = [tmp_path]
    runtime._load_networks()
    assert not runtime.store().has(DLIB)
