"""What the database holds: the truth that every index, cache and page is derived from."""

from __future__ import annotations

import re
import secrets
import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar, TypeVar

import numpy as np
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import connection, models
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from recognition import vault
from recognition.consent import Lawful, Retaining
from recognition.event_models import AuditState as AuditState  # Django looks for models here
from recognition.event_models import Erasure as Erasure
from recognition.event_models import Event as Event
from recognition.event_models import Sighting as Sighting
from recognition.event_models import Suppression as Suppression
from recognition.findings import Finding as Finding
from recognition.findings import ReviewStep as ReviewStep
from recognition.import_models import Import as Import
from recognition.key_models import SCOPES as SCOPES
from recognition.key_models import ApiKey as ApiKey
from recognition.key_models import all_scopes as all_scopes
from recognition.metadata import METADATA_DEPTH as METADATA_DEPTH
from recognition.metadata import validate_metadata as validate_metadata
from recognition.pipeline.types import Floats
from recognition.sealing import label, seal, unseal, unseal_any

T = TypeVar("T")

GALLERY_NAME = re.compile(r"\A[a-z0-9_-]{1,64}\Z")
USER_ID = re.compile(r"\A[A-Za-z0-9][A-Za-z0-9._@-]{0,127}\Z")
USER_ID_RULE = "1 to 128 characters out of A-Z a-z 0-9 . _ - @, the first a letter or a digit"
DEFAULT_GALLERY = "default"
LEAST_RATE, GREATEST_RATE = 1e-9, 0.5  # error rates that can be asked for
IN_LIMIT = 500  # values in one IN (...); SQLite takes 999 parameters where it was built long ago
# Any constant does that no other application takes in the same database.
WRITE_LOCK = 0x0FACE517E


def in_parts(values: Iterable[T]) -> Iterator[list[T]]:
    """Yield ``values`` in lists that are short enough for one ``IN (...)`` of any database."""
    whole = list(values)
    for first in range(0, len(whole), IN_LIMIT):
        yield whole[first : first + IN_LIMIT]


def random_number() -> int:
    """Return 63 random bits: what stands for a person where the user_id must not."""
    return secrets.randbits(63)


def to_bytes(vector: Floats) -> bytes:
    """Return ``vector`` as raw little-endian float32 bytes."""
    return np.ascontiguousarray(vector, dtype="<f4").tobytes()


def from_bytes(raw: bytes | memoryview) -> Floats:
    """Return the (D,) float32 vector that ``to_bytes`` stored."""
    return np.frombuffer(bytes(raw), dtype="<f4").astype(np.float32, copy=False)


class StoredCalibration(models.Model):
    """Error rates measured by an operator (``manage.py evaluate --calibrate``); never altered.

    ``document``: as in ``calibrations/``. One at most is active for an embedder, in place of the
    one that ships.
    """

    name = models.CharField(max_length=64, unique=True, validators=[RegexValidator(GALLERY_NAME)])
    embedder = models.CharField(max_length=64)
    document = models.JSONField()
    active = models.BooleanField(default=False)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["embedder"], condition=Q(active=True), name="one_active_an_embedder"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def active_key(cls, embedder: str) -> int | None:
        """Return the primary key of the active one, None where there is none."""
        found = cls.objects.filter(embedder=embedder, active=True).values_list("pk", flat=True)
        return found.first()


class GalleryQuerySet(QuerySet["Gallery"]):
    def with_calibration(self) -> GalleryQuerySet:
        """Bring along which calibration is active, so that a request need not ask for it."""
        active = StoredCalibration.objects.filter(embedder=OuterRef("embedder"), active=True)
        return self.annotate(active_calibration=Subquery(active.order_by().values("pk")[:1]))


def rate(text: str) -> models.FloatField[float | None, float | None]:
    """Return the field of an error rate that a gallery asks for."""
    limits = [MinValueValidator(LEAST_RATE), MaxValueValidator(GREATEST_RATE)]
    return models.FloatField(null=True, blank=True, validators=limits, help_text=text)


class Gallery(Retaining):
    """A set of people who are searched together."""

    name = models.CharField(
        max_length=64,
        unique=True,
        validators=[RegexValidator(GALLERY_NAME, "1 to 64 characters out of a-z 0-9 - _")],
    )
    # That of the default gallery tells this database from others in one Redis.
    token = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    embedder = models.CharField(
        max_length=64,
        blank=True,
        editable=False,
        help_text="Chosen when the first reference is stored.",
    )
    threshold = models.FloatField(
        null=True, blank=True, help_text="Replaces the threshold by error rate in this gallery."
    )
    target_fmr = rate("Share of strangers taken for a claimed person; replaces FACE_TARGET_FMR.")
    target_fpir = rate("Share of strangers named in a search; replaces FACE_TARGET_FPIR.")
    created = models.DateTimeField(auto_now_add=True)

    objects = GalleryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "galleries"
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class SubjectQuerySet(QuerySet["Subject"]):
    def with_counts(self) -> SubjectQuerySet:
        # A join would count the references of everybody before the first page is cut out.
        owned = Reference.objects.filter(subject=OuterRef("pk")).order_by().values("subject")
        count = Subquery(owned.annotate(count=Count("pk")).values("count"))
        return self.annotate(reference_count=Coalesce(count, 0))

    def matching(self, text: str) -> SubjectQuerySet:
        return self.filter(Q(user_id__icontains=text) | Q(display_name__icontains=text))


