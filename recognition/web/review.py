"""The review queue: what an audit found, to be settled by a person, each step to be undone."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from recognition.errors import RecognitionError
from recognition.findings import ALIKE, CONFUSABLE, NEARER, OUTLIER, POOR, ReviewStep
from recognition.models import Gallery
from recognition.services import review
from recognition.services.review import Listed
from recognition.web.base import ConsolePage, gallery_names, told

SHOWN, STEPS = 50, 10
ACTS = ("merge", "move", "set_aside", "not_same", "undo")
WHY = {
    ALIKE: gettext_lazy("%(person)s and %(other)s look like one person (similarity %(near)s)."),
    CONFUSABLE: gettext_lazy("%(person)s and %(other)s may be confused (similarity %(near)s)."),
    NEARER: gettext_lazy(
        "Reference %(number)s is nearer to %(other)s (%(near)s) than to the others of %(person)s "
        "(%(own)s)."
    ),
    OUTLIER: gettext_lazy(
        "Reference %(number)s is unlike the others of %(person)s (similarity %(own)s)."
    ),
    POOR: gettext_lazy("Reference %(number)s of %(person)s is hardly good enough."),
}


class SettleForm(forms.Form):
    act = forms.ChoiceField(choices=[(act, act) for act in ACTS])
    id = forms.IntegerField(min_value=1, max_value=2**63 - 1)
    keep = forms.CharField(required=False, max_length=128)
    reference = forms.CharField(required=False, max_length=36)


def why(listed: Listed) -> str:
    """Say what is suspicious; references by their numbers, as their pictures stand there."""
    finding = listed.finding
    values: dict[str, object] = {"person": listed.person, "other": listed.other, "number": 1}
    values |= {name: f"{getattr(finding, name) or 0:.3f}" for name in ("near", "own")}
    if len(finding.references) > 1:
        values["number"] = ", ".join(map(str, range(1, len(finding.references) + 1)))
    return WHY[finding.kind] % values


class ReviewPage(ConsolePage):
    """List the findings of a gallery, worst first, and do or undo one step."""

    permissions: ClassVar = {"GET": "change_subject", "POST": "change_subject"}
    section = "review"

    def get(self, request: HttpRequest) -> HttpResponse:
        gallery = self.gallery()
        found = review.queue(gallery)
        steps = ReviewStep.objects.filter(gallery=gallery)[:STEPS]
        return self.show(
            "review.html",
            gallery=gallery,
            galleries=gallery_names(),
            found=[(one, why(one)) for one in found[:SHOWN]],
            count=len(found),
            steps=steps,
        )

    def post(self, request: HttpRequest) -> HttpResponse:
        gallery, form = self.gallery(), SettleForm(request.POST)
        if not form.is_valid():
            raise RecognitionError("invalid_request", _("The form is not complete."))
        back = f"{reverse('console:review')}?{urlencode({'gallery': gallery.name})}"
        asked = form.cleaned_data
        return told(request, lambda: self.settle(gallery, asked), _("Done."), to=back)

    def settle(self, gallery: Gallery, asked: dict[str, Any]) -> None:
        """Do one step, or undo one."""
        if asked["act"] == "undo":
            review.undo(gallery, asked["id"], actor=self.actor)
            return
        finding = review.find_finding(gallery, asked["id"])
        if asked["act"] == "merge":
            review.merge(finding, keep=asked["keep"], actor=self.actor)
        elif asked["act"] == "not_same":
            review.not_same(finding, actor=self.actor)
        else:
            act = review.move if asked["act"] == "move" else review.set_aside
            act(finding, reference=asked["reference"], actor=self.actor)
