"""Which settings a server runs with: an event whenever they are others than the last time."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import transaction

from recognition.models import Event
from recognition.services.audit import locked_state
from recognition.services.stamps import stamped

#: What decides about people, about who gets in, and about what is kept. No secret is among them.
TOLD = (
    "ALLOWED_HOSTS", "CONSENT_REQUIRED", "CSRF_TRUSTED_ORIGINS", "EVENTS_KEEP",
    "FACE_AMBIGUITY_MARGIN",
    "FACE_DETECTION_CONFIDENCE", "FACE_MATCHING_THRESHOLD", "FACE_MIN_SIZE", "FACE_MODEL",
    "FACE_TARGET_FMR", "FACE_TARGET_FPIR", "GALLERY_ENGINE", "HOST", "HSTS_SECONDS", "HTTPS",
    "KEEP_CROPS", "MAX_IMAGE_BYTES", "MAX_IMAGE_PIXELS", "MAX_IMPORT_BYTES", "MAX_IMPORT_FILES",
    "MAX_REQUEST_BYTES", "RATE_DEFAULT", "RATE_IDENTIFY", "RATE_REGISTER", "RATE_SESSION",
    "RATE_VERIFY", "RETENTION_UNMATCHED_DAYS", "SIGN_IN_FAILURES", "SIGN_IN_WAIT", "TLS",
    "TRUSTED_PROXIES",
)  # fmt: skip
ACT = "settings"


def note_settings() -> bool:
    """Write down what differs from the last start; return whether anything does.

    Of processes that start together one does it: the chain's row is their lock.
    """
    now = {name: getattr(settings, name) for name in TOLD}
    with transaction.atomic():
        locked_state()
        before = _noted()
        changed = {n: [before.get(n), now[n]] for n in TOLD if before.get(n) != now[n]}
        if changed:
            decision = {"changed": changed, "now": now}
            event = Event(actor="server", act=ACT, outcome="ok", decision=decision)
            stamped(event).save(force_insert=True)
    return bool(changed)


def _noted() -> dict[str, Any]:
    """Return the settings of the last start; none where somebody has put there what are none."""
    told = Event.objects.filter(act=ACT).order_by("-id").values_list("decision", flat=True)
    last: Any = told.first()
    before = last.get("now") if isinstance(last, dict) else {}
    return before if isinstance(before, dict) else {}