class Subject(Lawful):
    """A person in one gallery; the API names them by ``user_id``."""

    gallery = models.ForeignKey(Gallery, on_delete=models.CASCADE, related_name="subjects")
    number = models.BigIntegerField(unique=True, default=random_number, editable=False)
    user_id = models.CharField(max_length=128, validators=[RegexValidator(USER_ID, USER_ID_RULE)])
    display_name = models.CharField(max_length=200, blank=True)
    metadata = models.JSONField(default=dict, blank=True, validators=[validate_metadata])
    active = models.BooleanField(default=True, help_text="Inactive people are never matched.")
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)

    objects = SubjectQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["user_id"]
        permissions: ClassVar = [
            ("verify_subject", "Can verify people (1:1)"),
            ("identify_subject", "Can identify people (1:N)"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["gallery", "user_id"], name="one_user_id_a_gallery")
        ]

    def __str__(self) -> str:
        return self.user_id

    def make_template(self) -> None:
        """Make the person template anew: the unit mean of the references' embeddings."""
        rows = list(self.references.in_use().only("embedder", "sealed_embedding", "subject"))
        if not rows:
            PersonTemplate.objects.filter(subject=self).delete()
            return
        made = self.template_of(rows, vault.key_of(self.number))
        values = {"embedder": made.embedder, "sealed": made.sealed, "references": made.references}
        PersonTemplate.objects.update_or_create(subject=self, defaults=values)

    def template_of(self, references: Sequence[Reference], key: bytes) -> PersonTemplate:
        """Return the unit mean of the embeddings of ``references``, sealed and not stored yet."""
        mean = np.mean([from_bytes(one.open_embedding(key)) for one in references], axis=0)
        vector = to_bytes(mean / np.linalg.norm(mean))
        made = PersonTemplate.sealed_for(self, references[0].embedder, vector, key)
        made.references = len(references)
        return made


class ReferenceQuerySet(QuerySet["Reference"]):
    def in_use(self) -> ReferenceQuerySet:
        """Return what templates are made of: others wait for their embedder (``reembed``)."""
        used = Q(embedder=F("subject__gallery__embedder")) | Q(subject__gallery__embedder="")
        return self.filter(used, aside=False)


class Reference(models.Model):
    """One registered photograph of a subject: its embedding and what it was made from."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    subject = models.ForeignKey(Subject, on_delete=models.CASCADE, related_name="references")
    embedder = models.CharField(max_length=64)
    sealed_embedding = models.BinaryField()
    box = models.JSONField()
    landmarks = models.JSONField()
    detection_probability = models.FloatField()
    quality = models.JSONField()
    sealed_crop = models.BinaryField(null=True)
    # What is around the face, from which any embedder's own crop can be cut (pipeline/context.py).
    sealed_context = models.BinaryField(null=True)
    context_place = models.JSONField(null=True)
    source_sha256 = models.CharField(max_length=64)
    # By a reviewer (services/review.py): kept, and no part of the template.
    aside = models.BooleanField(default=False)
    created = models.DateTimeField(auto_now_add=True)

    objects = ReferenceQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["created"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["subject", "source_sha256"], name="one_reference_a_picture"
            )
        ]

    def __str__(self) -> str:
        return str(self.id)

    def seal(self, embedding: bytes, crop: bytes | None, key: bytes) -> None:
        """Set embedding and crop, sealed under the data key of the subject."""
        self.sealed_embedding = seal(key, embedding, label("embedding", self.pk, self.embedder))
        self.sealed_crop = crop and seal(key, crop, label("crop", self.pk))

    def seal_context(self, context: bytes, key: bytes) -> None:
        """Set what is around the face, sealed under the data key of the subject."""
        self.sealed_context = seal(key, context, label("context", self.pk))

    def open_context(self, key: bytes) -> bytes:
        """Return what is around the face as JPEG, opened with the data key of the subject."""
        assert self.sealed_context is not None  # noqa: S101  # whoever asks has asked for those
        return unseal(key, bytes(self.sealed_context), label("context", self.pk))

    def seal_again(self, old: bytes, new: bytes) -> None:
        """Seal everything under the data key of another subject."""
        self.seal(self.open_embedding(old), self.open_crop(old), new)
        if self.sealed_context is not None:
            self.seal_context(self.open_context(old), new)

    @property
    def embedding(self) -> bytes:
        """Raw little-endian float32, opened with the subject's key: a query to the key store."""
        return self.open_embedding(vault.key_of(self.subject.number))

    def open_embedding(self, key: bytes) -> bytes:
        """Return the embedding, opened with the data key of the subject."""
        named = label("embedding", self.pk, self.embedder)
        return unseal(key, bytes(self.sealed_embedding), named)

    @property
    def crop(self) -> bytes | None:
        """The JPEG, opened with the subject's key: a query to the key store; None: not kept."""
        return self.open_crop(vault.key_of(self.subject.number)) if self.sealed_crop else None

    def open_crop(self, key: bytes) -> bytes | None:
        """Return the crop, opened with the data key of the subject; None: not kept."""
        if self.sealed_crop is None:
            return None
        from recognition.runtime import EMBEDDERS  # it needs these models itself

        # Earlier versions bound it to the embedder of then, which `reembed` may have exchanged.
        former = (label("crop", self.pk, name) for name in {self.embedder, *EMBEDDERS})
        return unseal_any(key, bytes(self.sealed_crop), [label("crop", self.pk), *former])


