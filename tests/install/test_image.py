"""Dockerfile and docker-compose.yml, read: no Docker engine is needed, and no image is built."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml
from django.urls import resolve

from tests.install.test_packaging import names_in_settings
from tests.servers import ROOT, free_port, redis_program

# Besides make: the system's packages and folders, which neither make nor manage.py can give.
UNAVOIDABLE = {"apt-get", "rm", "useradd", "install"}
NOT_SETTINGS = {"PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}
GIVEN = ("postgres", "redis", "milvus")  # which read one secret each
VARIABLE = re.compile(r"\$\{(\w+)(?:(:[-+])([^${}]*))?\}")  # one with no other inside


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions with their arguments, continued lines joined."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines if line.strip()]


def arguments(name: str) -> list[str]:
    return [argument for instruction, argument in instructions() if instruction == name]


def image_environment() -> dict[str, str]:
    """Return what the last stage's ENV sets."""
    return dict(pair.split("=", 1) for pair in arguments("ENV")[-1].split())


def copied() -> list[str]:
    """Return the sources in this repository that any stage copies."""
    own = [argument for argument in arguments("COPY") if "--from" not in argument]
    return [source.rstrip("/") for argument in own for source in argument.split()[:-1]]


def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def service(name: str) -> dict[str, Any]:
    return compose()["services"][name]


def interpolated(text: str, **environment: str) -> str:
    """Return ``text`` with ``${A}``, ``${A:-b}`` and ``${A:+b}`` as Compose replaces them."""

    def value(found: re.Match[str]) -> str:
        name, how, other = found.groups(default="")
        given = environment.get(name, "")
        return {":-": given or other, ":+": other if given else "", "": given}[how]

    while VARIABLE.search(text):
        text = VARIABLE.sub(value, text)
    return text


def script(name: str) -> str:
    """Return the shell script that is a service's command, as the container gets it."""
    return service(name)["command"][2].replace("$$", "$")


def test_hadolint_finds_nothing_in_the_dockerfile():
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("source", copied())
def test_what_is_copied_exists_and_reaches_the_build(source):
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    let_through = [line[1:] for line in ignore if line.startswith("!")]
    assert (ROOT / source).exists()
    assert any(fnmatch(source.split("/")[0], pattern) for pattern in let_through)


def test_every_folder_that_the_settings_name_is_copied(settings):
    folders = [Path(folder) for folder in settings.TEMPLATES[0]["DIRS"]]
    assert folders and {folder.relative_to(ROOT).parts[0] for folder in folders} <= set(copied())


@pytest.mark.parametrize("private", [".env", "var", ".git", "tests", ".venv"])
def test_what_is_private_does_not_reach_the_build(private):
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignore and f"!{private}" not in ignore


@pytest.mark.parametrize("run", arguments("RUN"))
def test_run_lines_call_make_and_what_is_unavoidable(run):
    commands = re.sub(r"--mount=\S+", "", run).split("&&")
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for program, *rest in (command.split() for command in commands):
        assert program in UNAVOIDABLE or (program == "make" and rest[0] in targets)


def test_the_image_sets_only_names_that_exist():
    names = set(image_environment()) - NOT_SETTINGS
    assert names <= names_in_settings()


def test_the_image_serves_on_the_port_it_exposes():
    assert arguments("EXPOSE") == [image_environment()["PORT"]]
    assert image_environment()["HOST"] == "0.0.0.0"


def test_the_image_does_not_run_as_root():
    assert arguments("USER")[-1] == "10001:10001"


def test_the_image_has_no_torch():
    installs = [run for run in arguments("RUN") if "make install" in run]
    packages = next(run for run in installs if "/opt/facesite/venv" in run)
    assert packages.endswith("EXTRAS=milvus")  # GALLERY_ENGINE=milvus
    assert not [copy for copy in arguments("COPY") if "/opt/convert" in copy]


def test_the_health_check_asks_a_path_that_exists():
    from facesite.healthy import address

    assert "facesite.healthy" in arguments("HEALTHCHECK")[0]
    assert resolve("/" + address().split("/", 3)[3])


def test_the_services_get_only_settings_that_exist():
    known = names_in_settings()
    given = service("app")["environment"]
    assert {name.removesuffix("_FILE") for name in given} <= known


def test_compose_publishes_the_ports_of_the_app_and_of_nginx_alone():
    services = compose()["services"]
    assert [name for name, each in services.items() if "ports" in each] == ["app", "nginx"]
    published = service("app")["ports"][0]
    assert published.endswith(":" + arguments("EXPOSE")[0])
    assert published.startswith("${HOST:-127.0.0.1}:")


def test_databases_are_reached_from_inside_alone():
    assert compose()["networks"]["back"]["internal"] is True
    assert service("postgres")["networks"] == service("redis")["networks"] == ["back"]


def test_services_start_after_those_they_need_are_well():
    needs = {name: need["condition"] for name, need in service("app")["depends_on"].items()}
    assert needs.pop("secrets") == "service_completed_successfully"
    assert set(needs.values()) == {"service_healthy"}
    assert all("healthcheck" in service(name) for name in needs)


