"""``manage.py serve``: what it says before it serves, and when it cannot."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
import requests
from django.core.management import CommandError, call_command

from facesite.tls import lan_addresses
from recognition.management.commands import serve
from tests.servers import ROOT, Site


@pytest.fixture
def taken() -> Iterator[int]:
    """Return a port that another program has."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_port_in_use_is_told_in_one_line(settings, taken, host):
    settings.HOST, settings.PORT = host, taken
    with pytest.raises(CommandError, match="another program has this port") as told:
        call_command("serve")
    assert f"PORT={taken + 1}" in str(told.value) and "\n" not in str(told.value)


def test_a_port_in_use_ends_the_command_without_a_traceback(taken, tmp_path):
    environment = {**os.environ, "PORT": str(taken), "FACESITE_DATA_DIR": str(tmp_path)}
    environment |= {"DJANGO_SETTINGS_MODULE": "facesite.settings", "HOST": "127.0.0.1"}
    done = subprocess.run(
        [sys.executable, "manage.py", "serve"], cwd=ROOT, env=environment, capture_output=True
    )
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    ("host", "port", "said"),
    [
        ("203.0.113.7", 8000, "HOST is no address of this machine"),
        ("no-such-host.invalid", 8000, "HOST is no address of this machine"),
        ("127.0.0.1", 70000, "PORT is a number from 1 to 65535"),
    ],
)
def test_an_address_that_cannot_be_served_on_is_told(settings, host, port, said):
    settings.HOST, settings.PORT = host, port
    with pytest.raises(CommandError, match=said):
        call_command("serve")


def test_a_service_opened_to_the_network_names_every_address(settings):
    settings.HOST, settings.PORT, settings.TLS = "0.0.0.0", 9000, True
    hosts = ["127.0.0.1", *lan_addresses()]
    assert serve.addresses() == [f"Facesite is at https://{host}:9000" for host in hosts]


@pytest.mark.parametrize(
    ("host", "shown"), [("127.0.0.1", "http://127.0.0.1:8000"), ("::1", "http://[::1]:8000")]
)
def test_a_service_names_its_address(settings, host, shown):
    settings.HOST, settings.PORT, settings.TLS = host, 8000, False
    assert serve.addresses() == [f"Facesite is at {shown}"]


def test_every_start_says_how_to_get_in_again():
    said = "\n".join(serve.advice())
    assert "manage.py create_api_key NAME" in said and "manage.py changepassword NAME" in said


def test_a_service_is_reached_under_what_it_says_until_ctrl_c(make_site):
    site = make_site(HOST="0.0.0.0")
    named = [word for word in site.log().split() if word.startswith("http://")]
    assert len(named) == 1 + len(lan_addresses())
    assert all(requests.get(f"{address}/health", timeout=10).ok for address in named)
    site.process.send_signal(signal.SIGINT)
    assert site.process.wait(timeout=20) == 0
    serve.check_port_is_free("127.0.0.1", site.port)
    assert "Traceback" not in site.log()


def test_the_service_answers_by_https_with_its_own_certificate(networks_dir, tmp_path):
    site = Site(tmp_path / "site", networks_dir, TLS="1")
    certificate = site.folder / "tls" / "certificate.pem"
    command = [sys.executable, str(ROOT / "manage.py"), "serve"]
    with subprocess.Popen(command, env=site.environment, stdout=subprocess.PIPE) as process:
        said = [process.stdout.readline().decode() for _ in range(2)]
        wait_for(site.port)
        answer = requests.get(
            f"https://localhost:{site.port}/health", verify=certificate, timeout=9
        )
        process.terminate()
    assert str(certificate) in said[0] and "https://127.0.0.1" in said[1]
    assert answer.json() == {"status": "healthy"}


def wait_for(port: int) -> None:
    """Wait until somebody listens on ``port``."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
