"""What may be asked: scopes of keys, permissions of staff, galleries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework_api_key.permissions import BaseHasAPIKey

from recognition.api.authentication import Keys
from recognition.errors import RecognitionError
from recognition.models import ApiKey


@dataclass(frozen=True, slots=True)
class Rule:
    """What one call wants: a key's ``scope``, or a staff member's Django ``permission``.

    Both empty: any valid key, any member of staff.
    """

    scope: str = ""
    permission: str = ""

    def allows(self, request: Request) -> bool:
        """Say whether whoever sent ``request`` may do what this rule stands for."""
        if isinstance(request.auth, ApiKey):
            return not self.scope or self.scope in request.auth.scopes
        if not (request.user and request.user.is_staff):
            return False
        return not self.permission or request.user.has_perm(f"recognition.{self.permission}")

    def lacking(self, request: Request) -> str:
        """Return what to say to whoever is not allowed."""
        if isinstance(request.auth, ApiKey):
            return f"This key lacks the scope {self.scope!r}."
        return f"This account lacks the permission {self.permission!r}."

    def demand(self, request: Request) -> None:
        """Raise ``permission_denied`` unless ``request`` is allowed."""
        if not self.allows(request):
            raise RecognitionError("permission_denied", self.lacking(request))


ANY_KEY = Rule()
REGISTER = Rule("register", "add_subject")
CHANGE = Rule("register", "change_subject")
ADD_GALLERY = Rule("register", "add_gallery")
VERIFY = Rule("verify", "verify_subject")
IDENTIFY = Rule("identify", "identify_subject")
READ = Rule("read", "view_subject")
EXPORT = Rule("read", "change_subject")  # who may only look hands nothing out
DELETE = Rule("delete", "delete_subject")
DELETE_GALLERY = Rule("delete", "delete_gallery")


class HasScope(BaseHasAPIKey):
    """Let through who meets ``view.rules[method]``; a method without a rule lets nobody through.

    ``view.rules`` is None for what anybody may ask (health). The key itself was looked up by
    ``ApiKeyAuthentication``, which is what makes a missing one a 401.
    """

    model = ApiKey
    key_parser = Keys()

    def has_permission(self, request: Request, view: Any) -> bool:
        if view.rules is None:
            return True
        rule = self._rule(request.method, view)
        if rule is None:
            return False
        self.message = rule.lacking(request)
        return rule.allows(request)

    def _rule(self, method: str, view: Any) -> Rule | None:
        # OPTIONS only describes; a method the view does not have gets its 405 later on.
        if method == "OPTIONS" or method not in view.allowed_methods:
            return ANY_KEY
        return view.rules.get("GET" if method in SAFE_METHODS else method)


def may_use(request: Request, gallery: str) -> bool:
    """Say whether a key, if it is one that asks, is not limited to other galleries."""
    return not isinstance(request.auth, ApiKey) or request.auth.may_use(gallery)


def demand_gallery(request: Request, name: str) -> None:
    """Raise ``permission_denied`` where a key is limited to other galleries."""
    if not may_use(request, name):
        sentence = f"This key may not use the gallery {name[:64]!r}."
        raise RecognitionError(
            "permission_denied", sentence, hint="Use a key for this gallery, or name another one."
        )
