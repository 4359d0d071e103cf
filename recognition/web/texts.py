"""What the scripts of pages say: Django's catalogue, and advice where a hint is for programs."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext
from django.views.i18n import JavaScriptCatalog

from recognition.errors import FOR_PEOPLE


class Texts(JavaScriptCatalog):
    """The catalogue, with ``advice``: what to show instead of a hint that the API has for programs.

    By hint and not by code: refusals of single pictures, and hints of one refusal alone, come by
    the same road.
    """

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        response = super().render_to_response(context, **kwargs)
        advice = {hint: gettext(said) for hint, said in FOR_PEOPLE.items()}
        response.write(f"globalThis.advice = {json.dumps(advice)};\n")
        return response
