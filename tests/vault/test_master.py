"""The file of the master key: one key, whoever is first."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

from recognition.vault import master

THREADS = 8


def test_threads_that_begin_at_once_make_one_key(tmp_path):
    for number in range(20):
        path = tmp_path / f"{number}.key"
        with ThreadPoolExecutor(THREADS) as pool:
            made = pool.map(lambda _, p=path: master.from_file(p, may_make=always), range(THREADS))
            assert len({ring.keys for ring in made}) == 1
        assert path.stat().st_mode & 0o777 == 0o600
    assert len(list(tmp_path.iterdir())) == 20


def always() -> bool:
    return True


def test_a_key_that_was_made_outlasts_a_power_failure(tmp_path, monkeypatch):
    synced, fsync = [], os.fsync

    def noting(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noting)
    master.make(tmp_path / "master.key")
    there = [(tmp_path / "master.key").stat().st_ino, tmp_path.stat().st_ino]
    assert (synced[0], synced[-1]) == tuple(there)
