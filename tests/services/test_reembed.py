"""Another embedder for a gallery: prepared, interrupted, changed over, and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from recognition import curves, runtime, services, vault
from recognition.curves import CALIBRATIONS, Calibration
from recognition.errors import RecognitionError
from recognition.models import Event, OtherEmbedding, PersonTemplate, Reference, from_bytes
from recognition.pipeline import embed
from recognition.pipeline.context import context_of, face_in
from recognition.pipeline.decode import decode
from recognition.runtime import DLIB
from recognition.sealing import label, seal
from recognition.services import RegisterOptions, reembedding
from recognition.services.results import Selection
from tests.commands.conftest import run
from tests.conftest import TESTER

PLAIN = "dlib-resnet-v1-plain"


class Plain(embed.DlibResNet):
    """dlib's network without the mirror image: a second embedder of real weights."""

    id = PLAIN

    def __init__(self, network: Any, *, mirrored: bool = False) -> None:
        super().__init__(network, mirrored=False)


class Short(embed.DlibResNet):
    """An embedder of another dimension; its embeddings say little, and are of length 1."""

    id = "short"
    dimension = 32
    mixer: ClassVar = np.random.default_rng(1).normal(size=(128, 32)).astype(np.float32)

    def embed(self, crops: Any) -> Any:
        return embed.unit(embed.DlibResNet(self._network).embed(crops) @ self.mixer)


def make_calibrations(folder: Path) -> None:
    """Let the embedders above have the thresholds of dlib's, in files of ``folder``."""
    document = json.loads((CALIBRATIONS / f"{DLIB}.json").read_text())
    for name in (PLAIN, "short", DLIB):
        text = json.dumps({**document, "embedder": name, "id": name})
        (folder / f"{name}.json").write_text(text)
    curves.CALIBRATIONS = folder


@pytest.fixture
def others(gallery, monkeypatch, tmp_path):
    """Make the embedders above known, with the network and the thresholds of dlib's."""
    real = runtime.network
    for kind in (Plain, Short):
        monkeypatch.setitem(runtime.EMBEDDERS, kind.id, kind)
    monkeypatch.setattr(curves, "CALIBRATIONS", CALIBRATIONS)  # and is set back
    make_calibrations(tmp_path)
    names = {PLAIN: DLIB, "short": DLIB}
    monkeypatch.setattr(runtime, "network", lambda name: real(names.get(name, name)))
    runtime.engine.cache_clear()  # one that is there already has no collections for them
    yield
    runtime.engine.cache_clear()
    runtime.extractor.cache_clear()
    Calibration.of.__func__.cache_clear()


@pytest.fixture
def known(gallery, register):
    for user_id, photograph in (("barack", "obama"), ("barack", "obama2"), ("joe", "biden")):
        register(user_id, photograph)


def current():
    return services.find_gallery("default")


def state() -> dict:
    rows = Reference.objects.order_by("pk")
    return {
        "references": [(one.pk, one.embedder, one.embedding, one.crop) for one in rows],
        "templates": {t.subject_id: bytes(t.vector) for t in PersonTemplate.objects.all()},
    }


def changed_over(to: str) -> None:
    for _ in reembedding.stage(current(), to):
        pass
    reembedding.activate(current(), to, actor=TESTER)


@pytest.mark.parametrize("photograph", ["obama", "biden", "astronaut"])
@pytest.mark.parametrize("embedder", [DLIB])
def test_what_is_kept_gives_the_same_embedding(gallery, photos, photograph, embedder):
    extractor = runtime.extractor(embedder)
    picture = decode(photos.upload(photograph).data)
    face = extractor.embed(picture, extractor.detect(picture)[:1])[0]
    context, place = context_of(picture, face.detection)
    crop = extractor.embedder.crop(*face_in(context, place, face.detection.landmarks))
    assert float(extractor.embedder.embed(crop[None])[0] @ face.embedding) > 0.99
    assert len(context) < 150_000


def test_preparing_changes_nothing_that_is_in_use(known, others):
    before = state()
    assert list(reembedding.stage(current(), PLAIN)) == [3]
    assert (state(), current().embedder) == (before, DLIB)
    found = reembedding.outlook(current(), PLAIN)
    assert sum(found.changes.values()) == 3 and found.again == []


def test_changing_over_answers_by_the_new_embedder_and_goes_back(known, others, photos):
    before = state()
    changed_over(PLAIN)
    found = services.identify(current(), photos.upload("obama3"), actor=TESTER)
    assert (found.model, [m.user_id for m in found.matches]) == (PLAIN, ["barack"])
    assert {r.embedder for r in Reference.objects.all()} == {PLAIN}
    changed_over(reembedding.former_embedder(current()))
    assert (state(), current().embedder) == (before, DLIB)


