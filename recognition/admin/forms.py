"""The forms that take photographs; what is refused is shown at their file field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from recognition.consent import CONSENT_FIELDS, DATES
from recognition.labels import advised
from recognition.models import Subject
from recognition.services.results import Upload
from recognition.web.consent import EMPTY, date_input
from recognition.web.person import PrettyJson


class SeveralFiles(forms.FileInput):
    allow_multiple_selected = True


class Photographs(forms.FileField):
    """1 to 10 files; whether they are photographs is judged by ``services`` alone."""

    widget = SeveralFiles(attrs={"accept": "image/*,.heic,.heif"})

    def __init__(self) -> None:
        most = settings.MAX_IMAGES
        said = gettext_lazy("1 to {most} files; each shows the person's face, sharp and well lit.")
        super().__init__(allow_empty_file=True, help_text=format_lazy(said, most=most))

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        files = [super(Photographs, self).clean(file, initial) for file in data or [None]]
        if len(files) > settings.MAX_IMAGES:
            raise ValidationError(
                _("%(most)d photographs at most.") % {"most": settings.MAX_IMAGES}
            )
        return files


class WithPhotographs(forms.BaseForm):
    """What both forms below can do with their photographs."""

    def uploads(self) -> list[Upload]:
        """Return the photographs as ``services`` take them."""
        return [Upload(file.name, file.read()) for file in self.cleaned_data["photographs"]]

    def refuse(self, rejected: Iterable[Mapping[str, Any]]) -> None:
        """Show at the field which photographs were refused, why, and what to do."""
        for picture in rejected:
            about = f"{picture['filename']}: " if picture["filename"] else ""
            text = f"{about}{picture['detail']} {advised(picture['hint'])}"
            self.add_error("photographs", ValidationError(text, code=picture["code"]))


class SubjectForm(WithPhotographs, forms.ModelForm):
    """A new person; the person's photographs make the references."""

    photographs = Photographs()

    class Meta:
        model = Subject
        fields = ("gallery", "user_id", "display_name", "metadata", *CONSENT_FIELDS)
        widgets: ClassVar = {name: date_input() for name in DATES}
        field_classes: ClassVar = {"metadata": PrettyJson}

    def consent(self) -> dict[str, Any]:
        """Return what was filled in of basis, consent and retention."""
        sent = {name: self.cleaned_data[name] for name in CONSENT_FIELDS}
        return {name: value for name, value in sent.items() if value not in EMPTY}


class PhotographsForm(WithPhotographs, forms.Form):
    """Further photographs of somebody who is registered."""

    photographs = Photographs()
