"""What FACESITE_HTTPS=yes means: for Django's own deploy check, for a browser, for nginx."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
import requests
import yaml

from facesite import tls
from recognition.checks import check_numbers
from tests.install.front import Fake, Front
from tests.install.test_image import compose, interpolated
from tests.servers import ROOT, Site, free_port

HTTPS = ROOT / "deploy" / "nginx" / "https.conf"
YEAR = "max-age=31536000"


class Overriding(yaml.SafeLoader):
    """Reads Compose's ``!reset`` and ``!override`` as the values that they give."""


for tag in ("!reset", "!override"):
    Overriding.add_constructor(tag, lambda loader, node: loader.construct_sequence(node))


def overrides() -> dict[str, Any]:
    return yaml.load((ROOT / "deploy" / "https.yml").read_text(), Overriding)  # noqa: S506  # made from SafeLoader


def deploy_check(folder: Any, **environment: str) -> subprocess.CompletedProcess[str]:
    own = {"PATH": os.environ["PATH"], "FACESITE_ENV_FILE": os.devnull}
    own |= {"FACESITE_DATA_DIR": str(folder), **environment}
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    return subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=False)


def test_the_deploy_check_is_clean_with_https(tmp_path):
    done = deploy_check(tmp_path, FACESITE_HTTPS="yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert "no issues" in done.stdout


def test_the_deploy_check_tells_everything_without_https(tmp_path):
    done = deploy_check(tmp_path)
    told = {f"security.W{number:03}" for number in (4, 8, 12, 16)}
    assert done.returncode == 1 and all(f"({one})" in done.stderr for one in told)


def test_a_span_that_makes_no_sense_is_refused(settings):
    settings.HSTS_SECONDS = -1
    assert [error.id for error in check_numbers()] == ["facesite.E004"]


@pytest.fixture(scope="module")
def site(tmp_path_factory, networks_dir) -> Any:
    """Return the service behind a proxy that speaks https: this very machine."""
    folder = tmp_path_factory.mktemp("https") / "site"
    made = Site(folder, networks_dir, FACESITE_HTTPS="yes", TRUSTED_PROXIES="127.0.0.1")
    made.manage("collectstatic", "--no-input", "--verbosity", "0")
    yield made.start()
    made.stop()


def test_by_https_browsers_are_told_to_keep_to_it_and_cookies_too(site):
    answer = site.call("GET", "/console/sign-in", headers={"X-Forwarded-Proto": "https"})
    assert answer.headers["Strict-Transport-Security"] == YEAR
    cookies = answer.headers["Set-Cookie"]
    assert "csrftoken" in cookies and "Secure" in cookies and "SameSite=Lax" in cookies
    assert "Server" not in answer.headers


@pytest.mark.parametrize("path", ["/console/sign-in", "/users"])
def test_by_http_everybody_is_sent_to_https(site, path):
    answer = site.call("GET", path, allow_redirects=False)
    assert answer.status_code == 301
    assert answer.headers["Location"] == f"https://127.0.0.1:{site.port}{path}"


@pytest.mark.parametrize("path", ["/health", "/health/ready", "/api/v1/health"])
def test_the_health_checks_of_this_machine_need_no_https(site, path):
    assert site.call("GET", path, allow_redirects=False).status_code in {200, 503}


def test_compose_says_https_to_the_apps_and_lets_nobody_past_nginx():
    services = overrides()["services"]
    for name in ("app", "app2"):
        assert services[name] == {"environment": {"FACESITE_HTTPS": "yes"}, "ports": []}
    (published,) = services["nginx"]["ports"]
    assert interpolated(published) == "127.0.0.1:8443:8443"


def test_compose_mounts_what_nginx_reads():
    nginx, added = overrides()["services"]["nginx"], overrides()["configs"]["nginx_https"]
    assert ROOT / added["file"] == HTTPS and "nginx" in compose()["services"]
    (mounted,), (certificates,) = nginx["configs"], nginx["volumes"]
    assert mounted["target"].startswith("/etc/nginx/https/")
    assert certificates.endswith("}:/etc/nginx/tls:ro")


def test_nginx_speaks_https_and_says_so_to_the_apps(tmp_path):
    port, fakes = free_port(), (Fake(), Fake())
    files = tls.certificate_in(tmp_path / "tls")
    text = HTTPS.read_text().replace("listen 8443", f"listen 127.0.0.1:{port}")
    (tmp_path / "https").mkdir()
    (tmp_path / "https" / "https.conf").write_text(text.replace("/etc/nginx/", f"{tmp_path}/"))
    front = Front(tmp_path, (fakes[0].port, fakes[1].port)).start()
    answer = requests.get(
        f"https://localhost:{port}/users", verify=str(files.certificate), timeout=20
    )
    front.stop()
    for fake in fakes:
        fake.stop()
    (asked,) = [request for fake in fakes for request in fake.asked]
    assert answer.ok and asked["headers"]["X-Forwarded-Proto"] == "https"
