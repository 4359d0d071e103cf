"""What calls about who is known answer: users, references, galleries, erasures."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from recognition.api.serializers import MEASURE_PLACES, BoxSerializer, QualitySerializer, Rounded
from recognition.consent import CONSENT_FIELDS
from recognition.models import Gallery, Reference, Subject


class ReferenceSerializer(serializers.ModelSerializer):
    """A reference as people may see it: never its embedding."""

    reference_id = serializers.UUIDField(source="id")
    box = BoxSerializer()
    quality = QualitySerializer()
    detection_probability = Rounded(MEASURE_PLACES)
    model = serializers.CharField(source="embedder")
    has_crop = serializers.BooleanField()

    class Meta:
        model = Reference
        fields = (
            "reference_id",
            "created",
            "box",
            "quality",
            "detection_probability",
            "model",
            "has_crop",
        )


class ListedUserSerializer(serializers.ModelSerializer):
    """A user in the list."""

    total_references = serializers.IntegerField(source="reference_count")
    metadata = serializers.DictField()
    consent_valid = serializers.BooleanField(
        help_text="Whether consent was given and holds today, whatever CONSENT_REQUIRED says."
    )

    class Meta:
        model = Subject
        fields = (
            "user_id",
            "display_name",
            "metadata",
            "active",
            *CONSENT_FIELDS,
            "consent_valid",
            "total_references",
            "created",
            "updated",
        )


class UserSerializer(ListedUserSerializer):
    """A user with the references."""

    status = serializers.SerializerMethodField()
    gallery = serializers.CharField(source="gallery.name")
    references = serializers.SerializerMethodField()

    class Meta:
        model = Subject
        fields = ("status", "gallery", *ListedUserSerializer.Meta.fields, "references")

    @extend_schema_field(serializers.ChoiceField(["registered"]))
    def get_status(self, _subject: Subject) -> str:
        return "registered"

    @extend_schema_field(ReferenceSerializer(many=True))
    def get_references(self, subject: Subject) -> list[dict[str, Any]]:
        references = subject.references.annotate(has_crop=Q(sealed_crop__isnull=False))
        return ReferenceSerializer(
            references.defer("sealed_embedding", "sealed_crop", "sealed_context"), many=True
        ).data


class UsersPageSerializer(serializers.Serializer):
    """One page of users by user_id."""

    count = serializers.IntegerField()
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = ListedUserSerializer(many=True)


class CountsSerializer(serializers.Serializer):
    """How much was erased."""

    subjects = serializers.IntegerField()
    references = serializers.IntegerField()
    crops = serializers.IntegerField()
    templates = serializers.IntegerField()

    def to_representation(self, erased: Any) -> dict[str, int]:
        return erased.counts


class ErasedSerializer(serializers.Serializer):
    erased = CountsSerializer()


class ReceiptSerializer(serializers.Serializer):
    """Proof of an erasure; it names nobody."""

    id = serializers.UUIDField()
    time = serializers.DateTimeField()
    user_hash = serializers.CharField(
        help_text="HMAC-SHA-256 of gallery and user_id under a key of this installation."
    )
    counts = serializers.DictField(child=serializers.IntegerField())


class UnregisteredSerializer(ErasedSerializer):
    message = serializers.CharField()
    user_id = serializers.CharField()
    receipt = ReceiptSerializer()


class GallerySerializer(serializers.ModelSerializer):
    users = serializers.IntegerField()
    model = serializers.CharField(source="embedder", help_text="Empty: no reference yet.")

    class Meta:
        model = Gallery
        fields = ("name", "users", "model", "threshold", "target_fmr", "target_fpir", "created")
