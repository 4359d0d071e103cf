"""``sync_gallery``: rows that came and went behind the service's back, on both sides."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from django.db import connection

from recognition import runtime
from recognition.gallery import sync as sync_module
from recognition.gallery.milvus import Collection, Rows
from recognition.gallery.sync import differing
from recognition.models import (
    Gallery,
    GalleryChange,
    PersonTemplate,
    Subject,
    from_bytes,
    to_bytes,
)
from recognition.runtime import DLIB, EMBEDDERS
from recognition.sealing import OVERHEAD
from recognition.services import orphans
from recognition.vault import made_keys
from tests.commands.conftest import Ran, run
from tests.conftest import TESTER

PEOPLE = 30
D = EMBEDDERS[DLIB].dimension


def unit(count: int, seed: int) -> np.ndarray:
    found = np.random.default_rng(seed).normal(size=(count, D)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def insert(gallery: Gallery, names: list[str], seed: int = 0) -> list[Subject]:
    """Put people into the database and tell nobody."""
    subjects = Subject.objects.bulk_create(Subject(gallery=gallery, user_id=n) for n in names)
    keys = made_keys([subject.number for subject in subjects])
    PersonTemplate.objects.bulk_create(
        PersonTemplate.sealed_for(subject, DLIB, to_bytes(vector), keys[subject.number])
        for subject, vector in zip(subjects, unit(len(names), seed), strict=True)
    )
    return subjects


@pytest.fixture
def door(db: None) -> Gallery:
    return Gallery.objects.create(name="door", embedder=DLIB)


@pytest.fixture
def people(door: Gallery, on_milvus: object) -> list[Subject]:
    """Return people of the gallery "door" whom Milvus holds too."""
    subjects = insert(door, [f"p{number:02}" for number in range(PEOPLE)])
    runtime.engine().rebuild()
    return subjects


@pytest.fixture
def collection(people: list[Subject]) -> Collection:
    """Return what Milvus holds, past the service."""
    engine = runtime.engine()
    return engine.milvus.collection(engine.truth.state().epoch, DLIB)


@pytest.fixture
def sync(people: list[Subject]) -> Callable[..., Ran]:
    """Return a function that runs the command."""
    return lambda *arguments: run("sync_gallery", *arguments)


def best(gallery: Gallery, probe: np.ndarray) -> list[int]:
    found = runtime.index(gallery).search(probe[None], limit=1)[0]
    return [candidate.subject_number for candidate in found]


def test_nothing_to_mend_is_said(sync):
    assert (sync().lines, sync("--dry-run").status) == (["No difference was found."], 0)


def test_rows_missing_in_milvus_are_put_there(sync, door):
    insert(door, ["new1", "new2"], seed=1)
    assert best(door, unit(2, 1)[0]) != [Subject.objects.get(user_id="new1").number]
    assert sync().lines == ["missing in Milvus: 2", "Differences mended: 2."]
    assert best(door, unit(2, 1)[0]) == [Subject.objects.get(user_id="new1").number]


def test_rows_of_people_erased_by_sql_are_removed(sync, collection):
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM recognition_persontemplate WHERE subject_id IN "
            "(SELECT id FROM recognition_subject WHERE user_id < 'p03')"
        )
        cursor.execute("DELETE FROM recognition_subject WHERE user_id < 'p03'")
    assert sync().lines == ["not in the database: 3", "Differences mended: 3."]
    assert collection.count() == PEOPLE - 3


def test_rows_of_a_gallery_erased_by_sql_are_removed(sync, door, collection):
    Gallery.objects.filter(pk=door.pk).delete()
    assert f"not in the database: {PEOPLE}" in sync().lines
    assert collection.count() == 0


def test_rows_that_were_dropped_in_milvus_are_put_back(sync, people, collection):
    collection.remove([subject.number for subject in people[:4]])
    assert sync().lines == ["missing in Milvus: 4", "Differences mended: 4."]
    assert collection.count() == PEOPLE


def test_rows_that_somebody_put_into_milvus_are_removed(sync, door, collection):
    collection.put(np.array([-5, 0, 66]), np.array([door.pk, door.pk, 999]), unit(3, 1))
    assert sync().lines == ["not in the database: 3", "Differences mended: 3."]
    assert collection.count() == PEOPLE


def test_a_row_in_the_wrong_gallery_is_moved(sync, people, door, collection):
    vector = from_bytes(people[0].template.vector)
    collection.put(np.array([people[0].number]), np.array([door.pk + 1]), vector[None])
    assert best(door, vector) != [people[0].number]
    assert sync().lines == ["in the wrong gallery: 1", "Differences mended: 1."]
    assert best(door, vector) == [people[0].number]


def test_another_template_is_written_over(sync, people, door, collection):
    collection.put(np.array([people[0].number]), np.array([door.pk]), unit(1, 5))
    assert sync().lines == ["with another template: 1", "Differences mended: 1."]
    rows = collection.rows([people[0].number])
    expected = collection.turn(from_bytes(people[0].template.vector)[None])
    assert rows.turned == pytest.approx(expected, abs=1e-5)


def test_inactive_people_leave_milvus(sync, people, collection):
    Subject.objects.filter(pk=people[0].pk).update(active=False)
    assert sync().lines == ["not to be matched: 1", "Differences mended: 1."]
    assert collection.count() == PEOPLE - 1


def test_a_dry_run_changes_nothing_and_fails(sync, door, collection):
    insert(door, ["new"])
    collection.put(np.array([66]), np.array([door.pk]), unit(1, 1))
    ran = sync("--dry-run")
    assert (ran.status, ran.lines) == (1, ["missing in Milvus: 1", "not in the database: 1"])
    assert ran.stderr.endswith("Differences: 2; nothing was changed.")
    assert sync("--dry-run").lines == ran.lines


def test_people_of_a_gallery_without_an_embedder_are_the_default_ones(sync, door, collection):
    Gallery.objects.filter(pk=door.pk).update(embedder="")
    assert sync().lines == ["No difference was found."]
    assert best(Gallery.objects.get(pk=door.pk), unit(PEOPLE, 0)[0])


def test_templates_of_another_dimension_are_left_out(sync, collection):
    other = Gallery.objects.create(name="other")
    subject = insert(other, ["a"])[0]
    PersonTemplate.objects.filter(subject=subject).update(sealed=bytes(4 * 512 + OVERHEAD))
    GalleryChange.append("put", [subject])
    assert (sync().lines, collection.count()) == (["No difference was found."], PEOPLE)
    assert best(other, unit(1, 0)[0]) == []


def test_all_kinds_at_once_are_mended_in_blocks(sync, people, door, collection, monkeypatch):
    monkeypatch.setattr("recognition.engine.BLOCK", 7)
    monkeypatch.setattr("recognition.gallery.milvus.BLOCK", 5)
    collection.remove([subject.number for subject in people[:10]])
    collection.put(np.arange(20), np.full(20, door.pk), unit(20, 1))
    Subject.objects.filter(pk__in=[subject.pk for subject in people[20:]]).update(active=False)
    assert sync().lines[-1] == "Differences mended: 40."
    assert (sync().lines, collection.count()) == (["No difference was found."], 20)


def test_one_gallery_alone_can_be_mended(sync, people, collection):
    other = Gallery.objects.create(name="other", embedder=DLIB)
    insert(other, ["new"])
    collection.remove([people[0].number])
    assert sync("--gallery", "other").lines[0] == "missing in Milvus: 1"
    assert sync("--dry-run").lines == ["missing in Milvus: 1"]


def test_an_unknown_gallery_is_an_error(sync):
    assert sync("--gallery", "none").stderr.startswith("gallery_not_found")


def test_a_difference_that_mends_itself_is_none(sync, people, door, collection, monkeypatch):
    GalleryChange.append("put", insert(door, ["new"]))
    stale = [Rows(np.array([people[0].number]), np.array([1]), unit(1, 9))]
    monkeypatch.setattr(sync_module, "_told", lambda blocks, said: iter(stale))
    assert sync().lines == ["No difference was found."]
    assert collection.count() == PEOPLE + 1


def test_collections_left_behind_are_dropped(sync, on_milvus):
    runtime.engine().milvus.make("old")
    assert sync("--dry-run").status == 1
    assert "collections left behind: 2" in sync().lines
    assert not [name for name in on_milvus.client().list_collections() if "_old_" in name]


def test_the_first_run_fills_a_gallery_too_large_for_a_request(door, on_milvus, monkeypatch):
    insert(door, ["a", "b", "c"])
    monkeypatch.setattr("recognition.gallery.engine.FEW", 2)
    assert run("sync_gallery", "--dry-run").status == 1
    assert run("sync_gallery").lines == ["Milvus was written anew: 3 people."]
    assert len(runtime.index(door)) == 3


def test_a_new_key_wants_a_rebuild(sync, settings, door, fresh_runtime):
    settings.MILVUS_TURN_KEY = "quite another key, for the same rows"
    runtime.engine.cache_clear()
    assert (sync().status, "--rebuild" in sync().stderr) == (2, True)
    assert sync("--rebuild").lines == [f"Milvus was written anew: {PEOPLE} people."]
    assert best(door, unit(PEOPLE, 0)[0]) == [Subject.objects.get(user_id="p00").number]


def test_without_milvus_there_is_nothing_to_sync(db, settings, fresh_runtime):
    settings.GALLERY_ENGINE = "exact"
    ran = run("sync_gallery")
    assert (ran.status, ran.stderr) == (2, "GALLERY_ENGINE is exact: nothing to sync.")


def test_a_milvus_that_is_not_there_is_told(sync, settings):
    settings.MILVUS_URI = "http://127.0.0.1:1"
    runtime.engine.cache_clear()
    ran = sync()
    assert (ran.status, ran.stderr.split(":")[0]) == (2, "not_ready")


def test_rows_that_milvus_hides_are_told(sync, collection, monkeypatch):
    counted = Collection.count
    monkeypatch.setattr(Collection, "count", lambda self, *gallery: counted(self, *gallery) + 1)
    ran = sync()
    assert (ran.status, "--rebuild" in ran.stderr) == (1, True)


@pytest.mark.parametrize("seed", range(20))
def test_two_sides_in_blocks_of_any_size_differ_by_what_they_differ(seed):
    rng = np.random.default_rng(seed)
    ours = np.unique(rng.integers(0, 60, 40))
    theirs = np.sort(rng.integers(0, 60, 40))  # some of them twice
    twice = {n for n in theirs.tolist() if (theirs == n).sum() > 1}
    found = [n for some in differing(blocks(ours, rng), blocks(theirs, rng)) for n in some]
    assert set(found) == set(ours.tolist()) ^ set(theirs.tolist()) | twice


def blocks(numbers: np.ndarray, rng: np.random.Generator) -> object:
    cuts = np.sort(rng.integers(1, len(numbers), 4))
    for part in np.split(numbers, np.unique(cuts)):
        yield Rows(part, part * 0, np.ones((len(part), 2), np.float32))


def test_the_erasure_check_finds_and_mends_who_is_in_milvus_alone(people):
    gone, *rest = people
    Subject.objects.filter(pk=gone.pk).delete()  # behind the service's back
    assert orphans.search().engine == {DLIB: [gone.number]}
    orphans.mend(orphans.search(), TESTER)
    assert orphans.search().engine == {}
    collection = runtime.engine().milvus.collections(runtime.engine().catch_up().epoch)[DLIB]
    assert set(collection.present([one.number for one in people])) == {one.number for one in rest}
