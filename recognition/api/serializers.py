"""What calls answer; each serializer reads one result of ``recognition.services``."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from recognition.decisions import AMBIGUOUS, MATCH, NOT_SEARCHED, SOURCES, UNKNOWN, Policy
from recognition.pipeline.detect import MAX_FACES
from recognition.pipeline.types import LANDMARKS, Face, Quality
from recognition.services.registration import refusal
from recognition.services.results import Identification, Registration, Rejected

PIXEL_PLACES, MEASURE_PLACES, SIMILARITY_PLACES = 1, 4, 6
POINT = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}


@cache
def _made(kind: type[serializers.Serializer]) -> serializers.Serializer:
    return kind()


def shown(kind: type[serializers.Serializer], result: Any) -> dict[str, Any]:
    """Return ``result`` as ``kind`` shows it; one serializer serves all, and keeps nothing.

    A new one makes all its fields anew: a millisecond in which no other thread runs.
    """
    return dict(_made(kind).to_representation(result))


class Rounded(serializers.FloatField):
    """A float with as many decimals as mean something."""

    def __init__(self, places: int = SIMILARITY_PLACES, **options: Any) -> None:
        self.places = places
        super().__init__(**options)

    def to_representation(self, value: Any) -> float:
        return round(float(value), self.places)


class BoxSerializer(serializers.Serializer):
    x = Rounded(PIXEL_PLACES)
    y = Rounded(PIXEL_PLACES)
    width = Rounded(PIXEL_PLACES)
    height = Rounded(PIXEL_PLACES)


class QualitySerializer(serializers.Serializer):
    """Every measured value of ``pipeline.types.Quality``."""

    def get_fields(self) -> dict[str, serializers.Field]:
        return {field.name: Rounded(MEASURE_PLACES) for field in fields(Quality)}


class FaceSerializer(serializers.Serializer):
    """One face, in pixels of the upright picture."""

    box = BoxSerializer()
    landmarks = serializers.SerializerMethodField()
    detection_probability = Rounded(MEASURE_PLACES, source="detection.probability")
    quality = QualitySerializer()

    @extend_schema_field(
        {
            "type": "object",
            "properties": dict.fromkeys(LANDMARKS, POINT),
            "required": list(LANDMARKS),
        }
    )
    def get_landmarks(self, face: Face) -> dict[str, list[float]]:
        points = face.detection.landmarks.tolist()
        return {
            name: [round(x, PIXEL_PLACES), round(y, PIXEL_PLACES)]
            for name, (x, y) in zip(LANDMARKS, points, strict=True)
        }


class AcceptedSerializer(serializers.Serializer):
    index = serializers.IntegerField()
    filename = serializers.CharField()
    reference_id = serializers.CharField(help_text="Empty on a dry run.")
    new = serializers.BooleanField(help_text="False: this user has the picture already.")
    face = FaceSerializer()


class RejectedSerializer(serializers.Serializer):
    """A picture that was refused, and what to do about it."""

    index = serializers.IntegerField()
    filename = serializers.CharField()
    code = serializers.CharField()
    detail = serializers.CharField()
    measured = serializers.JSONField()
    limit = serializers.JSONField()
    hint = serializers.CharField()

    def to_representation(self, rejected: Rejected) -> dict[str, Any]:
        return refusal(rejected)


class DuplicateSerializer(serializers.Serializer):
    user_id = serializers.CharField()
    similarity = Rounded()


class RegistrationSerializer(serializers.Serializer):
    user_id = serializers.CharField()
    message = serializers.SerializerMethodField()
    dry_run = serializers.BooleanField()
    accepted = AcceptedSerializer(many=True)
    rejected = RejectedSerializer(many=True)
    possible_duplicates = DuplicateSerializer(many=True)
    duplicates_checked = serializers.BooleanField(
        help_text="False: Milvus could not be asked for possible_duplicates."
    )
    total_references = serializers.IntegerField()
    model = serializers.CharField()

    def get_message(self, done: Registration) -> str:
        taken = f"{len(done.accepted)} of {len(done.accepted) + len(done.rejected)} images"
        if done.dry_run:
            return f"Nothing was changed; {taken} can be used for {done.user_id}."
        return f"{done.user_id} is registered: {taken} accepted."


class LivenessSerializer(serializers.Serializer):
    checked = serializers.BooleanField(
        help_text="False: a photograph held before the camera passes."
    )


def threshold() -> Rounded:
    """Return the field for the limit of a decision."""
    return Rounded(source="policy.threshold")


def threshold_source() -> serializers.ChoiceField:
    """Return the field for where that limit comes from."""
    said = (
        "request_target, gallery_target: an error rate that was asked for; calibration: the error "
        "rate of the settings; not_measured: the error rates of this embedder are not known."
    )
    return serializers.ChoiceField(SOURCES, source="policy.source", help_text=said)


EXPECTED = (
    "Measured by the calibration for people with so many references; null where nothing was "
    "measured. Those with more are missed less often."
)


class ExpectedRatesSerializer(serializers.Serializer):
    """Error rates 1:1 at the threshold."""

    fmr = serializers.FloatField(help_text="Share of strangers taken for the person.")
    fnmr = serializers.FloatField(help_text="Share of rightful claims refused.")
    references = serializers.IntegerField()


class ExpectedSearchSerializer(serializers.Serializer):
    """Error rates 1:N at the threshold."""

    fpir = serializers.FloatField(help_text="Share of strangers who are named.")
    fnir = serializers.FloatField(help_text="Share of known people who are not.")
    references = serializers.IntegerField()


class GroundsSerializer(serializers.Serializer):
    """What a decision rests on."""

    threshold = threshold()
    threshold_source = threshold_source()
    expected = serializers.SerializerMethodField()
    calibration = serializers.SerializerMethodField()
    warning = serializers.SerializerMethodField()
    decision_id = serializers.IntegerField(help_text="For GET /decisions/{id}.")

    @extend_schema_field(ExpectedRatesSerializer(allow_null=True, help_text=EXPECTED))
    def get_expected(self, done: Any) -> dict[str, float | int] | None:
        return _rounded(done.policy)

    def get_calibration(self, done: Any) -> str | None:
        calibration = done.policy.calibration
        return calibration.id if calibration and calibration.measured else None

    def get_warning(self, done: Any) -> str | None:
        return done.policy.warning()


def _rounded(policy: Policy) -> dict[str, float | int] | None:
    """Return the expected rates with as many digits as mean something."""
    rates = policy.expected()
    if rates is None:
        return None
    return {name: float(f"{v:.3g}") if isinstance(v, float) else v for name, v in rates.items()}


class VerificationSerializer(GroundsSerializer):
    user_id = serializers.CharField()
    verified = serializers.BooleanField()
    similarity = Rounded(allow_null=True, help_text="Null where there is nothing to compare with.")
    reason = serializers.CharField()
    face = FaceSerializer(source="seen.face")
    face_index = serializers.IntegerField(source="seen.index")
    faces_found = serializers.IntegerField(source="seen.found")
    liveness = serializers.SerializerMethodField()
    model = serializers.CharField()

    @extend_schema_field(LivenessSerializer)
    def get_liveness(self, _verification: Any) -> dict[str, bool]:
        return {"checked": False}


class ComparisonSerializer(GroundsSerializer):
    verified = serializers.BooleanField()
    similarity = Rounded()
    faces = serializers.SerializerMethodField()
    faces_found = serializers.SerializerMethodField()
    model = serializers.CharField()

    @extend_schema_field(FaceSerializer(many=True))
    def get_faces(self, comparison: Any) -> list[dict[str, Any]]:
        return [shown(FaceSerializer, seen.face) for seen in comparison.seen]

    def get_faces_found(self, comparison: Any) -> list[int]:
        return [seen.found for seen in comparison.seen]


class MatchSerializer(serializers.Serializer):
    user_id = serializers.CharField()
    display_name = serializers.CharField()
    similarity = Rounded()
    threshold = Rounded(help_text="What this person must reach: more with more references.")


class ConflictSerializer(serializers.Serializer):
    """One person named for several faces of a picture: a mirror, a collage, or a mistake."""

    user_id = serializers.CharField()
    faces = serializers.ListField(child=serializers.IntegerField())


class IdentifiedSerializer(serializers.Serializer):
    face = FaceSerializer()
    status = serializers.ChoiceField(
        [MATCH, AMBIGUOUS, UNKNOWN, NOT_SEARCHED], source="decision.status"
    )
    reason = serializers.CharField(source="decision.reason")
    margin = Rounded(
        source="decision.margin",
        allow_null=True,
        help_text="Lead of the first who is named over the next; null where nobody else is near.",
    )
    matches = MatchSerializer(many=True, help_text="People at or above the threshold, best first.")
    candidates = MatchSerializer(many=True, help_text="The nearest people, where asked for.")


class IdentificationSerializer(GroundsSerializer):
    faces = IdentifiedSerializer(many=True, help_text=f"Largest first, {MAX_FACES} at most.")
    matches = MatchSerializer(many=True, help_text="Those of the principal face.")
    principal = serializers.IntegerField(allow_null=True, help_text="Its place in `faces`.")
    total_registered_faces = serializers.IntegerField(source="people")
    conflicts = ConflictSerializer(many=True)
    message = serializers.SerializerMethodField()
    model = serializers.CharField()
    timings_ms = serializers.DictField(child=serializers.FloatField())

    @extend_schema_field(ExpectedSearchSerializer(allow_null=True, help_text=EXPECTED))
    def get_expected(self, done: Any) -> dict[str, float | int] | None:
        return _rounded(done.policy)

    def get_message(self, found: Identification) -> str:
        if not found.faces:
            return "No face was found."
        statuses = [face.decision.status for face in found.faces]
        said = [f"{statuses.count(kind)} {kind}" for kind in dict.fromkeys(statuses)]
        faces = "1 face" if len(statuses) == 1 else f"{len(statuses)} faces"
        more = " There may be more: no more are looked at." if len(statuses) >= MAX_FACES else ""
        return f"{faces}: {', '.join(said).replace('_', ' ')}.{more}"


class FaultSerializer(serializers.Serializer):
    """One thing that is wrong with a face, and what to do about it."""

    code = serializers.CharField()
    reason = serializers.CharField(help_text="The measured value of `quality` that is not enough.")
    detail = serializers.CharField()
    measured = Rounded(MEASURE_PLACES)
    limit = Rounded(MEASURE_PLACES)
    hint = serializers.CharField()


class LookedSerializer(FaceSerializer):
    """A face with what is wrong with it: nothing where it can be registered and searched."""

    faults = FaultSerializer(many=True)

    def to_representation(self, looked: Any) -> dict[str, Any]:
        faults = [shown(FaultSerializer, fault) for fault in looked.faults]
        return {**shown(FaceSerializer, looked.face), "faults": faults}


class SizeSerializer(serializers.Serializer):
    """How large a picture is when it is upright, in pixels."""

    width = serializers.IntegerField()
    height = serializers.IntegerField()


class DetectionSerializer(serializers.Serializer):
    picture = SizeSerializer(source="*")
    faces = LookedSerializer(many=True, help_text=f"Largest first, {MAX_FACES} at most.")
