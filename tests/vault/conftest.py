"""A key store and a master key of a test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from recognition import vault


@pytest.fixture
def own_vault(db: None, tmp_path: Path, settings: Any) -> Iterator[Path]:
    """Return the folder of an empty key store without a master key."""
    name = str(tmp_path / "keys.sqlite3")
    settings.KEYS_DATABASE = {**settings.KEYS_DATABASE, "NAME": name}
    settings.FACE_MASTER_KEY_FILE = tmp_path / "master.key"
    vault.keys.cache_clear()
    yield tmp_path
    vault.keys().close()
    vault.keys.cache_clear()
