"""The fields in which a page asks on what ground somebody is known, and for how long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from recognition.consent import BASES, CONSENT, CONSENT_FIELDS, DATES, UNSET
from recognition.errors import RecognitionError
from recognition.labels import FIELDS, label
from recognition.models import Subject

EMPTY = ("", None, UNSET)


def date_input() -> forms.DateInput:
    """Return a field for a day, as browsers have it."""
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class ConsentForm(forms.ModelForm):
    class Meta:
        model = Subject
        fields = CONSENT_FIELDS
        widgets: ClassVar = {name: date_input() for name in DATES}
        labels: ClassVar = {name: FIELDS[name] for name in CONSENT_FIELDS}
        help_texts: ClassVar = {
            "lawful_basis": "",
            "consent_version": gettext_lazy("Which text was agreed to."),
            "consent_given": gettext_lazy("Left empty: the day on which you choose consent."),
            "consent_expires": gettext_lazy("The last day. Left empty: until it is withdrawn."),
            "retain_until": gettext_lazy("The last day; the person is erased after it."),
        }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        given, expires = cleaned.get("consent_given"), cleaned.get("consent_expires")
        if given and expires and expires < given:
            self.add_error("consent_expires", _("Consent cannot end before it was given."))
        return cleaned


class SaidForm(ConsentForm):
    """The same beside photographs: a basis that is not chosen is not sent.

    Sent as ``unset`` it would take back the consent of somebody who gets a further photograph.
    """

    lawful_basis = forms.ChoiceField(
        required=False,
        label=FIELDS["lawful_basis"],
        choices=[("", gettext_lazy("as it was, or unset")), *BASES[1:]],
    )


def as_shown(changes: dict[str, Any], form: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``changes``; consent given anew is of the day in the form, of today if it is empty."""
    if changes.get("lawful_basis") != CONSENT:
        return changes
    others = {name: value for name, value in changes.items() if name != "consent_given"}
    given = form["consent_given"]
    return {**others, "consent_given": given} if given else others


def read(sent: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was filled in. Raises ``invalid_request``."""
    texts = {name: str(value) for name, value in sent.items() if name in CONSENT_FIELDS}
    # Half surrogates, which JSON may hold and no database can, become question marks.
    form = SaidForm({name: text.encode(errors="replace").decode() for name, text in texts.items()})
    if not form.is_valid():
        errors = {name: [str(one) for one in said] for name, said in form.errors.items()}
        said = " ".join(f"{label(FIELDS, name)}: {' '.join(one)}" for name, one in errors.items())
        raise RecognitionError("invalid_request", said, errors=errors)
    return {name: value for name, value in form.cleaned_data.items() if value not in EMPTY}
