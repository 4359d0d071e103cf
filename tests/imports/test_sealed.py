"""Files of imports rest sealed, go with the person they are of, and leave no key behind."""

from __future__ import annotations

import zipfile
from importlib import import_module

import pytest
from django.apps import apps

from recognition import services, vault
from recognition.import_models import Import, ImportFile, ImportSlice
from recognition.models import Subject
from recognition.sealing import SealBrokenError
from recognition.services import backups, imports, orphans, receipts, waiting
from recognition.services.manifest import Entry
from recognition.vault import rotation
from tests.conftest import TESTER
from tests.imports.conftest import begin_folder, begin_zip, outcomes, packed, run, states, work

migration = import_module("recognition.migrations.0070_sealed_imports")
pytestmark = pytest.mark.usefixtures("own_vault")


@pytest.fixture(autouse=True)
def nothing_erased() -> None:
    receipts.log_path().unlink(missing_ok=True)


@pytest.fixture
def one_zip(gallery, portraits) -> Import:
    """Return an import of a ZIP whose members lie in it as they are."""
    return begin_zip(gallery, packed(portraits, zipfile.ZIP_STORED))


def at_rest() -> bytes:
    """Return all that the database holds of files."""
    rows = [*ImportFile.objects.exclude(data=None), *ImportSlice.objects.all()]
    return b"".join(bytes(row.data) for row in rows)


def unsealed(batch: Import) -> bytes:
    return b"".join(piece.open() for piece in batch.slices.all())


def pieces(picture: bytes) -> list[bytes]:
    return [picture[begin : begin + 64] for begin in range(1000, 9000, 1000)]


def test_files_and_slices_rest_sealed(gallery, portraits, one_zip):
    begin_folder(gallery, portraits)
    stored = at_rest()
    assert len(stored) > 2 * sum(map(len, portraits.values()))
    assert not [one for p in portraits.values() for one in pieces(p) if one in stored]
    assert all(one in unsealed(one_zip) for p in portraits.values() for one in pieces(p))


def test_an_import_called_like_a_person_loses_its_name_with_them(gallery, register):
    register("joe-biden", "biden", display_name="Joseph")
    for name in ("joe-biden", "Joe Biden.zip", "Joseph", "people"):
        imports.begin_folder(gallery, name, [Entry("joe/1.jpg", 1)], TESTER)
    services.unregister(gallery, "joe-biden", actor=TESTER)
    names = Import.objects.order_by("created").values_list("name", flat=True)
    assert list(names) == ["files", "files", "files", "people"]


def test_a_file_in_the_place_of_another_is_not_opened(gallery, portraits):
    first, second, _ = begin_folder(gallery, portraits).files.all()
    first.data = second.data
    with pytest.raises(SealBrokenError):
        first.open()


@pytest.mark.parametrize("end", ["run", "cancel", "discard"])
def test_the_key_goes_with_the_import(one_zip, django_capture_on_commit_callbacks, end):
    assert list(vault.keys().below(0)) == [one_zip.key_number]
    with django_capture_on_commit_callbacks() as done:
        run(one_zip) if end == "run" else getattr(imports, end)(one_zip, TESTER)
    assert waiting.destroy_unused_keys in done
    waiting.destroy_unused_keys()
    assert vault.keys().below(0) == {}


def test_the_key_goes_with_the_gallery(portraits, django_capture_on_commit_callbacks):
    door = services.create_gallery("door", actor=TESTER)
    begin_zip(door, packed(portraits))
    assert len(vault.keys().below(0)) == 1
    with django_capture_on_commit_callbacks(execute=True):
        services.delete_gallery("door", force=True, actor=TESTER)
    assert vault.keys().below(0) == {}


def test_an_import_under_way_keeps_its_key(gallery, portraits, one_zip):
    run(begin_folder(gallery, portraits))
    waiting.destroy_unused_keys()
    assert list(vault.keys().below(0)) == [one_zip.key_number]


def test_another_master_key_opens_what_waits(one_zip):
    rotation.rotate()
    assert states(run(one_zip)) == {"new": 3}


def test_erasing_somebody_erases_what_waits_of_them(register, gallery, portraits, one_zip):
    register("barack", "obama")
    begin_folder(gallery, portraits)
    imports.complete(one_zip, TESTER)
    services.unregister(gallery, "barack", actor=TESTER)
    assert {file.user_id for file in ImportFile.objects.all()} == {"joe-biden"}
    left = unsealed(one_zip)
    assert not [n for n in (1, 2) for one in pieces(portraits[f"barack/{n}.jpg"]) if one in left]
    assert all(one in left for one in pieces(portraits["Joe Biden/1.jpg"]))
    assert states(work(one_zip.pk)) == {"new": 1}


def test_a_zip_that_was_altered_keeps_nobody_from_being_erased(register, gallery, one_zip):
    register("barack", "obama")
    imports.complete(one_zip, TESTER)
    one_zip.slices.update(data=b"altered" * 10)
    services.unregister(gallery, "barack", actor=TESTER)
    assert not Subject.objects.exists() and not one_zip.slices.exists()


def test_an_import_whose_zip_was_altered_ends(one_zip, caplog):
    imports.complete(one_zip, TESTER)
    one_zip.slices.update(data=b"altered" * 10)
    assert work(one_zip.pk).state == Import.DONE
    assert set(outcomes(one_zip).values()) == {"internal_error"} and not one_zip.slices.exists()
    assert "was altered" in caplog.text


def test_an_import_that_has_lost_its_zip_ends(one_zip):
    imports.complete(one_zip, TESTER)
    one_zip.slices.all().delete()
    assert work(one_zip.pk).state == Import.DONE and states(one_zip) == {"refused": 3}


def test_a_file_that_was_altered_is_refused_and_the_others_are_registered(gallery, portraits):
    batch = begin_folder(gallery, portraits)
    batch.files.filter(place=0).update(data=b"altered" * 10)
    assert states(run(batch)) == {"refused": 1, "new": 2}


def test_the_check_finds_files_of_who_was_erased(register, gallery, portraits, one_zip):
    register("barack", "obama")
    services.unregister(gallery, "barack", actor=TESTER)
    receipts.finish()
    imports.complete(one_zip, TESTER)
    found = orphans.search()
    assert len(found.waiting) == 2 and found.found
    orphans.mend(found, TESTER)
    assert not orphans.search().found
    assert not [one for one in pieces(portraits["barack/1.jpg"]) if one in unsealed(one_zip)]


def test_the_check_finds_what_an_import_has_left(one_zip):
    imports.complete(one_zip, TESTER)
    Import.objects.update(state=Import.DONE)  # and no more, as no version of ours does
    found = orphans.search()
    assert (found.left, found.import_keys) == (one_zip.slices.count(), 1)
    orphans.mend(found, TESTER)
    assert not orphans.search().found and at_rest() == b""


def test_backups_take_no_keys_of_imports(one_zip, tmp_path):
    backups.backup(tmp_path / "file", TESTER)
    lines = backups.keys_path(tmp_path / "file").read_text().splitlines()
    assert lines and not [line for line in lines if line.startswith("-")]


def test_files_in_the_clear_are_sealed(one_zip, gallery, portraits):
    folder = begin_folder(gallery, portraits)
    for row in [*folder.files.all(), *one_zip.slices.all()]:
        type(row).objects.filter(pk=row.pk).update(data=row.open())
    migration.seal_imports(apps, None)
    assert not [one for p in portraits.values() for one in pieces(p) if one in at_rest()]
    assert states(run(folder)) == {"new": 3}