class OtherEmbedding(models.Model):
    """The embedding of a reference by another embedder than its gallery uses (``reembed``).

    Sealed as the reference's own is, so that they can be exchanged as they are. Made before the
    gallery changes over; afterwards it holds the former one, for the way back. ``former`` is used
    within the transaction that exchanges them, and empty else.
    """

    reference = models.ForeignKey(Reference, on_delete=models.CASCADE, related_name="others")
    embedder = models.CharField(max_length=64)
    sealed = models.BinaryField()
    former = models.BinaryField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["reference", "embedder"], name="one_an_embedder")
        ]

    def __str__(self) -> str:
        return f"{self.embedder} of {self.reference_id}"

    @classmethod
    def sealed_for(
        cls, reference: Reference, embedder: str, embedding: bytes, key: bytes
    ) -> OtherEmbedding:
        """Return the other embedding of a reference, not stored yet."""
        sealed = seal(key, embedding, label("embedding", reference.pk, embedder))
        return cls(reference=reference, embedder=embedder, sealed=sealed)

    def open(self, key: bytes) -> bytes:
        """Return the embedding, opened with the data key of the subject."""
        named = label("embedding", self.reference_id, self.embedder)
        return unseal(key, bytes(self.sealed), named)


class PersonTemplate(models.Model):
    """The row of one person in the index: (D,) float32 of length 1, raw little-endian bytes.

    ``references``: of how many embeddings it is the mean; its threshold follows from that.
    """

    subject = models.OneToOneField(
        Subject, on_delete=models.CASCADE, primary_key=True, related_name="template"
    )
    embedder = models.CharField(max_length=64, default="")
    sealed = models.BinaryField()
    references = models.PositiveIntegerField(default=1)

    def __str__(self) -> str:
        return f"template of {self.subject_id}"

    @classmethod
    def sealed_for(
        cls, subject: Subject, embedder: str, vector: bytes, key: bytes
    ) -> PersonTemplate:
        """Return the template of a subject, not stored yet; ``key``: the subject's data key."""
        sealed = seal(key, vector, vault.template_label(subject.number, embedder))
        return cls(subject=subject, embedder=embedder, sealed=sealed)

    @property
    def vector(self) -> bytes:
        """The template, opened with the subject's key: a query to the key store."""
        number = self.subject.number
        named = vault.template_label(number, self.embedder)
        return unseal(vault.key_of(number), bytes(self.sealed), named)


class GalleryChange(models.Model):
    """One line of the append-only log that every process follows (gallery/follow.py).

    Plain values and no foreign keys: a row outlives what it names. ``slot`` is the subject's
    primary key, its place in the blocks that Redis holds.
    """

    gallery = models.BigIntegerField()
    operation = models.CharField(max_length=6, choices=[("put", "put"), ("remove", "remove")])
    subject_number = models.BigIntegerField()
    slot = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.id} {self.operation} {self.subject_number}"

    @staticmethod
    def lock() -> None:
        """Let this transaction alone draw ids until it ends, so that they appear in order.

        SQLite's IMMEDIATE transactions have the same effect by themselves.
        """
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [WRITE_LOCK])

    @classmethod
    def append(cls, operation: str, subjects: Iterable[Subject]) -> None:
        """Say that ``subjects`` were put or removed; ``lock`` first, in the same transaction."""
        made = [
            cls(gallery=s.gallery_id, operation=operation, subject_number=s.number, slot=s.pk)
            for s in subjects
        ]
        cls.objects.bulk_create(made, batch_size=1000)


class EngineState(models.Model):
    """How far Milvus was written (``gallery.engine.State``): one row, which is also its lock."""

    epoch = models.CharField(max_length=16, blank=True)
    version = models.BigIntegerField(default=0)
    key = models.CharField(max_length=16, blank=True)

    def __str__(self) -> str:
        return f"{self.epoch} at {self.version}"
