"""How gunicorn serves Facesite: ``gunicorn --config python:facesite.gunicorn``.

One process with threads by default: ONNX Runtime, faiss and Pillow release the GIL. Nothing is
preloaded: networks and thread pools do not survive a fork.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import sys
import time
import uuid
from functools import partial
from typing import Any

from django.conf import settings
from gunicorn.http import wsgi
from gunicorn.http.errors import ParseException
from gunicorn.workers.gthread import ThreadWorker

from facesite.counting import own_folder
from facesite.memory import give_back_often
from facesite.tls import certificate_in
from recognition.admission import threads_for
from recognition.errors import RecognitionError

HEADER_SECONDS = 5.0  # to send request line and headers
# The largest request, 64 MB, at 5 Mbit/s; a client that is slower is cut off.
BODY_SECONDS = 120.0
# In which the rest of a body that was refused must come for the connection to be used again.
REST_SECONDS = 0.1
# In which a client whose connection ends may send what it still sends, and read its answer.
GOODBYE_SECONDS = 5.0


class PatientWorker(ThreadWorker):
    """A threaded worker that does not wait for ever: gunicorn's own never gives up reading.

    Clients that stop half-way through their requests would otherwise occupy its threads until
    they go away.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # connection -> time.monotonic(), and the request once it is known
        self.reading_ends: dict[Any, tuple[float, Any]] = {}
        self.leaving: set[Any] = set()  # connections that end

    def handle(self, conn: Any) -> Any:
        """Handle one request, whose headers must arrive within ``HEADER_SECONDS``."""
        self.reading_ends[conn] = time.monotonic() + HEADER_SECONDS, None
        try:
            return super().handle(conn)
        finally:
            del self.reading_ends[conn]

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Hand the request to Django; its body must arrive within ``BODY_SECONDS``."""
        self.reading_ends[conn] = time.monotonic() + BODY_SECONDS, req
        return super().handle_request(req, conn)

    def _keepalive_after(self, conn: Any, keepalive: bool) -> bool:
        """Say whether the connection can be used again: nothing of the old request may be left.

        gunicorn waits five seconds for the rest of a body, and a refused client holds a thread.
        """
        ends = time.monotonic() + REST_SECONDS
        return keepalive and bool(conn.parser.finish_body(deadline=ends))

    def finish_request(self, conn: Any, future: Any) -> None:
        """Take the connection back from its thread; let one that ends be read until it has ended.

        What arrived after it was closed would reset it, and the client would lose its answer.
        gunicorn reads some, but of one after the other, and all others wait meanwhile.
        """
        if future.cancelled() or future.exception() or future.result():
            super().finish_request(conn, future)
            return
        self.leaving.add(conn)
        conn.timeout = time.monotonic() + GOODBYE_SECONDS
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.read_rest, conn))
        except (OSError, ValueError) as error:  # ValueError: it is closed
            self.log.debug("The client was quicker: %s", error)
            self.drop(conn)

    def read_rest(self, conn: Any, sock: socket.socket) -> None:
        """Throw away what a client sends whose connection ends."""
        try:
            if sock.recv(1 << 16):
                return
        except BlockingIOError:
            return
        except OSError as error:
            self.log.debug("Connection is reset: %s", error)
        self.poller.unregister(sock)
        self.drop(conn)

    def drop(self, conn: Any) -> None:
        """Close a connection that ends."""
        self.leaving.remove(conn)
        self.nr_conns -= 1
        conn.close()

    def handle_quit(self, sig: int, frame: Any) -> None:
        """End at once, on Ctrl-C.

        gunicorn waits for the lock of its threads' queue here, and where this very thread held it
        as the signal came, it waits for ever.
        """
        os._exit(0)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Refuse what is no HTTP, or too long, in the form of every other refusal."""
        if not isinstance(exc, ParseException):
            super().handle_error(req, client, addr, exc)
            return
        refusal = RecognitionError("invalid_request", f"This is no request that is taken: {exc}.")
        # Its words repeat the line or header that was sent, which may hold a key or name somebody.
        self.log.warning("Invalid request from %s: %s", (addr or ("?",))[0], type(exc).__name__)
        try:
            client.sendall(problem_answer(refusal, uuid.uuid4().hex))
        except OSError as error:
            self.log.debug("Nobody waits for the refusal any more: %s", error)

    def murder_pending(self) -> None:
        """Also end late connections, and the reading of late requests; called every second.

        Only reading ends, and not where all has arrived: that looked like a client's hanging up.
        """
        super().murder_pending()
        now = time.monotonic()
        for conn in [conn for conn in self.leaving if conn.timeout < now]:
            self.poller.unregister(conn.sock)
            self.drop(conn)
        for conn, (ends, req) in self.reading_ends.copy().items():
            if now < ends or (req is not None and has_arrived(req)):
                continue
            try:
                # Not SSLSocket's own method: that would go on in the clear.
                socket.socket.shutdown(conn.sock, socket.SHUT_RD)
            except OSError as error:
                self.log.debug("Late connection is gone already: %s", error)


