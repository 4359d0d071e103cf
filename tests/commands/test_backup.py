"""Backup and restore, export and import: nothing is lost, and nobody comes back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ROOT, Site

NAME = "somebody-marked-3391"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, networks_dir, photos) -> Site:
    """Return a site with two people, a backup and an export; each test gets a copy of it."""
    site = Site(tmp_path_factory.mktemp("prepared") / "site", networks_dir)
    for user_id, photo in ((NAME, photos.obama), ("joe", photos.biden)):
        site.manage("register", user_id, str(photo), "--retain-until", "2099-01-02")
    site.manage("backup", str(site.folder / "backup"))
    (site.folder / "people.key").write_text(site.manage("export", str(site.folder / "people")))
    return site


@pytest.fixture
def site(prepared, tmp_path) -> Site:
    return prepared.copied_to(tmp_path / "site")


@pytest.fixture
def file(site) -> Path:
    return site.folder / "backup"


@pytest.fixture
def people(site) -> Path:
    return site.folder / "people"


@pytest.fixture
def key(site) -> str:
    return (site.folder / "people.key").read_text().strip()


def to_empty_database(site: Site, address: str) -> None:
    site.environment["DATABASE_URL"] = address
    site.manage("migrate", "--verbosity", "0")


def names(site: Site) -> list[str]:
    there = site.ask("SELECT user_id FROM recognition_subject")
    return [name for name in (NAME, "joe") if (name,) in there]


def test_a_backup_is_sealed_and_comes_back_on_another_engine(site, file, photos, postgres):
    assert NAME.encode() not in file.read_bytes()
    to_empty_database(site, postgres.create("restored"))
    site.manage("restore", str(file), "--no-erasures")
    assert names(site) == [NAME, "joe"]
    assert NAME in site.manage("identify", str(photos.obama2), "--csv")
    script = "from recognition.models import Subject; print(Subject.objects.first().retain_until)"
    assert "2099-01-02" in site.manage("shell", "-c", script)
    site.manage("verify_audit")


def test_who_was_erased_since_is_not_restored(site, file, photos, postgres):
    site.manage("unregister", NAME)
    to_empty_database(site, postgres.create("after_erasing"))
    site.manage("restore", str(file))
    assert names(site) == ["joe"]
    assert all(line.endswith(": 0") for line in site.manage("erasure_check").splitlines())


def test_with_todays_keys_an_old_backup_shows_nobody_who_was_erased(site, file, photos, postgres):
    site.manage("unregister", NAME)
    to_empty_database(site, postgres.create("without_log"))
    site.manage("restore", str(file), "--no-erasures")
    assert names(site) == ["joe"]
    assert NAME not in site.manage("identify", str(photos.obama), "--csv")
    assert all(line.endswith(": 0") for line in site.manage("erasure_check").splitlines())


def test_who_was_registered_anew_since_can_be_so_after_a_restore(site, file, photos, postgres):
    site.manage("unregister", NAME)
    site.manage("register", NAME, str(photos.obama))
    to_empty_database(site, postgres.create("registered_anew"))
    assert "unreadable: 1" in site.manage("restore", str(file))
    site.manage("register", NAME, str(photos.obama2))
    assert NAME in site.manage("identify", str(photos.obama), "--csv")


def test_restore_wants_the_log_of_erasures_and_an_empty_database(site, file, postgres):
    site.manage("restore", str(file), "--no-erasures", status=2)  # people are there
    to_empty_database(site, postgres.create("empty_one"))
    site.manage("restore", str(file), status=2)  # no log
    assert names(site) == []


def test_a_damaged_backup_restores_nothing(site, file, postgres):
    raw = file.read_bytes()
    half = len(raw) // 2
    flipped = raw[:half] + bytes([raw[half] ^ 1]) + raw[half + 1 :]
    to_empty_database(site, postgres.create("damaged"))
    for damaged in (raw[:-20], flipped, raw + b"more"):
        file.write_bytes(damaged)
        site.manage("restore", str(file), "--no-erasures", status=2)
        assert names(site) == []


def test_a_lost_installation_comes_back_from_backup_keys_and_master_key(
    site, file, tmp_path, networks_dir, photos
):
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


def test_a_gallery_goes_to_another_installation(people, key, tmp_path, networks_dir, photos):
    assert NAME.encode() not in people.read_bytes()
    new = Site(tmp_path / "new", networks_dir)
    assert "2 pictures of 2 people" in imported(new, people, key, "--dry-run").stdout
    assert names(new) == []
    assert "Registered: 2 pictures" in imported(new, people, key).stdout
    assert "Registered: 0 pictures" in imported(new, people, key).stdout
    assert NAME in new.manage("identify", str(photos.obama2), "--csv")


def test_an_import_leaves_out_who_was_erased(site, people, key):
    site.manage("unregister", NAME)
    done = imported(site, people, key)
    assert done.returncode == 1 and NAME in done.stderr
    assert names(site) == ["joe"]


def test_a_wrong_key_imports_nothing(site, people):
    done = imported(site, people, "A" * 43 + "=")
    assert done.returncode == 2 and "cannot be read" in done.stderr
