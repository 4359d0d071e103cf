"""The compose profile ``scale``, read: two apps, nginx and Milvus beside what is always there."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from recognition.checks import check_trusted_proxies
from tests.install.front import CONFIGURATION
from tests.install.test_image import arguments, compose, interpolated, make_secrets, script, service
from tests.servers import ROOT

NGINX = CONFIGURATION.read_text()
OWN = {"ports", "volumes", "networks", "profiles", "depends_on"}  # what two apps may differ in


def address(name: str) -> str:
    """Return a service's address in the network of nginx and the apps."""
    return interpolated(service(name)["networks"]["proxied"]["ipv4_address"])


def with_profile(*profiles: str) -> set[str]:
    """Return the services that Compose starts."""
    services: dict[str, Any] = compose()["services"]
    enabled = [set(each.get("profiles", profiles)) & set(profiles) for each in services.values()]
    always = [not each.get("profiles") for each in services.values()]
    return {n for n, on, all_ in zip(services, enabled, always, strict=True) if on or all_}


def test_the_profile_adds_a_second_app_nginx_and_milvus():
    assert with_profile() == {"app", "worker", "secrets", "postgres", "redis"}
    assert with_profile("scale") == with_profile() | {"app2", "nginx", "milvus"}


def test_the_second_app_is_the_first_in_another_place():
    first, second = service("app"), service("app2")
    assert {n: v for n, v in first.items() if n not in OWN} == {
        n: v for n, v in second.items() if n not in OWN
    }
    assert not {v for v in first["volumes"] if v.endswith(":/data")} & set(second["volumes"])


def test_one_machine_waits_for_nothing_that_the_profile_adds():
    needs = [
        need for name in with_profile() for need in service(name).get("depends_on", {}).items()
    ]
    waits = {name: need.get("required", True) for name, need in needs}
    assert {name for name, required in waits.items() if required} <= with_profile()


def test_nginx_passes_requests_to_the_apps():
    servers = dict(re.findall(r"^\s*server ([a-z]\w*):(\d+) ", NGINX, re.MULTILINE))
    assert servers == dict.fromkeys(["app", "app2"], arguments("EXPOSE")[0])
    hosts = dict(interpolated(host).split("=") for host in service("nginx")["extra_hosts"])
    assert hosts == {name: address(name) for name in servers}


def test_nginx_listens_where_it_is_published_and_asked_for_its_health():
    port = re.search(r"^\s*listen (\d+);", NGINX, re.MULTILINE)[1]
    [published] = service("nginx")["ports"]
    assert interpolated(published) == f"127.0.0.1:{port}:{port}"
    assert f"127.0.0.1:{port}/health" in service("nginx")["healthcheck"]["test"][-1]


@pytest.mark.parametrize("others", ["", "192.0.2.0/24"])
def test_the_apps_believe_nginx_and_whom_the_operator_names(settings, others):
    text = service("app")["environment"]["TRUSTED_PROXIES"]
    trusted = interpolated(text, TRUSTED_PROXIES=others).split(",")
    assert trusted == [*filter(None, [others]), address("nginx")]
    settings.TRUSTED_PROXIES = trusted
    assert check_trusted_proxies() == []


def test_only_nginx_and_the_apps_share_the_network_that_is_believed():
    services = compose()["services"]
    inside = {name for name, each in services.items() if "proxied" in each.get("networks", [])}
    assert inside == {"app", "app2", "nginx"}
    assert compose()["networks"]["proxied"]["internal"] is True
    # By any other network the apps would see nginx under an address that they do not believe.
    shared = set(service("nginx")["networks"]) & set(service("app")["networks"])
    assert shared == {"proxied"} and "back" not in service("nginx")["networks"]


def test_another_net_moves_all_addresses():
    text = (ROOT / "docker-compose.yml").read_text()
    assert "192.168.231" not in interpolated(text.replace("$$", ""), PROXY_NET="10.1.2")


def test_every_file_that_is_mounted_exists_and_is_used():
    files = compose()["configs"]
    assert all((ROOT / each["file"]).is_file() for each in files.values())
    used = [c["source"] for s in compose()["services"].values() for c in s.get("configs", [])]
    assert sorted(used) == sorted(files)


@pytest.mark.parametrize("name", compose()["services"])
def test_services_are_held_to_what_they_need(name):
    assert service(name)["cap_drop"] == ["ALL"]
    assert service(name)["security_opt"] == ["no-new-privileges:true"]
    assert service(name)["read_only"] is True
    assert "privileged" not in service(name) and "devices" not in service(name)


#: Who begins as root, and why: it must make a volume its own, then runs as somebody else; or its
#: files are another's, and DAC_OVERRIDE is all that it may.
ROOT_AT_FIRST = {"postgres": {"SETUID", "SETGID"}, "milvus": {"DAC_OVERRIDE"}}


@pytest.mark.parametrize("name", compose()["services"])
def test_nobody_is_root_but_for_a_reason(name):
    user = service(name).get("user", "10001" if service(name)["image"] == "facesite" else "root")
    added = set(service(name).get("cap_add", []))
    assert (user in {"root", "0:0"}) is bool(added) is (name in ROOT_AT_FIRST)
    assert ROOT_AT_FIRST.get(name, set()) <= added
    assert not added & {"SYS_ADMIN", "NET_ADMIN", "NET_RAW", "SYS_PTRACE"}


@pytest.mark.parametrize("name", ["nginx", "milvus", "postgres", "redis"])
def test_images_of_others_are_pinned(name):
    tag = service(name)["image"].partition(":")[2]
    assert re.match(r"v?\d", tag)


def test_the_apps_find_milvus():
    uri = urlsplit(service("app")["environment"]["MILVUS_URI"])
    assert "milvus" in compose()["services"] and uri.port == 19530  # Milvus' own
    assert uri.hostname == "milvus" and set(service("milvus")["networks"]) == {"back"}


def test_milvus_takes_the_password_that_the_apps_are_given(tmp_path: Path):
    make_secrets(tmp_path)
    (tmp_path / "milvus").write_text('#!/bin/sh\necho "$COMMON_SECURITY_DEFAULTROOTPASSWORD" "$@"')
    (tmp_path / "milvus").chmod(0o755)
    text = script("milvus").replace("/secrets", str(tmp_path))
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run(["sh", "-ec", text], env={"PATH": path}, capture_output=True, text=True)
    user, password = (tmp_path / "milvus_token").read_text().split(":")
    assert (user, done.stdout.split()) == ("root", [password, "run", "standalone"])
    assert 6 <= len(password) <= 72  # what Milvus takes


def test_the_etcd_of_milvus_listens_to_milvus_alone():
    etcd = yaml.safe_load((ROOT / "deploy" / "milvus" / "etcd.yaml").read_text())
    for name in ("listen-client-urls", "advertise-client-urls"):
        assert urlsplit(etcd[name]).hostname == "127.0.0.1"