class NamelessResponse(wsgi.Response):
    """An answer that does not say which server gives it."""

    def default_headers(self) -> list[str]:
        """Return gunicorn's own lines but for ``Server``."""
        lines: list[str] = super().default_headers()
        return [line for line in lines if not line.startswith("Server:")]


def has_arrived(req: Any) -> bool:
    """Say whether the whole body of a request has been read."""
    reader = req.body.reader
    # A LengthReader counts down; a ChunkedReader drops its parser after the last chunk.
    return getattr(reader, "length", None) == 0 or getattr(reader, "parser", reader) is None


def problem_answer(refusal: RecognitionError, request_id: str) -> bytes:
    """Return a whole HTTP answer that says why a request was refused."""
    body = json.dumps(refusal.document(request_id)).encode()
    head = (
        f"HTTP/1.1 {refusal.problem.status} Bad Request\r\n"
        "Content-Type: application/problem+json\r\n"
        f"Content-Length: {len(body)}\r\nX-Request-ID: {request_id}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


def on_starting(server: Any) -> None:
    """Let the workers count together; prometheus_client looks for this name when it is imported."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(own_folder(settings.DATA_DIR / "metrics"))


def child_exit(server: Any, worker: Any) -> None:
    """Take what a worker had in hand that is gone out of the gauges; what it counted stays."""
    from prometheus_client.multiprocess import mark_process_dead  # not before ``on_starting``

    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]  # it declares none


def post_fork(server: Any, worker: Any) -> None:
    """Have a worker give back memory, before it makes threads."""
    give_back_often()


def worker_exit(server: Any, worker: Any) -> None:
    """End a worker whose requests are answered, without tidying up after its other threads.

    One that loads a network meanwhile is in C++, which crashes or hangs when Python is gone.
    """
    if worker.booted:
        os._exit(getattr(sys.exception(), "code", 1) or 0)


def tls_files() -> tuple[str | None, str | None]:
    """Return certificate and key for ``TLS=1``, else nothing."""
    if not settings.TLS:
        return None, None
    files = certificate_in(settings.DATA_DIR / "tls")
    return str(files.certificate), str(files.key)


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "facesite.settings")
wsgi.Response = NamelessResponse  # there is no setting for it
wsgi_app = "facesite.wsgi:application"
bind = f"{f'[{settings.HOST}]' if ':' in settings.HOST else settings.HOST}:{settings.PORT}"
certfile, keyfile = tls_files()
workers = settings.WEB_CONCURRENCY
worker_class = PatientWorker
threads = threads_for(settings.MAX_RUNNING, settings.MAX_WAITING)
worker_connections = 1000  # open at once, waiting ones included
preload_app = False
timeout = 60  # a worker whose loop is silent for that long is replaced; requests may take longer
graceful_timeout = 30  # requests under way may end when the server stops
keepalive = 5
limit_request_line = 8190
limit_request_fields = 64
limit_request_field_size = 8190
# The application weighs forwarded headers itself, by TRUSTED_PROXIES.
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}
# The heartbeat's file must not wait for a disk.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108  # memory, and nothing secret
control_socket_disable = True  # it would lie outside the data folder
accesslog = None  # the application logs one line a request
# gunicorn's own lines in the application's form; above all, when a worker died.
django_logging: dict[str, Any] = settings.LOGGING
own_logger = {"handlers": ["stderr"], "level": "WARNING", "propagate": False}
logconfig_dict = {
    **django_logging,
    "loggers": {**django_logging["loggers"], "gunicorn.error": own_logger},
}
