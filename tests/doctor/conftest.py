"""The doctor's cast: a vault that a test may spoil, and a PostgreSQL beside the tests' database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db.utils import ConnectionHandler
from environ import Env

from recognition.doctor import machine, stores
from tests.servers import PostgresServer
from tests.vault.conftest import own_vault as own_vault


def connected(url: str) -> Any:
    """Return Django's connection to a database, opened when it is asked."""
    return ConnectionHandler({"default": Env.db_url_config(url)})["default"]


@pytest.fixture
def on_postgresql(postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Let the doctor look at a PostgreSQL; return its connection."""
    connection = connected(postgres.url)
    monkeypatch.setattr(stores, "connection", connection)
    monkeypatch.setattr(machine, "connection", connection)
    yield connection
    connection.close()
