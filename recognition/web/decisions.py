"""The page that tells why one decision fell as it did."""

from __future__ import annotations

from typing import ClassVar

from django.http import HttpRequest, HttpResponse

from recognition.services.explaining import explain, find_decision
from recognition.web.base import ConsolePage, require


class DecisionPage(ConsolePage):
    """Show the candidates of a decision, their thresholds, and a sentence on each."""

    permissions: ClassVar = {"GET": "view_event"}
    section = "activity"

    def get(self, request: HttpRequest, decision_id: str) -> HttpResponse:
        require(request, "view_subject")  # it names people, too
        return self.show("decision.html", told=explain(find_decision(decision_id)))
