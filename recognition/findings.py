"""What an audit found and what reviewers did about it; people stand there by number alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

OPEN, DONE, NOT_SAME = "open", "done", "not_same"
ALIKE, CONFUSABLE = "same_person", "confusable"
NEARER, OUTLIER, POOR = "nearer_to_other", "outlier", "poor"


class Finding(models.Model):
    """Something suspicious in a gallery, for a person to decide about.

    ``key`` names the matter, so that "not the same" is remembered when it is found again: what is
    suspicious, whose it is, and whom it resembles. Moved to somebody else, or near to a third, it
    is another matter.
    ``references``: ids, the most suspect first. Plain values: a row outlives what it names.
    """

    gallery = models.ForeignKey("recognition.Gallery", on_delete=models.CASCADE)
    key = models.CharField(max_length=120)
    kind = models.CharField(max_length=16)
    place = models.PositiveIntegerField()
    person = models.BigIntegerField()
    other = models.BigIntegerField(null=True)
    references = models.JSONField(default=list)
    own = models.FloatField(null=True)
    near = models.FloatField(null=True)
    status = models.CharField(max_length=8, default=OPEN, db_index=True)

    class Meta:
        ordering: ClassVar = ["place"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["gallery", "key"], name="one_finding_a_matter")
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.kind}"

    @property
    def matter(self) -> str:
        """What ``key`` is for this finding; those of earlier versions were told by less."""
        if self.kind == POOR:
            return f"poor:{self.references[0]}"
        if self.references:
            return f"{','.join(sorted(self.references))}:{self.person},{self.other or ''}"
        return "people:" + ",".join(map(str, sorted((self.person, self.other or 0))))


def forget(*, people: Iterable[int] = (), references: Iterable[str] = ()) -> None:
    """Delete what was found about people and references that are erased, whatever was said of it.

    ``people``: at most as many as one ``IN (...)`` takes.
    """
    numbers, gone = list(people), set(references)
    if numbers:
        about = Q(person__in=numbers) | Q(other__in=numbers)
        Finding.objects.filter(about).delete()
    if gone:
        rows = Finding.objects.exclude(references=[]).order_by().values_list("pk", "references")
        for pk in [pk for pk, names in rows if not gone.isdisjoint(names)]:
            Finding.objects.filter(pk=pk).delete()


class ReviewStep(models.Model):
    """One step of a reviewer; ``before`` is what undoes it: references and people as they were."""

    gallery = models.ForeignKey("recognition.Gallery", on_delete=models.CASCADE)
    finding = models.ForeignKey(Finding, on_delete=models.SET_NULL, null=True)
    time = models.DateTimeField(default=timezone.now)
    actor = models.CharField(max_length=160)
    act = models.CharField(max_length=16)
    before = models.JSONField(default=dict)
    undone = models.BooleanField(default=False)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.id} {self.act}"
