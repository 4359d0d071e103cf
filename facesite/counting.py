"""The folder in which the workers of one server count together, for /metrics."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

from recognition.networks.files import locked


def own_folder(parent: Path) -> Path:
    """Return a new folder below ``parent`` for this server; remove those of servers that ended.

    A lock on its folder says that a server lives: it ends with the last of its processes.
    """
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(parent / ".lock"):
        for folder in [path for path in parent.iterdir() if path.is_dir()]:
            if _is_left(folder):
                shutil.rmtree(folder)
        own = Path(tempfile.mkdtemp(dir=parent))
        fcntl.flock(os.open(own, os.O_RDONLY), fcntl.LOCK_EX)  # held open for good
        return own


def _is_left(folder: Path) -> bool:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True