def crops() -> list:
    return [one.crop for one in Reference.objects.order_by("pk")]


def test_crops_stay_what_they_are(known, others):
    before = crops()
    changed_over(PLAIN)
    assert all(before) and crops() == before


def test_crops_that_an_earlier_version_sealed_are_opened_too(known, others):
    before = crops()
    for one in Reference.objects.select_related("subject"):
        key = vault.key_of(one.subject.number)
        sealed = seal(key, one.crop, label("crop", one.pk, DLIB))
        Reference.objects.filter(pk=one.pk).update(sealed_crop=sealed)
    changed_over(PLAIN)
    OtherEmbedding.objects.all().delete()
    assert crops() == before


def test_embeddings_are_the_new_embedders_own(known, others, photos):
    changed_over(PLAIN)
    reference = Reference.objects.get(subject__user_id="joe")
    extractor = runtime.extractor(PLAIN)
    picture = decode(photos.upload("biden").data)
    face = extractor.embed(picture, extractor.detect(picture)[:1])[0]
    assert float(from_bytes(reference.embedding) @ face.embedding) > 0.99


def test_another_dimension_is_searched_too(known, others, photos):
    services.identify(current(), photos.upload("obama3"), actor=TESTER)  # the old index is loaded
    changed_over("short")
    found = services.identify(current(), photos.upload("obama"), actor=TESTER)
    assert (found.people, found.model) == (2, "short")
    assert found.faces[0].decision.status in ("match", "ambiguous")


def test_a_request_that_began_before_is_told_to_come_again(known, others, photos):
    early = current()
    changed_over("short")
    for act in (
        lambda: services.identify(early, photos.upload("obama3"), actor=TESTER),
        lambda: services.verify(
            early, "joe", photos.upload("biden"), selection=Selection(), actor=TESTER
        ),
    ):
        with pytest.raises(RecognitionError) as refusal:
            act()
        assert refusal.value.code == "not_ready"


def test_a_run_that_was_stopped_goes_on(known, others, monkeypatch):
    monkeypatch.setattr(reembedding, "BATCH", 1)
    stopped = reembedding.stage(current(), PLAIN)
    next(stopped)
    stopped.close()
    with pytest.raises(RecognitionError):
        reembedding.activate(current(), PLAIN, actor=TESTER)
    assert list(reembedding.stage(current(), PLAIN)) == [1, 1]
    reembedding.activate(current(), PLAIN, actor=TESTER)
    assert current().embedder == PLAIN


def test_who_has_nothing_kept_is_listed_and_not_matched(known, others, photos):
    Reference.objects.filter(subject__user_id="joe").update(sealed_context=None)
    ran = run("reembed", "--to", PLAIN, "--activate")
    assert ran.status == 1 and "To be registered again: joe" in ran.stdout
    assert not services.identify(current(), photos.upload("biden"), actor=TESTER).matches
    assert run("reembed", "--rollback").status == 0
    found = services.identify(current(), photos.upload("biden"), actor=TESTER)
    assert [m.user_id for m in found.matches] == ["joe"]


def test_who_registers_between_is_changed_over_too(known, others, register, photos):
    list(reembedding.stage(current(), PLAIN))
    register("eileen", "astronaut")
    assert run("reembed", "--to", PLAIN, "--activate").status == 0
    found = services.identify(current(), photos.upload("astronaut"), actor=TESTER)
    assert [m.user_id for m in found.matches] == ["eileen"]


def test_erasing_erases_the_other_embeddings_too(known, others):
    list(reembedding.stage(current(), PLAIN))
    services.unregister(current(), "barack", actor=TESTER)
    assert OtherEmbedding.objects.count() == 1
    assert run("reembed", "--forget").stdout.startswith("Erased: 1")


def test_the_way_back_is_to_the_embedder_last_in_use(known, others):
    list(reembedding.stage(current(), "short"))
    with pytest.raises(RecognitionError):
        reembedding.former_embedder(current())  # it was only prepared
    changed_over(PLAIN)
    assert reembedding.former_embedder(current()) == DLIB
    changed_over("short")
    assert reembedding.former_embedder(current()) == PLAIN


def test_who_has_no_data_key_holds_nothing_up(known, others, monkeypatch):
    monkeypatch.setattr(reembedding, "BATCH", 1)
    number = services.find_user(current(), "joe").number
    vault.keys().destroy([number])
    assert sum(reembedding.stage(current(), PLAIN)) == 2
    assert reembedding.outlook(current(), PLAIN).again == ["joe"]
    reembedding.activate(current(), PLAIN, actor=TESTER)
    assert current().embedder == PLAIN


