"""An HTTP server of one file, with the faults that real ones have."""

from __future__ import annotations

import hashlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that hang up, as these tests make them do."""


class FileServer:
    """Serves ``content`` on a free port. Change its attributes to make it misbehave."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.etag = '"first"'
        self.status = 200
        self.ranges = True  # False: a Range is ignored
        self.says_length = True
        self.cuts: list[int] = []  # bytes after which the next answers are cut
        self.pause = 0.0  # seconds between two pieces
        self.stalls_after: int | None = None  # bytes after which nothing more comes
        self.silent = False  # True: takes the connection and never answers
        self.redirect = ""
        self.requests: list[dict[str, str]] = []
        self._stopping = threading.Event()
        self._http = _QuietServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/weights.pt"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    def wait(self) -> None:
        """Say nothing until the server is stopped."""
        self._stopping.wait(30)

    def stop(self) -> None:
        self._stopping.set()
        self._http.shutdown()
        self._http.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        files = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                files.requests.append(dict(self.headers))
                if files.silent:
                    files.wait()
                elif files.status != 200:
                    self.send_error(files.status)
                elif files.redirect:
                    self.send_response(302)
                    self.send_header("Location", files.redirect)
                    self.end_headers()
                else:
                    self.send_file()

            def send_file(self) -> None:
                start = self.start_asked_for()
                if start >= len(files.content) > 0:
                    return self.send_error(416)
                self.send_response(206 if start else 200)
                if start:
                    last, whole = len(files.content) - 1, len(files.content)
                    self.send_header("Content-Range", f"bytes {start}-{last}/{whole}")
                if files.says_length:
                    self.send_header("Content-Length", str(len(files.content) - start))
                if files.etag:
                    self.send_header("ETag", files.etag)
                self.end_headers()
                self.send_pieces(files.content[start:])

            def start_asked_for(self) -> int:
                condition = self.headers.get("If-Range", files.etag)
                asked = self.headers.get("Range", "")
                if not (asked and files.ranges and condition == files.etag):
                    return 0
                return int(asked.removeprefix("bytes=").removesuffix("-"))

            def send_pieces(self, rest: bytes) -> None:
                end = files.cuts.pop(0) if files.cuts else len(rest)
                for at in range(0, min(end, len(rest)), 20_000):
                    if files.stalls_after is not None and at >= files.stalls_after:
                        return files.wait()
                    self.wfile.write(rest[at : min(at + 20_000, end)])
                    time.sleep(files.pause)

            def log_message(self, *arguments: object) -> None:
                """Keep the tests' output clean."""

        return Handler
