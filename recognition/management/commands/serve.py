"""``manage.py serve``: run the web server until Ctrl-C."""

from __future__ import annotations

import errno
import os
import socket
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from gunicorn.app.wsgiapp import run as gunicorn

from facesite.supervisor import keep_a_worker
from facesite.tls import certificate_in, lan_addresses

EVERY_ADDRESS = {"0.0.0.0", "::"}  # noqa: S104  # recognised, not bound


class Command(BaseCommand):
    """Serve with gunicorn on ``HOST`` and ``PORT``."""

    help = "Serve Facesite with gunicorn, in the foreground (HOST, PORT, TLS, WEB_CONCURRENCY)."

    def handle(self, *args: Any, **options: Any) -> None:
        """Say where the service can be opened, then run gunicorn in this process.

        Its workers are forks of this one, which has Django imported already, nothing else: a start
        takes half the time of one in which each imports it anew.
        """
        check_port_is_free(settings.HOST, settings.PORT)
        if settings.TLS:
            self.stdout.write(f"Certificate: {certificate_in(settings.DATA_DIR / 'tls')[0]}")
        for line in [*addresses(), *advice()]:
            self.stdout.write(line)
        self.stdout.flush()
        connections.close_all()  # none may be shared with a fork
        os.chdir(settings.HOME)
        if settings.IMPORT_WORKER:
            keep_a_worker()
        sys.argv = ["gunicorn", "--config", "python:facesite.gunicorn"]
        gunicorn()


def check_port_is_free(host: str, port: int) -> None:
    """Raise CommandError, saying what to do, where ``host``:``port`` cannot be served on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except (OSError, OverflowError) as error:
            raise CommandError(f"Cannot serve on {host}:{port}: {why(error, port)}") from None


def why(error: OSError | OverflowError, port: int) -> str:
    """Return what is wrong and what to do about it."""
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EADDRINUSE:
        return f"another program has this port. Choose another one, for example PORT={port + 1}."
    if number in {errno.EACCES, errno.EPERM}:
        return "ports below 1024 are for root. Choose another one, for example PORT=8000."
    if isinstance(error, OverflowError):
        return "PORT is a number from 1 to 65535."
    return (
        "HOST is no address of this machine. 127.0.0.1 is local, 0.0.0.0 opens it to the network."
    )


def addresses() -> list[str]:
    """Return a line for every address under which the service can be opened."""
    scheme = "https" if settings.TLS else "http"
    hosts = [settings.HOST]
    if settings.HOST in EVERY_ADDRESS:
        hosts = ["127.0.0.1", *lan_addresses()]
    hosts = [f"[{host}]" if ":" in host else host for host in hosts]
    return [f"Facesite is at {scheme}://{host}:{settings.PORT}" for host in hosts]


def advice() -> list[str]:
    """Return how to get in again, and how to stop."""
    python = os.path.relpath(sys.executable)
    python = sys.executable if python.startswith("..") else python
    manage = f"{python} manage.py" if Path("manage.py").exists() else f"{python} -m facesite"
    return [
        f"Another API key:  {manage} create_api_key NAME",
        f"Another password: {manage} changepassword NAME",
        "Ctrl-C stops it.",
    ]
