"""How gunicorn serves Facesite: ``gunicorn --config python:facesite.gunicorn``.

One process with threads by default: ONNX Runtime, faiss and Pillow release the GIL. Nothing is
preloaded: networks and thread pools do not survive a fork.
"""

from __future__ import annotations

import os
import socket
import time
from typing import Any

from django.conf import settings
from gunicorn.workers.gthread import ThreadWorker

from facesite.tls import certificate_in

HEADER_SECONDS = 5.0  # to send request line and headers
# The largest request, 64 MB, at 5 Mbit/s; a client that is slower is cut off.
BODY_SECONDS = 120.0


class PatientWorker(ThreadWorker):
    """A threaded worker that does not wait for ever: gunicorn's own never gives up reading.

    Eight clients that stop half-way through their requests would otherwise occupy its eight
    threads until they go away.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.reading_ends: dict[Any, float] = {}  # connection -> time.monotonic()

    def handle(self, conn: Any) -> Any:
        """Handle one request, whose headers must arrive within ``HEADER_SECONDS``."""
        self.reading_ends[conn] = time.monotonic() + HEADER_SECONDS
        try:
            return super().handle(conn)
        finally:
            del self.reading_ends[conn]

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Hand the request to Django; its body must arrive within ``BODY_SECONDS``."""
        self.reading_ends[conn] = time.monotonic() + BODY_SECONDS
        return super().handle_request(req, conn)

    def murder_pending(self) -> None:
        """Also end the reading of late requests; gunicorn calls this every second.

        Only reading ends: a request that has arrived is still computed and answered.
        """
        super().murder_pending()
        now = time.monotonic()
        for conn in [conn for conn, ends in self.reading_ends.copy().items() if ends < now]:
            try:
                # Not SSLSocket's own method: that would go on in the clear.
                socket.socket.shutdown(conn.sock, socket.SHUT_RD)
            except OSError as error:
                self.log.debug("Late connection is gone already: %s", error)


def tls_files() -> tuple[str | None, str | None]:
    """Return certificate and key for ``TLS=1``, else nothing."""
    if not settings.TLS:
        return None, None
    files = certificate_in(settings.DATA_DIR / "tls")
    return str(files.certificate), str(files.key)


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "facesite.settings")
wsgi_app = "facesite.wsgi:application"
bind = f"{f'[{settings.HOST}]' if ':' in settings.HOST else settings.HOST}:{settings.PORT}"
certfile, keyfile = tls_files()
workers = settings.WEB_CONCURRENCY
worker_class = PatientWorker
threads = settings.WEB_THREADS
worker_connections = 1000  # open at once, waiting ones included
preload_app = False
timeout = 60  # a worker whose loop is silent for that long is replaced; requests may take longer
graceful_timeout = 30  # requests under way may end when the server stops
keepalive = 5
limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190
# The application weighs forwarded headers itself, by TRUSTED_PROXIES.
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}
# The heartbeat's file must not wait for a disk.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
control_socket_disable = True  # it would lie outside the data folder
accesslog = None  # the application logs one line a request
# gunicorn's own lines in the application's form; above all, when a worker died.
django_logging: dict[str, Any] = settings.LOGGING
own_logger = {"handlers": ["stderr"], "level": "WARNING", "propagate": False}
logconfig_dict = {
    **django_logging,
    "loggers": {**django_logging["loggers"], "gunicorn.error": own_logger},
}
