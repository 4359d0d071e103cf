"""Every error of the API, whoever raises it, becomes one kind of answer here (RFC 9457).

``refusal_of`` turns any exception into a ``RecognitionError``, whose ``document`` is what is sent.
DRF's handler, Django's handlers and the CSRF failure view all end in these two.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from django.conf import settings
from django.core import exceptions as django_errors
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import render
from django.views import csrf, defaults
from rest_framework import exceptions as drf
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from facesite.middleware import call
from recognition.api.authentication import AddressNotAllowed, CsrfFailed
from recognition.api.uploads import ImageTooLarge
from recognition.errors import ClientGone, RecognitionError

log = logging.getLogger(__name__)

AnyResponse = TypeVar("AnyResponse", bound=HttpResponse)

CLIENT_GONE = 499  # as nginx logs it; nobody sees it
DATABASE_REST = 5  # seconds a client should leave it alone
MEDIA_TYPE = "application/problem+json"
# Below these Django's own HTML pages answer.
PAGES = ("/admin/", "/console/")
DATABASE_AWAY = (OperationalError, InterfaceError)  # locked, lost or restarting
FORMATS = "Send multipart/form-data, application/x-www-form-urlencoded or application/json."
BODY = "Send the whole body in one go; what comes too slowly is cut off."


def answer_exception(exception: Exception, context: Mapping[str, Any]) -> Response | None:
    """Answer what a view raised; the unexpected goes on to ``handler500`` (DRF's handler)."""
    if isinstance(exception, ClientGone):
        return _unread(Response())
    error = refusal_of(exception)
    if error is None:
        return None
    request = context["request"]
    response = Response(
        error.document(request.id),
        error.problem.status,
        headers=_headers(error, exception),
    )
    # DRF's pages show the same in HTML, to browsers that asked for HTML.
    if isinstance(getattr(request, "accepted_renderer", JSONRenderer()), JSONRenderer):
        response.content_type = MEDIA_TYPE
    response.code = error.code
    return response


def _unread(response: AnyResponse) -> AnyResponse:
    """Return the answer to who has hung up, for the log alone."""
    response.status_code, response.code = CLIENT_GONE, "client_gone"
    return response


def _headers(error: RecognitionError, exception: Exception) -> dict[str, str]:
    wait = error.extra.get("retry_after")
    challenge = getattr(exception, "auth_header", None)
    found = {"Retry-After": wait, "WWW-Authenticate": challenge}
    return {name: str(value) for name, value in found.items() if value}


def answer(error: RecognitionError, request: HttpRequest) -> HttpResponse:
    """Answer what was raised outside of the API's views."""
    response = JsonResponse(
        error.document(getattr(request, "id", "")),
        status=error.problem.status,
        content_type=MEDIA_TYPE,
    )
    response.code = error.code
    return response


def refusal_of(exception: BaseException | None) -> RecognitionError | None:
    """Return what to tell the client about ``exception``, None where it is a fault of ours."""
    match exception:
        case RecognitionError():
            return exception
        case drf.ValidationError():
            return _invalid(exception)
        case drf.APIException():
            return _from_drf(exception)
        case Http404():
            return RecognitionError("not_found", "There is nothing at this address.")
        case ImageTooLarge():
            return RecognitionError(
                "image_too_large", str(exception), limit=settings.MAX_IMAGE_BYTES
            )
        case _ if isinstance(exception, DATABASE_AWAY):  # it may answer the next time
            log.error("The database does not answer: %s", exception, exc_info=exception)
            said = "The database does not answer at the moment."
            return RecognitionError("overloaded", said, extra={"retry_after": DATABASE_REST})
        case django_errors.RequestDataTooBig():
            limit = settings.MAX_REQUEST_BYTES
            said = f"A request may have {limit:,} bytes at most."
            return RecognitionError("image_too_large", said, limit=limit)
        case django_errors.PermissionDenied():
            return RecognitionError("permission_denied", str(exception) or "This is not allowed.")
        case UnreadablePostError():
            return RecognitionError("invalid_request", str(exception), hint=BODY)
        case (
            MultiPartParserError()
            | django_errors.BadRequest()
            | django_errors.SuspiciousOperation()
        ):
            return _malformed(exception)
    return None


def _from_drf(exception: drf.APIException) -> RecognitionError:
    detail = str(exception.detail)
    match exception:
        case drf.NotAuthenticated():
            return RecognitionError("not_authenticated", "No API key was sent.")
        case drf.AuthenticationFailed():
            return RecognitionError("not_authenticated", detail)
        case CsrfFailed():
            return RecognitionError("csrf_failed", detail)
        case AddressNotAllowed():
            return RecognitionError("address_not_allowed", detail)
        case drf.PermissionDenied():
            return RecognitionError("permission_denied", detail)
        case drf.NotFound():
            return RecognitionError("not_found", detail)
        case drf.MethodNotAllowed():
            return RecognitionError("method_not_allowed", detail)
        case drf.UnsupportedMediaType():
            return RecognitionError("unsupported_image", detail, hint=FORMATS)
    # ParseError; the rest (Throttled, NotAcceptable) is never raised here.
    return RecognitionError("invalid_request", detail, hint="Correct the body; see /docs/.")


def _invalid(exception: drf.ValidationError) -> RecognitionError:
    errors: dict[str, list[str]] = {}
    for name, sentence in _flat(exception.detail):
        errors.setdefault(name, []).append(sentence)
    detail = " ".join(f"{name}: {' '.join(said)}" for name, said in errors.items())
    return RecognitionError("invalid_request", detail, errors=errors)


def _flat(detail: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield (field, sentence) for whatever nesting of lists and mappings DRF made."""
    if isinstance(detail, Mapping):
        for key, inner in detail.items():
            yield from _flat(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(detail, list):
        for inner in detail:
            yield from _flat(inner, name)
    else:
        yield name or "request", str(detail)


def _malformed(exception: BaseException) -> RecognitionError:
    """Say in words what Django refused; its own texts name settings and internals."""
    match exception:
        case django_errors.TooManyFilesSent():
            said = f"More than {settings.DATA_UPLOAD_MAX_NUMBER_FILES} files were sent."
            return RecognitionError("invalid_request", said, hint="Send fewer files at once.")
        case django_errors.TooManyFieldsSent():
            said = f"More than {settings.DATA_UPLOAD_MAX_NUMBER_FIELDS} fields were sent."
            return RecognitionError("invalid_request", said, hint="Send fewer fields.")
        case django_errors.DisallowedHost():
            said = "The Host header names a host that is not served here."
            hint = "Use one of the names in the setting ALLOWED_HOSTS."
            return RecognitionError("invalid_request", said, hint=hint)
        case MultiPartParserError():
            said = f"The form cannot be read: {exception}."
            return RecognitionError("invalid_request", said, hint=BODY)
    return RecognitionError("invalid_request", "The request is malformed.", hint=FORMATS)


def handler400(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path_info.startswith(PAGES):
        return defaults.bad_request(request, exception)
    return answer(refusal_of(exception) or _malformed(exception), request)


def handler403(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path_info.startswith(PAGES):
        return defaults.permission_denied(request, exception)
    return answer(RecognitionError("permission_denied", "This is not allowed."), request)


def handler404(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path_info.startswith(PAGES):
        return defaults.page_not_found(request, exception)
    hint = "Leave out the slash at the end." if request.path_info.endswith("/") else ""
    sentence = f"There is nothing at {request.path_info[:200]}"
    return answer(RecognitionError("not_found", sentence, hint=hint), request)


def handler500(request: HttpRequest) -> HttpResponse:
    """Answer what nobody expected; its traceback stands in the log under the id in the answer."""
    kind, error = sys.exc_info()[:2]
    if kind is ClientGone:
        return _unread(HttpResponse())
    if isinstance(error, DATABASE_AWAY) and request.path_info.startswith(PAGES):
        return database_away(request, error)
    name = kind.__name__ if kind else "Error"
    log.error("%s in %s %s", name, request.method, call(request), exc_info=sys.exc_info())
    if request.path_info.startswith(PAGES):
        return render(request, "500.html", status=500)
    return answer(RecognitionError("internal_error", "The request could not be answered."), request)


def database_away(request: HttpRequest, error: Exception) -> HttpResponse:
    """Say so on a page which asks the database nothing, not even who is signed in."""
    log.error("The database does not answer: %s", error, exc_info=error)
    response = render(request, "console/away.html", status=503)
    response["Retry-After"] = str(DATABASE_REST)
    return response


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form without its CSRF token (``CSRF_FAILURE_VIEW``)."""
    if request.path_info.startswith(PAGES):
        return csrf.csrf_failure(request, reason)
    return answer(RecognitionError("csrf_failed", reason or "The token is missing."), request)
