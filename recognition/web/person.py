"""A user's page: who it is, the references, what was decided, why somebody is not recognised."""

from __future__ import annotations

import json
from functools import partial
from itertools import islice
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.forms.fields import InvalidJSONInput
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from recognition import services
from recognition.errors import RecognitionError
from recognition.models import Subject
from recognition.services.diagnosing import Attempt, near_misses
from recognition.services.likeness import FEW, Judgement, Near, judge, nearest
from recognition.services.sightings import events_of
from recognition.web.base import ConsolePage, told
from recognition.web.consent import ConsentForm, as_shown
from recognition.web.events import Line, lines
from recognition.web.users import list_query, picture, place

HISTORY, NEAREST, MISSES = 30, 5, 10
READ = 1000  # newest decisions looked through for near misses: `diagnose` reads more
MOST_PAIRS = 10  # references whose similarities to each other are shown as a table
#: From which values on a face is called well lit, sharp (``pipeline/quality.py``) and, in degrees,
#: turned aside.
WELL_LIT, SHARP, ASIDE = 60, 0.8, 25


class PrettyJson(forms.JSONField):
    """JSON as people edit it: one member a line, letters as they are; again as it was typed."""

    def to_python(self, value: Any) -> Any:
        try:
            return super().to_python(value)
        except RecursionError:
            raise ValidationError(_("It is nested too deeply.")) from None

    def bound_data(self, data: Any, initial: Any) -> Any:
        return InvalidJSONInput(data or "")

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, InvalidJSONInput):
            return value
        text = json.dumps(value, indent=2, ensure_ascii=False)
        return text.encode(errors="backslashreplace").decode()  # half surrogates of before


class DetailsForm(forms.ModelForm):
    metadata = PrettyJson(
        required=False,
        label=gettext_lazy("Metadata"),
        help_text=gettext_lazy("A JSON object of your own, 8 KB at most."),
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "class": "code"}),
    )

    class Meta:
        model = Subject
        fields = ("display_name", "metadata", "active")
        labels: ClassVar = {
            "display_name": gettext_lazy("Display name"),
            "active": gettext_lazy("Active"),
        }

    def clean_metadata(self) -> dict[str, Any]:
        return self.cleaned_data["metadata"] or {}


def find(gallery: str, user_id: str) -> Subject:
    """Return a user by the names in an address, or raise what does not exist."""
    return services.find_user(services.find_gallery(gallery), user_id)


def address(gallery: str, user_id: str, request: HttpRequest) -> str:
    """Return where a person's page is, from which one gets back to the same part of the list."""
    query = urlencode(place(request.GET))
    page = reverse("console:user", args=[gallery, user_id])
    return f"{page}?{query}" if query else page


def changed(form: forms.ModelForm) -> dict[str, Any]:
    """Return what a valid form holds that is not stored yet."""
    return {name: form.cleaned_data[name] for name in form.changed_data}


class PersonPage(ConsolePage):
    permissions: ClassVar = {"GET": "view_subject", "POST": "change_subject"}
    section = "users"

    def get(self, request: HttpRequest, gallery: str, user_id: str) -> HttpResponse:
        user = services.view_user(services.find_gallery(gallery), user_id, actor=self.actor)
        return self._page(user)

    def post(self, request: HttpRequest, gallery: str, user_id: str) -> HttpResponse:
        """Store what was changed in the form."""
        user = find(gallery, user_id)
        form = DetailsForm(request.POST, instance=user)
        if not form.is_valid():
            return self._page(find(gallery, user_id), form=form, status=400)
        return self._store(user, changed(form), _("The details are stored."))

    def _store(self, user: Subject, changes: dict[str, Any], done: str) -> HttpResponse:
        to = address(user.gallery.name, user.user_id, self.request)
        if not changes:
            return told(self.request, lambda: None, _("Nothing was changed."), to=to)
        who = (user.gallery, user.user_id)
        act = partial(services.update_user, *who, changes, actor=self.actor)
        return told(self.request, act, done, to=to)

    def _page(self, user: Subject, *, status: int = 200, **refused: Any) -> HttpResponse:
        """Show the page; ``refused``: forms to be mended, by their names there."""
        references = list(
            user.references.in_use()
            .defer("sealed_crop", "sealed_context", "landmarks")
            .annotate(has_crop=Q(sealed_crop__isnull=False))
        )
        shown = {"form": DetailsForm(instance=user), "consent": ConsentForm(instance=user)}
        shown |= refused
        alike, people, unasked = self._nearest(user)
        judgement = judge(user, references, people=people)
        return self.show(
            "person.html",
            user=user,
            list=list_query(user.gallery.name, self.request.GET),
            **shown,
            judgement=judgement,
            cards=[card(number, one) for number, one in enumerate(judgement.references, 1)],
            pairs=len(references) in range(2, MOST_PAIRS + 1),
            hints=hints(user, judgement, alike),
            alike=alike,
            unasked=unasked,
            misses=self._misses(user),
            history=self._history(user),
            status=status,
        )

    def _nearest(self, user: Subject) -> tuple[list[Near], int, str]:
        """Return the nearest others, among how many, and why they cannot be asked for now."""
        try:
            return *nearest(user, limit=NEAREST), ""
        except RecognitionError as error:
            return [], Subject.objects.filter(gallery=user.gallery).count(), error.detail

    def _misses(self, user: Subject) -> list[Attempt]:
        """Return the newest decisions that nearly named this person."""
        if not self.request.user.has_perm("recognition.view_event"):
            return []
        return list(islice(near_misses(user.gallery, user, read=READ), MISSES))

    def _history(self, user: Subject) -> list[Line] | None:
        if not self.request.user.has_perm("recognition.view_event"):
            return None
        return lines(events_of(user, limit=HISTORY))


