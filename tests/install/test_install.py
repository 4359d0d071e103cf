"""Where torch is taken from, what is asked of pip, and what is said beforehand."""

from __future__ import annotations

import http.server
import socket
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from facesite import install
from tests.servers import free_port

ON_CPU_INDEX = "https://download.pytorch.org/whl/cpu"


class Index(http.server.BaseHTTPRequestHandler):
    """Answers 200 for /torch/ and 404 for the rest."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/torch/" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


@pytest.fixture
def index() -> Iterator[str]:
    server = http.server.HTTPServer(("127.0.0.1", 0), Index)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def hanging() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:  # takes connections, never answers
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def pip_calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Note what pip is asked instead of asking it."""
    calls: list[tuple[str, ...]] = []

    def note(*arguments: str) -> int:
        calls.append(arguments)
        return 0

    monkeypatch.setattr(install, "pip", note)
    monkeypatch.setattr(install, "is_installed", lambda name: False)
    return calls


@pytest.fixture
def on_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TORCH_INDEX", raising=False)
    monkeypatch.setattr(install.platform, "system", lambda: "Linux")
    monkeypatch.setattr(install.platform, "machine", lambda: "x86_64")


def test_an_index_that_answers_is_found(index):
    assert install.answers(f"{index}/torch/", 5)


def test_an_index_without_torch_is_not_taken(index):
    assert not install.answers(f"{index}/else/", 5)


def test_an_index_that_refuses_is_not_taken():
    assert not install.answers(f"http://127.0.0.1:{free_port()}/torch/", 5)


def test_an_index_that_hangs_is_given_up_in_time(hanging):
    started = time.monotonic()
    assert not install.answers(f"{hanging}/torch/", 0.5)
    assert time.monotonic() - started < 2


def test_a_name_look_up_that_hangs_is_given_up_in_time(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(3) or [])
    started = time.monotonic()
    assert not install.answers("http://index.invalid/torch/", 0.5)
    assert time.monotonic() - started < 2


def test_the_probe_of_the_index_may_take_five_seconds():
    assert install.PROBE_SECONDS == 5


@pytest.mark.parametrize(("answered", "taken"), [(True, ON_CPU_INDEX), (False, "")])
def test_torch_comes_from_the_cpu_index_where_it_answers(monkeypatch, on_linux, answered, taken):
    monkeypatch.setattr(install, "answers", lambda url, seconds: answered)
    assert install.torch_index() == taken


@pytest.mark.parametrize("named", ["https://example.org/torch", ""])
def test_torch_comes_from_where_torch_index_says(monkeypatch, on_linux, named):
    monkeypatch.setenv("TORCH_INDEX", named)
    assert install.torch_index() == named


def test_torch_comes_from_pypi_where_that_one_is_small(monkeypatch, on_linux):
    monkeypatch.setattr(install.platform, "system", lambda: "Darwin")
    assert install.torch_index() == ""


def test_install_takes_only_torch_from_its_index(monkeypatch, pip_calls):
    monkeypatch.setenv("TORCH_INDEX", "https://example.org/torch")
    assert install.main(["convert"]) == 0
    from_index, from_pypi = pip_calls
    assert from_index[:3] == ("--index-url", "https://example.org/torch", "--no-deps")
    assert all(pin.startswith("torch") for pin in from_index[3:])
    assert "--index-url" not in from_pypi and str(install.CONSTRAINTS) in from_pypi


def test_install_for_serving_asks_for_no_torch(monkeypatch, pip_calls):
    monkeypatch.setattr(install, "torch_index", lambda: pytest.fail("nobody wants torch"))
    assert install.main([]) == 0
    assert not [part for part in pip_calls[0] if part.startswith(("torch", "facenet", "onnx>"))]


def test_install_says_the_size_of_the_cuda_build_beforehand(monkeypatch, pip_calls, capsys):
    monkeypatch.setattr(install, "torch_index", lambda: "")
    monkeypatch.setattr(install.platform, "system", lambda: "Linux")
    monkeypatch.setattr(install.platform, "machine", lambda: "x86_64")
    install.main(["convert"])
    said = capsys.readouterr().out
    assert "about 3.2 GB" in said and "TORCH_INDEX=" in said


def test_install_says_the_size_of_the_cpu_build_beforehand(monkeypatch, pip_calls, capsys):
    monkeypatch.setattr(install, "torch_index", lambda: ON_CPU_INDEX)
    install.main(["convert"])
    assert "about 0.4 GB" in capsys.readouterr().out


def test_install_stops_before_it_fills_the_disk(monkeypatch, pip_calls):
    monkeypatch.setattr(install, "torch_index", lambda: "")
    monkeypatch.setattr(install.shutil, "disk_usage", lambda _: SimpleNamespace(free=10**8))
    with pytest.raises(SystemExit, match="Only 0.1 GB are free"):
        install.main(["convert"])
    assert pip_calls == []
