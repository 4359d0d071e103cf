"""The one exception of this project and the registry of its codes.

Everything a client can be refused for stands in ``PROBLEMS``: the HTTP status, a short title and
what a person can do about it. Raise ``RecognitionError`` where the fact is known; it is turned
into an answer in ``api/problems.py``, in the page views and in the commands only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """What one error code means: HTTP ``status``, ``title`` and the usual ``remedy``."""

    status: int
    title: str
    remedy: str


PROBLEMS: dict[str, Problem] = {
    "invalid_request": Problem(
        400, "The request is not valid", "Correct the fields named in `errors` and send it again."
    ),
    "invalid_image": Problem(
        400, "The image cannot be read", "Send a complete JPEG, PNG, WebP, BMP, GIF or HEIC file."
    ),
    "not_authenticated": Problem(
        401, "An API key is missing or wrong", "Send a valid key in the header X-API-Key."
    ),
    "permission_denied": Problem(
        403, "Not allowed", "Use a key or an account that has the scope named in `detail`."
    ),
    "address_not_allowed": Problem(
        403,
        "The key is not allowed here",
        "Use it from one of its networks, which an administrator can name; behind a proxy "
        "TRUSTED_PROXIES must name that.",
    ),
    "csrf_failed": Problem(
        403, "The CSRF token is missing or wrong", "Reload the page, sign in and try again."
    ),
    "not_found": Problem(404, "Nothing is here", "Check the address; /api/v1/ lists the calls."),
    "user_not_found": Problem(
        404, "No such user", "Check user_id and gallery; GET /users lists who is registered."
    ),
    "gallery_not_found": Problem(
        404, "No such gallery", "GET /galleries lists the galleries; POST /galleries makes one."
    ),
    "method_not_allowed": Problem(
        405, "The method is not allowed here", "Use one of the methods named in the Allow header."
    ),
    "duplicate_face": Problem(
        409, "The face is registered already", "Use that user_id, or send on_duplicate=flag."
    ),
    "suppressed": Problem(
        409, "This person was erased", "POST /register for them alone, if that is meant."
    ),
    "gallery_not_empty": Problem(
        409, "The gallery is not empty", "Unregister its users first, or send force=true."
    ),
    "import_closed": Problem(
        409, "The import takes nothing more", "Begin another import for what is left."
    ),
    "image_too_large": Problem(
        413, "The image or the request is too large", "Send a smaller picture, or fewer at once."
    ),
    "unsupported_image": Problem(
        415, "The format is not supported", "Send JPEG, PNG, WebP, BMP, GIF or HEIC."
    ),
    "no_face": Problem(
        422, "No face was found", "Use a sharp, well lit photograph that shows the whole face."
    ),
    "multiple_faces": Problem(
        422, "Several faces of similar size", "Crop to one person, or name one by face or box."
    ),
    "face_too_small": Problem(
        422, "The face is too small", "Come closer to the camera or send a larger picture."
    ),
    "low_quality": Problem(
        422, "The photograph is too poor", "See the reasons; take a sharper or better lit picture."
    ),
    "consent_required": Problem(
        422,
        "There is no valid consent",
        "Send lawful_basis=consent, with consent_given and consent_expires where they are known.",
    ),
    "rate_limited": Problem(
        429, "Too many requests", "Wait as many seconds as Retry-After says, then try again."
    ),
    "internal_error": Problem(
        500, "Something went wrong here", "Report the request id; the log holds the details."
    ),
    "overloaded": Problem(
        503, "Too many requests at once", "Wait as long as Retry-After says, then try again."
    ),
    "not_ready": Problem(
        503,
        "The service is not ready",
        "Run `manage.py prepare`; /health/ready says what is missing.",
    ),
}


class ClientGone(Exception):
    """Whoever asked has hung up: what is left to do would be done for nobody."""


class RecognitionError(Exception):
    """A refusal with a stable ``code`` from ``PROBLEMS``, a sentence and a hint for a person.

    ``measured`` and ``limit`` say by how much (pixels, bytes, shares: as ``detail`` states);
    ``errors`` maps fields to sentences; ``extra`` is merged into the answer (``rejected``,
    ``retry_after``, ``reasons``).
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        hint: str = "",
        measured: float | str | None = None,
        limit: float | str | None = None,
        errors: Mapping[str, Sequence[str]] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.problem = PROBLEMS[code]
        self.detail = detail
        self.hint = hint or self.problem.remedy
        self.measured = measured
        self.limit = limit
        self.errors = dict(errors or {})
        self.extra = dict(extra or {})

    def document(self, request_id: str) -> dict[str, Any]:
        """Return the error as the body of an answer (RFC 9457).

        ``type`` is a URN, not an address: it stays the same under every host name, prefix and
        proxy, and names nothing that a client could be led to fetch.
        """
        facts = {"errors": self.errors or None, "measured": self.measured, "limit": self.limit}
        return {
            "type": f"urn:facesite:problem:{self.code}",
            "title": self.problem.title,
            "status": self.problem.status,
            "code": self.code,
            "detail": self.detail,
            "hint": self.hint,
            "request_id": request_id,
            **{name: fact for name, fact in facts.items() if fact is not None},
            **self.extra,
        }
