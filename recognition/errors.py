"""The one exception of this project and the registry of its codes.

Everything a client can be refused for stands in ``PROBLEMS``: the HTTP status, a short title and
what a program, and what a person, can do about it. Raise ``RecognitionError`` where the fact is
known; it is turned into an answer in ``api/problems.py``, in the page views and in the commands
only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


def gettext_noop(text: str) -> str:
    """Mark ``text`` for translation. Django's own would bring Django into the pipeline."""
    return text


@dataclass(frozen=True, slots=True)
class Problem:
    """What one error code means: HTTP ``status``, ``title`` and the usual ``remedy``.

    ``advice`` is the remedy for people at a page, who send no fields and read no headers; ``title``
    and ``advice`` are marked for translation.
    """

    status: int
    title: str
    remedy: str
    advice: str


PROBLEMS: dict[str, Problem] = {
    "invalid_request": Problem(
        400,
        gettext_noop("The request is not valid"),
        "Correct the fields named in `errors` and send it again.",
        gettext_noop("Correct what you filled in, then try again."),
    ),
    "invalid_image": Problem(
        400,
        gettext_noop("The image cannot be read"),
        "Send a complete JPEG, PNG, WebP, BMP, GIF or HEIC file.",
        gettext_noop("Choose a complete JPEG, PNG, WebP, BMP, GIF or HEIC file."),
    ),
    "not_authenticated": Problem(
        401,
        gettext_noop("An API key is missing or wrong"),
        "Send a valid key in the header X-API-Key.",
        gettext_noop("Sign in, then try again."),
    ),
    "permission_denied": Problem(
        403,
        gettext_noop("Not allowed"),
        "Use a key or an account that has the scope named in `detail`.",
        gettext_noop("Ask an administrator for the permission, or sign in as somebody else."),
    ),
    "address_not_allowed": Problem(
        403,
        gettext_noop("The key is not allowed here"),
        "Use it from one of its networks, which an administrator can name; behind a proxy "
        "TRUSTED_PROXIES must name that.",
        gettext_noop("Ask an administrator to allow the key from here."),
    ),
    "csrf_failed": Problem(
        403,
        gettext_noop("The CSRF token is missing or wrong"),
        "Reload the page, sign in and try again.",
        gettext_noop("Reload the page, sign in if you are asked to, and try again."),
    ),
    "not_found": Problem(
        404,
        gettext_noop("Nothing is here"),
        "Check the address; /api/v1/ lists the calls.",
        gettext_noop("It may have been removed. Go back to see what there is."),
    ),
    "user_not_found": Problem(
        404,
        gettext_noop("No such user"),
        "Check user_id and gallery; GET /users lists who is registered.",
        gettext_noop("Check the user id and the gallery; Users lists who is registered."),
    ),
    "gallery_not_found": Problem(
        404,
        gettext_noop("No such gallery"),
        "GET /galleries lists the galleries; POST /galleries makes one.",
        gettext_noop("It may have been renamed or deleted. Galleries lists those there are."),
    ),
    "method_not_allowed": Problem(
        405,
        gettext_noop("The method is not allowed here"),
        "Use one of the methods named in the Allow header.",
        gettext_noop("Go back to the page before, reload it, and use its buttons."),
    ),
    "duplicate_face": Problem(
        409,
        gettext_noop("The face is registered already"),
        "Use that user_id, or send on_duplicate=flag.",
        gettext_noop("Add the pictures to that user, or say that it is somebody else."),
    ),
    "suppressed": Problem(
        409,
        gettext_noop("This person was erased"),
        "POST /register for them alone, if that is meant.",
        gettext_noop("If this person shall be known again, register them alone, by Register."),
    ),
    "gallery_not_empty": Problem(
        409,
        gettext_noop("The gallery is not empty"),
        "Unregister its users first, or send force=true.",
        gettext_noop("Empty the gallery first."),
    ),
    "import_closed": Problem(
        409,
        gettext_noop("The import takes nothing more"),
        "Begin another import for what is left.",
        gettext_noop("Begin another import for what is left."),
    ),
    "image_too_large": Problem(
        413,
        gettext_noop("The image or the request is too large"),
        "Send a smaller picture, or fewer at once.",
        gettext_noop("Choose a smaller picture, or fewer at once."),
    ),
    "unsupported_image": Problem(
        415,
        gettext_noop("The format is not supported"),
        "Send JPEG, PNG, WebP, BMP, GIF or HEIC.",
        gettext_noop("Choose a JPEG, PNG, WebP, BMP, GIF or HEIC file."),
    ),
    "no_face": Problem(
        422,
        gettext_noop("No face was found"),
        "Use a sharp, well lit photograph that shows the whole face.",
        gettext_noop("Use a sharp, well lit photograph that shows the whole face."),
    ),
    "multiple_faces": Problem(
        422,
        gettext_noop("Several faces of similar size"),
        "Crop to one person, or name one by face or box.",
        gettext_noop("Click the face that is meant, draw a box around it, or crop the picture."),
    ),
    "face_too_small": Problem(
        422,
        gettext_noop("The face is too small"),
        "Come closer to the camera or send a larger picture.",
        gettext_noop("Come closer to the camera or choose a larger picture."),
    ),
    "low_quality": Problem(
        422,
        gettext_noop("The photograph is too poor"),
        "See the reasons; take a sharper or better lit picture.",
        gettext_noop("Take a sharper or better lit picture."),
    ),
    "consent_required": Problem(
        422,
        gettext_noop("There is no valid consent"),
        "Send lawful_basis=consent, with consent_given and consent_expires where they are known.",
        gettext_noop("Open “Consent and retention” in the form and say that consent was given."),
    ),
    "rate_limited": Problem(
        429,
        gettext_noop("Too many requests"),
        "Wait as many seconds as Retry-After says, then try again.",
        gettext_noop("Wait a moment, then try again."),
    ),
    "internal_error": Problem(
        500,
        gettext_noop("Something went wrong here"),
        "Report the request id; the log holds the details.",
        gettext_noop("Try again. The server's log holds the details."),
    ),
    "overloaded": Problem(
        503,
        gettext_noop("Too many requests at once"),
        "Wait as long as Retry-After says, then try again.",
        gettext_noop("Wait a few seconds, then try again."),
    ),
    "not_ready": Problem(
        503,
        gettext_noop("The service is not ready"),
        "Run `manage.py prepare`; /health/ready says what is missing.",
        gettext_noop("Try again in a minute. If it stays so, tell an administrator."),
    ),
}
#: Hints for programs, the usual ones and those of single refusals, and what pages say instead.
FOR_PEOPLE: dict[str, str] = {problem.remedy: problem.advice for problem in PROBLEMS.values()} | {
    "Send the request again.": gettext_noop("Try again."),
    "Send the request again in a few seconds.": gettext_noop("Try again in a few seconds."),
    "Answers carry decision_id; events are kept EVENTS_KEEP days.": gettext_noop(
        "It may be so old that it was deleted. Activity lists those that are kept."
    ),
    "Use a key for this gallery, or name another one.": gettext_noop("Choose another gallery."),
    "manage.py evaluate writes them.": gettext_noop("Evaluations lists those there are."),
    "Hold still, let the camera focus, and send the picture unreduced.": gettext_noop(
        "Hold still, let the camera focus, and choose the picture unreduced."
    ),
    "Correct the body; see /docs/.": gettext_noop("Reload the page and try again."),
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

    @property
    def advice(self) -> str:
        """What a person at a page can do: ``hint``, or what stands for it in ``FOR_PEOPLE``."""
        return FOR_PEOPLE.get(self.hint, self.hint)

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