class ConsentPage(PersonPage):
    """Store on what ground somebody is known, and for how long."""

    def get(self, request: HttpRequest, gallery: str, user_id: str) -> HttpResponse:
        """Lead who reloads the address of the form back to it."""
        return HttpResponseRedirect(address(gallery, user_id, request))

    def post(self, request: HttpRequest, gallery: str, user_id: str) -> HttpResponse:
        """Store what was changed in the form."""
        user = find(gallery, user_id)
        form = ConsentForm(request.POST, instance=user)
        if not form.is_valid():
            return self._page(find(gallery, user_id), consent=form, status=400)
        changes = as_shown(changed(form), form.cleaned_data)
        return self._store(user, changes, _("Consent and retention are stored."))


class ExportView(ConsolePage):
    """Everything that is held on a person, as a ZIP for them."""

    permissions: ClassVar = {"GET": "change_subject"}

    def get(self, request: HttpRequest, gallery: str, user_id: str) -> HttpResponse:
        found = services.find_gallery(gallery)
        exported = services.export_person(found, user_id, actor=self.actor)
        answer = HttpResponse(exported, content_type="application/zip")
        answer["Content-Disposition"] = f'attachment; filename="{user_id}.zip"'
        return answer


def card(number: int, judged: Any) -> dict[str, Any]:
    """Return what is shown of one reference."""
    return {"number": number, "words": in_words(judged.reference.quality), "judged": judged}


def in_words(quality: dict[str, float]) -> str:
    """Return measured quality as a person says it."""
    if not quality:
        return _("not measured")
    light = _("well lit") if quality["brightness"] >= WELL_LIT else _("dim")
    sharp = _("sharp") if quality["sharpness"] >= SHARP else _("a little soft")
    aside = abs(quality["yaw"]) > ASIDE or abs(quality["pitch"]) > ASIDE
    pose = _("turned aside") if aside else _("facing the camera")
    return _("%(size)d px wide, %(sharp)s, %(light)s, %(pose)s") % {
        "size": quality["size"], "sharp": sharp, "light": light, "pose": pose,
    }  # fmt: skip


def hints(user: Subject, judgement: Judgement, alike: list[Near]) -> list[str]:
    """Return what stands in the way of recognising somebody, and what to do about it."""
    found = []
    if not user.active:
        found.append(_("This user is inactive and never matched. Make the user active again."))
    if settings.CONSENT_REQUIRED and not user.consent_valid:
        found.append(_("Without a valid consent this user is never matched. See below."))
    if not judgement.references:
        found.append(_("There is no reference to compare with. Add a photograph."))
    elif len(judgement.references) < FEW:
        found.append(
            _("There are few references. Add some of other days, in other light: with three of "
              "them a person is missed far less often than with one.")
        )  # fmt: skip
    return [*found, *_weak(judgement), *_poor(judgement), *_rival(judgement, alike)]


def _weak(judgement: Judgement) -> list[str]:
    if not judgement.is_at_odds:
        return []
    number = judgement.references.index(judgement.weakest) + 1
    values = {"number": number, "value": f"{judgement.weakest.others:.3f}"}
    values["threshold"] = f"{judgement.verify.threshold:.3f}"
    said = _("Reference %(number)s is unlike the others: %(value)s, where %(threshold)s would be "
             "the same person. If it shows somebody else, remove it.")  # fmt: skip
    return [said % values]


def _poor(judgement: Judgement) -> list[str]:
    said = _("Reference %(number)s: %(fault)s Replace it by a better one.")
    return [
        said % {"number": number, "fault": fault.detail}
        for number, one in enumerate(judgement.references, 1)
        for fault in one.faults
    ]


def _rival(judgement: Judgement, alike: list[Near]) -> list[str]:
    if not alike or not judgement.identify.accepts(alike[0].similarity):
        return []
    values = {"name": alike[0].subject.user_id, "value": f"{alike[0].similarity:.3f}"}
    said = _("%(name)s is so much alike (%(value)s) that answers are ambiguous. Are they one "
             "person, registered twice?")  # fmt: skip
    return [said % values]


class ReferencePage(ConsolePage):
    """Ask whether one reference shall be erased, then erase it."""

    permissions: ClassVar = {"GET": "delete_subject", "POST": "delete_subject"}
    section = "users"

    def get(
        self, request: HttpRequest, gallery: str, user_id: str, reference_id: str
    ) -> HttpResponse:
        user = find(gallery, user_id)
        reference = services.find_reference(user, reference_id)
        last = not user.references.in_use().exclude(pk=reference.pk).exists()
        back = address(gallery, user_id, request)
        return self.show("reference.html", user=user, reference=reference, last=last, back=back)

    def post(
        self, request: HttpRequest, gallery: str, user_id: str, reference_id: str
    ) -> HttpResponse:
        user = find(gallery, user_id)
        return told(
            request,
            lambda: services.delete_reference(
                user.gallery, user_id, reference_id, actor=self.actor
            ),
            _("The reference is erased."),
            to=address(gallery, user_id, request),
        )


class CropView(ConsolePage):
    """The part of the photograph that a reference was made from; a silhouette if not kept."""

    permissions: ClassVar = {"GET": "view_subject"}

    def get(
        self, request: HttpRequest, gallery: str, user_id: str, reference_id: str
    ) -> HttpResponse:
        user = services.view_user(services.find_gallery(gallery), user_id, actor=self.actor)
        return picture(services.find_reference(user, reference_id))