def test_who_registers_while_it_changes_over_does_not_hold_it_up(
    known, others, register, monkeypatch
):
    def outlook(*_: Any) -> reembedding.Outlook:
        register("eileen", "astronaut")
        return reembedding.Outlook()

    monkeypatch.setattr(reembedding, "outlook", outlook)
    assert run("reembed", "--to", PLAIN, "--activate").status == 0
    assert {one.embedder for one in Reference.objects.all()} == {PLAIN}


def test_two_runs_at_once_store_each_embedding_once(known, others, monkeypatch):
    keep, extra = reembedding._keep, []
    monkeypatch.setattr(
        reembedding, "_keep", lambda *made: (keep(*made), extra.append(keep(*made)))
    )
    assert list(reembedding.stage(current(), PLAIN)) == [3]
    assert (OtherEmbedding.objects.count(), len(extra)) == (3, 1)


def test_forgetting_is_an_event(known, others):
    list(reembedding.stage(current(), PLAIN))
    assert reembedding.forget(current(), actor=TESTER) == 3
    event = Event.objects.get(act="forget_embeddings")
    assert (event.gallery, event.decision) == ("default", {"embeddings": 3})


def test_milvus_agrees_after_changing_over_and_back(on_milvus, known, others, photos):
    for embedder in ("short", DLIB):
        changed_over(embedder)
        found = services.identify(current(), photos.upload("obama2"), actor=TESTER)
        assert (found.model, found.people) == (embedder, 2)
        assert found.matches[0].user_id == "barack"
        assert "No difference was found." in run("sync_gallery", "--dry-run").stdout


def test_what_makes_no_sense_is_refused(known, others):
    assert run("reembed", "--to", DLIB).status == 2
    assert run("reembed", "--rollback").status == 2


def test_who_has_nothing_kept_is_registered_again_with_the_same_picture(known, others, photos):
    Reference.objects.filter(subject__user_id="joe").update(sealed_context=None)
    changed_over(PLAIN)
    [before] = Reference.objects.filter(subject__user_id="joe")
    done = services.register(
        current(), "joe", [photos.upload("biden")] * 2, RegisterOptions(), TESTER
    )
    after = Reference.objects.get(pk=before.pk)
    assert (after.embedder, after.created) == (PLAIN, before.created)
    assert (done.accepted[0].reference_id, done.total_references) == (str(before.pk), 1)
    assert PersonTemplate.objects.get(subject__user_id="joe").embedder == PLAIN
    changed_over(DLIB)
    assert Reference.objects.get(pk=before.pk).embedding == before.embedding


def raised(folder: Path, references: int, similarity: float) -> None:
    """Let the plain embedder ask for a similarity of people with so many references."""
    file = folder / f"{PLAIN}.json"
    document = json.loads(file.read_text())
    for table in document["by_references"]:
        if table["references"] >= references:
            for row in table["thresholds"]:
                row["similarity"] = similarity
    file.write_text(json.dumps(document))


@pytest.mark.parametrize(("references", "changed"), [(1, 2), (2, 0)])
def test_decisions_change_by_the_new_embedders_thresholds(
    known, others, tmp_path, references, changed
):
    list(reembedding.stage(current(), PLAIN))
    raised(tmp_path, references, 0.9999)  # each of two references is compared with the other one
    found = reembedding.outlook(current(), PLAIN)
    assert found.changes.get(("right", "unknown"), 0) == changed
    assert found.people == (["barack"] if changed else [])


def test_two_who_cannot_be_told_apart_any_more_are_told(known, others, register, tmp_path):
    register("barry", "obama3")
    list(reembedding.stage(current(), PLAIN))
    file = tmp_path / f"{PLAIN}.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "ambiguity_margin": 1.0}))
    found = reembedding.outlook(current(), PLAIN)
    assert found.changes["right", "ambiguous"] > 0


def test_a_threshold_that_stays_is_told(known, others):
    services.set_threshold(current(), 0.5, actor=TESTER)
    ran = run("reembed", "--to", PLAIN)
    assert "The threshold 0.5 is the gallery's own: it stays" in ran.stdout


def test_who_may_not_be_matched_changes_nothing(known, others, settings):
    list(reembedding.stage(current(), PLAIN))
    services.update_user(current(), "barack", {"active": False}, actor=TESTER)
    assert sum(reembedding.outlook(current(), PLAIN).changes.values()) == 1
    settings.CONSENT_REQUIRED = True
    assert not reembedding.outlook(current(), PLAIN).changes
