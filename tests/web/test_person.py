"""A user's page, without JavaScript."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile

from recognition import runtime, services
from recognition.decisions import Wanted
from recognition.errors import RecognitionError
from recognition.models import Event, Gallery, Reference, Subject
from recognition.web.person import in_words
from tests.conftest import TESTER, queries

BARACK = "/console/users/default/barack"
HOSTILE = '<img src=x onerror="alert(1)">'


@pytest.fixture
def barack(register) -> Subject:
    register("barack", "obama", display_name="Barack Obama", metadata={"floor": 3})
    return Subject.objects.get(user_id="barack")


def shown(client, path: str = BARACK) -> str:
    return client.get(path).content.decode()


def test_the_page_shows_details_references_and_history(operator, barack):
    page = shown(operator)
    assert "<h1>Barack Obama</h1>" in page
    assert "&quot;floor&quot;: 3" in page
    assert f"/console/users/default/barack/references/{barack.references.get().pk}/crop" in page
    assert "168 px wide, sharp, well lit, facing the camera" in page
    assert "register" in page


def test_the_details_are_changed_by_the_service(operator, barack):
    form = {"display_name": "B. Obama", "metadata": '{"floor": 4}'}
    page = operator.post(BARACK, form, follow=True).content.decode()
    barack.refresh_from_db()
    assert (barack.display_name, barack.metadata) == ("B. Obama", {"floor": 4})
    assert not barack.active
    assert "The details are stored." in page
    assert Event.objects.filter(act="update", actor="user:operator").count() == 1


def test_saving_without_a_change_writes_nothing(operator, barack):
    form = {"display_name": "Barack Obama", "metadata": '{"floor":3}', "active": "on"}
    page = operator.post(BARACK, form, follow=True).content.decode()
    assert "Nothing was changed." in page
    assert not Event.objects.filter(act="update").exists()


@pytest.mark.parametrize("text", ["{", "[1]", "5", '"x"', '{"a": NaN}', '{"a": "\\u0000"}']
                         + ['{"a": "\\ud800"}', '{"\\udfff": 1}', '"\\ud800"']
                         + [pytest.param("[" * 100_000, id="deep")])  # fmt: skip
def test_odd_metadata_is_refused_at_its_field_and_stays_to_be_mended(operator, barack, text):
    answer = operator.post(BARACK, {"display_name": "x", "metadata": text})
    assert answer.status_code == 400
    assert list(answer.context["form"].errors) == ["metadata"]
    assert answer.context["form"]["metadata"].value() == text
    barack.refresh_from_db()
    assert barack.metadata == {"floor": 3}


def test_photographs_are_added_from_the_page(operator, barack, photos):
    upload = photos.upload("obama2")
    file = SimpleUploadedFile(upload.name, upload.data)
    form = {"user_id": "barack", "gallery": "default", "file": file}
    page = operator.post("/console/register", form).content.decode()
    assert f'href="{BARACK}"' in page
    assert barack.references.count() == 2


def test_a_reference_is_removed_after_a_question(operator, register, barack):
    register("barack", "obama2")
    doomed = barack.references.first()
    path = f"{BARACK}/references/{doomed.pk}"
    assert "Remove this reference of Barack Obama?" in shown(operator, path)
    assert "The reference is erased." in operator.post(path, follow=True).content.decode()
    assert doomed not in barack.references.all()


def test_removing_the_last_reference_in_use_says_so(operator, register, barack):
    path = f"{BARACK}/references/{barack.references.get().pk}"
    register("barack", "obama2")
    assert "never matched" not in shown(operator, path)
    Reference.objects.filter(pk=barack.references.last().pk).update(aside=True)
    page = shown(operator, path)
    assert "without any, this user is never matched" in page


@pytest.mark.parametrize("reference", ["no-uuid", "00000000-0000-4000-8000-000000000000"])
@pytest.mark.parametrize("page", ["", "/crop"])
def test_a_reference_that_is_not_there_is_said_in_words(operator, barack, reference, page):
    answer = operator.get(f"{BARACK}/references/{reference}{page}")
    assert answer.status_code == 404
    assert "has no such reference" in answer.content.decode()


@pytest.mark.parametrize("path", ["default/joe", "nowhere/barack", "default/%00"])
def test_a_person_who_is_not_there_is_said_in_words(operator, barack, path):
    answer = operator.get(f"/console/users/{path}")
    assert answer.status_code == 404
    assert "<h1>" in answer.content.decode()


def test_the_crop_is_the_reference_s(operator, barack):
    answer = operator.get(f"{BARACK}/references/{barack.references.get().pk}/crop")
    assert answer.content == bytes(barack.references.get().crop)


def test_the_history_holds_verifications_and_identifications(operator, barack, gallery, photos):
    services.identify(gallery, photos.upload("obama2"), actor=TESTER)
    services.identify(gallery, photos.upload("astronaut"), actor=TESTER)
    history = operator.get(BARACK).context["history"]
    assert [line.event.act for line in history] == ["identify", "register"]
    assert history[0].similarity > history[0].threshold


def test_attempts_that_were_near_are_shown_with_their_decision(operator, barack, gallery, photos):
    photo = photos.upload("obama3")
    best = services.identify(gallery, photo, actor=TESTER).matches[0].similarity
    wanted = Wanted(threshold=best + 0.02)
    services.identify(gallery, photo, wanted=wanted, actor=TESTER)
    page = operator.get(BARACK)
    [miss] = page.context["misses"]
    assert (miss.act, miss.threshold) == ("identify", pytest.approx(best + 0.02, abs=1e-5))
    assert f'href="/console/decisions/{miss.decision_id}"' in page.content.decode()


def test_a_stranger_among_the_references_is_named_as_the_reason(operator, register, barack):
    register("barack", "obama2", "biden")
    page = shown(operator)
    assert "Reference 3 is unlike the others" in page


def test_a_reference_of_a_former_embedder_is_not_compared(operator, register, barack):
    register("barack", "obama2")
    former = Reference.objects.first()
    Reference.objects.filter(pk=former.pk).update(embedder="facenet-vggface2")
    assert len(operator.get(BARACK).context["cards"]) == 1


def test_a_twin_is_named_as_the_reason(operator, register, barack):
    register("bob", "obama2")
    assert "bob is so much alike" in shown(operator)


def test_the_inactive_without_a_face_are_told_why_nobody_matches_them(operator, gallery):
    Subject.objects.create(gallery=gallery, user_id="eve", display_name=HOSTILE, active=False)
    page = shown(operator, "/console/users/default/eve")
    assert "This user is inactive" in page and "There is no reference" in page
    assert HOSTILE not in page and "&lt;img src=x" in page


def test_the_page_is_there_while_the_index_is_not(operator, barack, monkeypatch):
    def lost(gallery: Gallery) -> None:
        raise RecognitionError("not_ready", "The index is being loaded.")

    monkeypatch.setattr(runtime, "index", lost)
    assert "The index is being loaded." in shown(operator)


def test_more_references_take_no_more_queries(operator, register, barack):
    one = queries(operator, BARACK)
    register("barack", "obama2", "obama3")
    assert queries(operator, BARACK) == one <= 20


def test_a_viewer_looks_and_is_offered_nothing_else(viewer, barack):
    page = shown(viewer)
    assert "Metadata" in page and "History" in page
    for word in ("Save", "Add photographs", "Remove", "Unregister"):
        assert word not in page


@pytest.mark.parametrize(
    ("changes", "word"),
    [({"brightness": 30}, "dim"), ({"sharpness": 0.6}, "a little soft"), ({"yaw": -40}, "aside")],
)
def test_quality_is_put_into_words(changes, word):
    quality = {"size": 90.4, "sharpness": 1, "brightness": 120, "yaw": 0, "pitch": 0, "roll": 0}
    assert word in in_words({**quality, **changes})


def test_a_reference_that_was_never_measured_is_shown(operator, barack):
    barack.references.update(quality={}, box={}, landmarks={})
    assert "not measured" in shown(operator)


def test_a_viewer_reads_the_lawful_basis_in_words(viewer, gallery):
    gallery.subjects.create(user_id="ada", lawful_basis="legal_obligation")
    page = viewer.get("/console/users/default/ada").content.decode()
    assert "<dd>legal obligation</dd>" in page


def test_what_was_decided_is_for_those_who_may_see_events(
    client, django_user_model, barack, gallery, photos
):
    wanted = Wanted(threshold=0.9999)
    services.identify(gallery, photos.upload("obama3"), wanted=wanted, actor=TESTER)
    user = django_user_model.objects.create_user("clerk", password="x", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_subject"))
    client.force_login(user)
    shown = client.get(BARACK).context
    assert (shown["history"], shown["misses"]) == (None, [])
