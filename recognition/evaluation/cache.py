"""Embeddings that were made once, kept in a file so that a run that was stopped goes on."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Self

import numpy as np

from recognition import pipeline, runtime, vault
from recognition.pipeline.types import Floats
from recognition.sealing import SealBrokenError, label, seal, unseal

MTCNN = ("mtcnn-pnet", "mtcnn-rnet", "mtcnn-onet")
COMMIT_EVERY = 50  # embeddings: what a run that is killed loses
BESIDE = ("extraction.py", "stress.py")  # code of ours that says what is kept


class EmbeddingCache:
    """Embeddings by the SHA-256 of their photographs, of one embedder and one way of making them.

    An empty one stands for a photograph in which no face was found. They rest sealed: among the
    photographs may be those of people who are registered, and who are erased one day.
    """

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = sqlite3.connect(file, timeout=60)  # another run may be writing
        self._file.execute("CREATE TABLE IF NOT EXISTS kept (sha256 TEXT PRIMARY KEY, row BLOB)")
        self._waiting = 0
        self._key = vault.ring().derived("evaluation")

    @classmethod
    def at(cls, folder: Path, embedder: str, how: str) -> Self:
        """Return the cache for the networks and the code there are now."""
        return cls(folder / f"{embedder}-{version_of(embedder)}-{how}.sqlite3")

    def known(self, keys: Iterable[str]) -> dict[str, Floats]:
        """Return those of ``keys`` that are here and can be opened: by this master key."""
        wanted, found = set(keys), {}
        for key, row in self._file.execute("SELECT sha256, row FROM kept"):
            if key in wanted:
                with suppress(SealBrokenError):
                    found[key] = np.frombuffer(unseal(self._key, row, label("kept", key)), "<f4")
        return found

    def keep(self, key: str, embedding: Floats) -> None:
        """Keep one embedding; it is on the disk after ``COMMIT_EVERY`` of them, or ``close``."""
        row = seal(self._key, np.ascontiguousarray(embedding, "<f4").tobytes(), label("kept", key))
        self._file.execute("INSERT OR REPLACE INTO kept VALUES (?, ?)", (key, row))
        self._waiting += 1
        if self._waiting % COMMIT_EVERY == 0:
            self._file.commit()

    def close(self) -> None:
        self._file.commit()
        self._file.close()


def version_of(embedder: str) -> str:
    """Return a digest of the code that makes what is kept, and of the networks that it runs."""
    digest = hashlib.sha256()
    for network in (*MTCNN, embedder):
        digest.update(runtime.store().manifest(network).sha256.encode())
    beside = [Path(__file__).with_name(name) for name in BESIDE]
    for source in [*sorted(Path(pipeline.__path__[0]).glob("*.py")), *beside]:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]
