"""doctor: processor, memory, disk, data folder, clock."""

from __future__ import annotations

import time
from collections import Counter
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone

from recognition.doctor import FAULT, OK, WARNING, machine
from recognition.models import Event, Subject


def states(check) -> Counter[str]:
    return Counter(verdict.state for verdict in check())


def test_a_processor_without_avx2_is_told(tmp_path, monkeypatch):
    old = tmp_path / "cpuinfo"
    old.write_text("processor\t: 0\nflags\t\t: fpu sse4_2 avx\n")
    monkeypatch.setattr(machine, "CPU", old)
    monkeypatch.setattr(machine.platform, "machine", lambda: "x86_64")
    assert any("AVX2" in verdict.said for verdict in machine.processor())
    old.write_text("flags\t\t: fpu avx avx2\n")
    assert not any("AVX2" in verdict.said for verdict in machine.processor())


@pytest.mark.parametrize(("quota", "told"), [("50000 100000", True), ("max 100000", False)])
def test_a_quota_below_the_cores_is_told(tmp_path, monkeypatch, quota, told):
    (tmp_path / "cpu.max").write_text(f"{quota}\n")
    monkeypatch.setattr(machine, "QUOTA", tmp_path / "cpu.max")
    found = [verdict for verdict in machine.processor() if "quota" in verdict.said]
    assert bool(found) == told and all("MAX_RUNNING=1" in v.remedy for v in found)


@pytest.mark.parametrize(
    ("kilobytes", "state"), [(10**8, OK), (300_000, WARNING), (200_000, FAULT)]
)
def test_memory_is_weighed_against_the_people(gallery, tmp_path, monkeypatch, kilobytes, state):
    (tmp_path / "meminfo").write_text(f"MemTotal:       {kilobytes} kB\n")
    monkeypatch.setattr(machine, "MEMORY", tmp_path / "meminfo")
    monkeypatch.setattr(machine, "BOUND", tmp_path / "none")
    Subject.objects.create(gallery=gallery, user_id="ada")
    (found,) = machine.memory()
    assert found.state == state and found.said.startswith("1 people need about 0.3 GB")


def test_the_bound_of_a_container_counts(gallery, tmp_path, monkeypatch):
    (tmp_path / "memory.max").write_text("200000000\n")
    monkeypatch.setattr(machine, "BOUND", tmp_path / "memory.max")
    assert states(machine.memory) == {FAULT: 1}


def test_a_disk_that_is_nearly_full_is_told(monkeypatch):
    assert states(machine.disk)[FAULT] == 0
    monkeypatch.setattr(machine, "LEAST_FREE", 1e18)
    assert states(machine.disk) == {FAULT: 1}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_may_use_is_named_with_the_command(settings, tmp_path, mode):
    settings.DATA_DIR = tmp_path
    tmp_path.chmod(0o700)
    secret = tmp_path / "a key"
    secret.touch(0o600)
    assert states(machine.data_folder) == {OK: 1}
    secret.chmod(mode)
    (found,) = machine.data_folder()
    assert found.state == FAULT and found.remedy == f"chmod go= '{secret}'"


def test_a_folder_that_others_may_enter_is_named(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    tmp_path.chmod(0o755)
    (found,) = machine.data_folder()
    assert found.state == FAULT and "mode 755" in found.said


def test_a_clock_before_the_newest_event_is_told(db):
    assert states(machine.clock) == {OK: 1}
    later = timezone.now() + timedelta(hours=1)
    Event.objects.create(actor="-", act="verify", outcome="ok", time=later)
    assert states(machine.clock) == {FAULT: 1}


@pytest.mark.parametrize(("ahead", "state"), [(0, OK), (20, WARNING), (300, FAULT)])
@pytest.mark.parametrize("server", ["on_redis", "on_postgresql"])
def test_clocks_of_other_servers_are_compared(db, request, monkeypatch, server, ahead, state):
    request.getfixturevalue(server)
    monkeypatch.setattr(machine, "time", SimpleNamespace(time=lambda: time.time() + ahead))
    assert states(machine.clock) == {state: 1}
