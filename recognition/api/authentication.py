"""Who asks: a client with an API key, or a member of staff with a session."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request
from rest_framework_api_key.permissions import KeyParser

from recognition.models import ApiKey


class Keys(KeyParser):
    """Read the key from ``X-API-Key: KEY``, or else from ``Authorization: Api-Key KEY``."""

    def get(self, request: HttpRequest) -> str | None:
        key = self.get_from_header(request, "HTTP_X_API_KEY")
        return (key or self.get_from_authorization(request) or "").strip() or None


class AddressNotAllowed(PermissionDenied):
    """A key used from outside of its networks; answered as ``address_not_allowed``."""


class ApiKeyAuthentication(BaseAuthentication):
    """Know a client by its key; a wrong one is refused, whatever else the request carries."""

    key_parser = Keys()

    def authenticate(self, request: Request) -> tuple[AnonymousUser, ApiKey] | None:
        sent = self.key_parser.get(request)
        if sent is None:
            return None
        try:
            key = ApiKey.objects.get_from_key(sent)
        except ApiKey.DoesNotExist:
            raise AuthenticationFailed("The API key is wrong, revoked or expired.") from None
        request._request.api_key = key  # for the log, which sees Django's request alone
        # Which networks those are is not said: whoever asks may have found the key.
        if not key.may_come_from(address := request._request.META["REMOTE_ADDR"]):
            raise AddressNotAllowed(f"This key may not be used from {address}.")
        key.note_use()
        return AnonymousUser(), key

    def authenticate_header(self, request: Request) -> str:
        """Make the refusal a 401: without this DRF answers 403."""
        return 'Api-Key realm="facesite"'


class CsrfFailed(PermissionDenied):
    """A session without its CSRF token; answered as ``csrf_failed``."""


class StaffSessionAuthentication(SessionAuthentication):
    """Know staff by their session; other signed-in users are nobody to the API."""

    def authenticate(self, request: Request) -> tuple[AbstractBaseUser, None] | None:
        user = getattr(request._request, "user", None)
        if user is None or not (user.is_active and user.is_staff):
            return None
        self.enforce_csrf(request)
        return user, None

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except PermissionDenied as error:
            raise CsrfFailed(str(error.detail)) from None