def test_every_volume_and_network_that_is_used_is_declared():
    parts = compose()
    for each in parts["services"].values():
        assert {volume.split(":")[0] for volume in each.get("volumes", [])} <= set(parts["volumes"])
        assert set(each.get("networks", [])) <= set(parts["networks"])


def test_no_password_stands_in_the_compose_file():
    for each in compose()["services"].values():
        for name, value in each.get("environment", {}).items():
            secret = any(part in name for part in ("PASSWORD", "SECRET", "TOKEN", "TURN_KEY"))
            assert not secret or (name.endswith("_FILE") and value.startswith("/secrets/"))
    assert ":" not in service("app")["environment"]["DATABASE_URL"].split("@")[0].split("//")[1]


@pytest.fixture
def made_secrets(tmp_path: Path) -> Path:
    """Return the folder in which the one-shot service's own script made the passwords."""
    make_secrets(tmp_path)
    return tmp_path


def given(folder: Path, name: str) -> Path:
    """Return the volume in which a service is given its secret, beside the ``folder`` of all."""
    return folder.with_name(f"{folder.name}-given") / name


def make_secrets(folder: Path) -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    for name in GIVEN:
        given(folder, name).mkdir(parents=True, exist_ok=True)
    text = script("secrets").replace("/secrets", str(folder))
    text = text.replace("/given", str(given(folder, "").resolve()))
    subprocess.run(["sh", "-ec", text], env={"PATH": path}, check=True)


def test_every_secret_that_is_read_is_made_at_random(made_secrets):
    text = (ROOT / "docker-compose.yml").read_text()
    read = set(re.findall(r"/secrets/(\w+)", text))
    values = {file.name: file.read_text().strip() for file in made_secrets.iterdir()}
    assert read == set(values)
    assert len(set(values.values())) == 5 and min(map(len, values.values())) > 40


def test_secrets_are_made_once(made_secrets):
    before = {file.name: file.read_text() for file in made_secrets.iterdir()}
    make_secrets(made_secrets)
    assert {file.name: file.read_text() for file in made_secrets.iterdir()} == before


@pytest.mark.parametrize("name", GIVEN)
def test_a_service_of_others_is_given_the_secret_that_it_reads_and_no_other(name, made_secrets):
    [mounted] = [v for v in service(name)["volumes"] if v.split(":")[1] == "/secrets"]
    assert mounted == f"secret_{name}:/secrets:ro"
    assert f"secret_{name}:/given/{name}" in service("secrets")["volumes"]
    files = {file.name: file.read_text() for file in given(made_secrets, name).iterdir()}
    assert set(files) == set(re.findall(r"/secrets/(\w+)", json.dumps(service(name))))
    assert all(text == (made_secrets / name).read_text() for name, text in files.items())


def test_a_secret_that_is_exchanged_is_given_anew(made_secrets):
    (made_secrets / "redis_password").unlink()
    make_secrets(made_secrets)
    exchanged = (made_secrets / "redis_password").read_text()
    assert (given(made_secrets, "redis") / "redis_password").read_text() == exchanged


def test_the_app_reads_the_secrets(made_secrets, tmp_path_factory):
    given = {
        name: interpolated(value).replace("/secrets", str(made_secrets))
        for name, value in service("app")["environment"].items()
    }
    given |= {
        "FACESITE_ENV_FILE": os.devnull,
        "FACESITE_DATA_DIR": str(tmp_path_factory.mktemp("d")),
    }
    code = (
        "import json, facesite.settings as s;"
        "print(json.dumps([s.SECRET_KEY, s.REDIS_URL, s.DATABASES['default']['PASSWORD']]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=given, capture_output=True, check=True
    )
    secret_key, redis_url, password = json.loads(done.stdout)
    assert secret_key == (made_secrets / "secret_key").read_text().strip()
    assert (made_secrets / "redis_password").read_text().strip() in redis_url
    assert password == (made_secrets / "database_password").read_text().strip()


def test_redis_wants_the_password(made_secrets, tmp_path_factory):
    port, folder = free_port(), tmp_path_factory.mktemp("redis")
    (folder / "redis-server").symlink_to(redis_program())
    text = script("redis").replace("/tmp", str(folder)).replace("/secrets", str(made_secrets))
    text = f"cd {folder}\n{text.rstrip()} --port {port}"
    process = subprocess.Popen(
        ["sh", "-ec", text],
        env={"PATH": f"{folder}:{os.environ['PATH']}"},
        stdout=subprocess.DEVNULL,
    )
    password = (made_secrets / "redis_password").read_text().strip()
    retry = redis.retry.Retry(redis.backoff.ConstantBackoff(0.05), 100)
    with redis.Redis(port=port, password=password, retry=retry) as client:
        assert client.ping()
    with redis.Redis(port=port) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    process.kill()
    process.wait()


def test_imports_have_a_worker_of_their_own():
    assert service("app")["environment"]["IMPORT_WORKER"] == "no"
    assert service("worker")["command"] == ["python", "manage.py", "worker"]
    assert service("worker")["restart"] == "unless-stopped"
    assert "ports" not in service("worker")
