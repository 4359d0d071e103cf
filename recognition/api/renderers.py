"""How answers are written: JSON for programs, DRF's browsable pages for browsers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rest_framework.exceptions import APIException
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, BrowsableAPIRenderer
from rest_framework.request import Request


class Negotiation(DefaultContentNegotiation):
    """Answer in the first format, JSON, where nothing that is asked for can be had.

    A client that wants ``image/*`` or ``application/problem+json`` is better served by an answer
    than by 406.
    """

    def select_renderer(
        self, request: Request, renderers: Sequence[BaseRenderer], format_suffix: Any = None
    ) -> tuple[BaseRenderer, str]:
        try:
            return super().select_renderer(request, renderers, format_suffix)
        except APIException:
            return renderers[0], renderers[0].media_type


class BrowsableRenderer(BrowsableAPIRenderer):
    """DRF's pages, with a JSON body to start from whose pictures are base64."""

    def get_raw_data_form(self, data: Any, view: Any, method: str, request: Request) -> Any:
        form = super().get_raw_data_form(data, view, method, request)
        example = getattr(view, "forms", {}).get(method)
        if form is not None and example is not None:
            form.initial["_content"] = json.dumps(example.json_template(), indent=2)
        return form
