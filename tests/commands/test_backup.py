"""Backup and restore, export and import: nothing is lost, and nobody comes back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ROOT, Site

NAME = "somebody-marked-3391"


@pytest.fixture
def site(tmp_path, networks_dir, photos) -> Site:
    """Return a site that is not started, with three people."""
    site = Site(tmp_path / "site", networks_dir)
    for user_id, photo in ((NAME, photos.obama), ("joe", photos.biden)):
        site.manage("register", user_id, str(photo))
    return site


def names(site: Site) -> list[str]:
    script = (
        "from recognition.models import Subject; print(*Subject.objects.values_list('user_id'))"
    )
    return [name for name in (NAME, "joe") if name in site.manage("shell", "-c", script)]


def test_a_backup_is_sealed_and_comes_back_on_another_engine(site, tmp_path, photos, postgres):
    file = tmp_path / "backup"
    site.manage("backup", str(file))
    assert NAME.encode() not in file.read_bytes()
    site.environment["DATABASE_URL"] = postgres.create("restored")
    site.manage("migrate", "--verbosity", "0")
    site.manage("restore", str(file), "--no-erasures")
    assert names(site) == [NAME, "joe"]
    assert NAME in site.manage("identify", str(photos.obama2), "--csv")
    site.manage("verify_audit")


def test_who_was_erased_since_is_not_restored(site, tmp_path, photos, postgres):
    file = tmp_path / "backup"
    site.manage("backup", str(file))
    site.manage("unregister", NAME)
    site.environment["DATABASE_URL"] = postgres.create("after_erasing")
    site.manage("migrate", "--verbosity", "0")
    site.manage("restore", str(file))
    assert names(site) == ["joe"]
    assert all(line.endswith(": 0") for line in site.manage("erasure_check").splitlines())


def test_with_todays_keys_an_old_backup_shows_nobody_who_was_erased(
    site, tmp_path, photos, postgres
):
    file = tmp_path / "backup"
    site.manage("backup", str(file))
    site.manage("unregister", NAME)
    site.environment["DATABASE_URL"] = postgres.create("without_log")
    site.manage("migrate", "--verbosity", "0")
    site.manage("restore", str(file), "--no-erasures")
    assert NAME not in site.manage("identify", str(photos.obama), "--csv")
    assert "cannot be read: 1" in site.manage("erasure_check", status=1)


def test_restore_wants_the_log_of_erasures_and_an_empty_database(site, tmp_path, postgres):
    file = tmp_path / "backup"
    site.manage("backup", str(file))
    site.manage("restore", str(file), "--no-erasures", status=2)  # people are there
    site.environment["DATABASE_URL"] = postgres.create("empty_one")
    site.manage("migrate", "--verbosity", "0")
    site.manage("restore", str(file), status=2)  # no log
    assert names(site) == []


@pytest.mark.parametrize("damage", ["cut", "flip", "tail"])
def test_a_damaged_backup_restores_nothing(site, tmp_path, postgres, damage):
    file = tmp_path / "backup"
    site.manage("backup", str(file))
    raw = file.read_bytes()
    half = len(raw) // 2
    flipped = raw[:half] + bytes([raw[half] ^ 1]) + raw[half + 1 :]
    file.write_bytes({"cut": raw[:-20], "flip": flipped, "tail": raw + b"more"}[damage])
    site.environment["DATABASE_URL"] = postgres.create(f"damaged_{damage}")
    site.manage("migrate", "--verbosity", "0")
    site.manage("restore", str(file), "--no-erasures", status=2)
    assert names(site) == []


def test_a_lost_installation_comes_back_from_backup_keys_and_master_key(
    site, tmp_path, networks_dir, photos
):
    file = tmp_path / "backup"
    site.manage("backup", str(file))
    new = Site(tmp_path / "new", networks_dir)
    (new.folder / "master.key").write_bytes((site.folder / "master.key").read_bytes())
    keys = Path(f"{file}.keys")
    cut = tmp_path / "cut.keys"
    cut.write_text(keys.read_text()[:-80])
    new.manage("restore", str(file), "--keys", str(cut), "--no-erasures", status=2)
    new.manage("restore", str(file), "--keys", f"{file}.keys", "--no-erasures")
    assert NAME in new.manage("identify", str(photos.obama2), "--csv")


def imported(site: Site, file: Path, key: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "manage.py"), "import", str(file), *options]
    environment = site.environment | {"FACESITE_IMPORT_KEY": key}
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_a_gallery_goes_to_another_installation(site, tmp_path, networks_dir, photos):
    file = tmp_path / "people"
    key = site.manage("export", str(file)).strip()
    assert NAME.encode() not in file.read_bytes()
    new = Site(tmp_path / "new", networks_dir)
    assert "2 pictures of 2 people" in imported(new, file, key, "--dry-run").stdout
    assert names(new) == []
    assert "Registered: 2 pictures" in imported(new, file, key).stdout
    assert "Registered: 0 pictures" in imported(new, file, key).stdout
    assert NAME in new.manage("identify", str(photos.obama2), "--csv")


def test_an_import_leaves_out_who_was_erased(site, tmp_path):
    file = tmp_path / "people"
    key = site.manage("export", str(file)).strip()
    site.manage("unregister", NAME)
    done = imported(site, file, key)
    assert done.returncode == 1 and NAME in done.stderr
    assert names(site) == ["joe"]


def test_a_wrong_key_imports_nothing(site, tmp_path):
    file = tmp_path / "people"
    site.manage("export", str(file))
    done = imported(site, file, "A" * 43 + "=")
    assert done.returncode == 2 and "cannot be read" in done.stderr
