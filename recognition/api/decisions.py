"""The call that tells why: one decision, with what it rested on."""

from __future__ import annotations

from typing import ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from recognition.api import permissions
from recognition.api.base import ApiView
from recognition.api.forms import Form
from recognition.api.schema import documented
from recognition.api.serializers import Rounded, shown
from recognition.api.throttling import limited
from recognition.services.explaining import explain, find_decision, gallery_of, no_decision


class ExplainedCandidateSerializer(serializers.Serializer):
    user_id = serializers.CharField(allow_null=True, help_text="Null: erased since.")
    similarity = Rounded()
    threshold = Rounded(help_text="What this person had to reach.")
    references = serializers.IntegerField(allow_null=True)
    why = serializers.CharField()


class ExplainedFaceSerializer(serializers.Serializer):
    status = serializers.CharField()
    reason = serializers.CharField()
    margin = Rounded(allow_null=True)
    quality = serializers.DictField(child=serializers.FloatField())
    candidates = ExplainedCandidateSerializer(many=True)


class ExplanationSerializer(serializers.Serializer):
    """Why a decision fell as it did."""

    decision_id = serializers.IntegerField()
    time = serializers.DateTimeField()
    act = serializers.CharField()
    gallery = serializers.CharField()
    outcome = serializers.CharField()
    request_id = serializers.CharField()
    user_id = serializers.CharField(allow_null=True, help_text="Whom a verification was about.")
    explanation = serializers.ListField(child=serializers.CharField())
    grounds = serializers.DictField(help_text="Threshold, its source, rates, versions.")
    faces = ExplainedFaceSerializer(many=True, help_text="Those of an identification.")


class DecisionView(ApiView):
    """Show why a decision of `/verify`, `/compare` or `/identify` fell as it did."""

    rules: ClassVar = {"GET": permissions.READ}
    forms: ClassVar = {"GET": Form}

    @documented("explain_decision", Form, {200: ExplanationSerializer}, errors=("not_found",))
    @limited
    def get(self, request: Request, decision_id: str) -> Response:
        self.sent()
        event = find_decision(decision_id)
        if not permissions.may_use(request, gallery_of(event)):
            raise no_decision()  # to count ids up must not tell what galleries there are
        return Response(shown(ExplanationSerializer, explain(event)))
