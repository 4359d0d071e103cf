"""Secrets that are made at random at the first start and kept in the data folder."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def made_once(path: Path) -> str:
    """Return the secret in ``path``, making it (mode 600) when it is not there yet.

    Two processes that start at once agree: the file is linked into place whole, and whoever
    comes second reads the first one's.
    """
    if not path.exists():
        own = path.with_name(f"{path.name}.{os.getpid()}")
        with open(os.open(own, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
        try:
            os.link(own, path)
        except FileExistsError:
            return path.read_text().strip()
        finally:
            own.unlink()
    return path.read_text().strip()
