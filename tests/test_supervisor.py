"""The process that keeps a worker running beside a server."""

from __future__ import annotations

import os
import subprocess

from facesite import supervisor
from facesite.supervisor import Supervisor


def test_a_worker_that_cannot_be_started_is_tried_again(monkeypatch, caplog):
    keeper, tries = Supervisor(os.getppid()), []

    def start(command: list[str]) -> None:
        tries.append(command)
        keeper.ended = len(tries) == 3
        raise OSError("Cannot allocate memory")

    monkeypatch.setattr(subprocess, "Popen", start)
    monkeypatch.setattr(supervisor, "PAUSE", 0.0)
    keeper.run()
    assert len(tries) == 3 == caplog.text.count("Cannot allocate memory")
