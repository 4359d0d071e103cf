"""API keys: listed, made with scopes, galleries, networks and a rate, shown once, revoked."""

from __future__ import annotations

from typing import ClassVar

from django import forms
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from recognition.admin.keys import ApiKeyForm, revoke_key
from recognition.errors import RecognitionError
from recognition.models import ApiKey
from recognition.services.people import record_act
from recognition.web.base import ConsolePage, require, told

TERMS = ("galleries", "networks", "rate", "expiry_date")


class NewKeyForm(ApiKeyForm):
    """The admin's form for a key that does not exist yet."""

    class Meta(ApiKeyForm.Meta):
        fields = ("name", "scopes", "galleries", "networks", "rate", "expiry_date")
        labels: ClassVar = {
            "name": gettext_lazy("Name"),
            "rate": gettext_lazy("Own limit"),
            "expiry_date": gettext_lazy("Expires"),
        }
        help_texts: ClassVar = {
            "name": gettext_lazy("Who uses the key: a door, a program."),
            "rate": gettext_lazy(
                "All calls of this key together, such as 100/m, 5000/h or 5/10s. "
                "Empty: the limits of the service, each call by itself."
            ),
            "expiry_date": gettext_lazy("Empty: never."),
        }
        widgets: ClassVar = {
            "expiry_date": forms.DateTimeInput(
                attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"
            )
        }


class TermsForm(NewKeyForm):
    """Where, from where, how often and until when a key may be used: what can be changed of it.

    Neither its name nor what it may do: who has the key relies on that.
    """

    scopes = None  # type: ignore[assignment]  # how Django leaves a field out

    class Meta(NewKeyForm.Meta):
        fields = TERMS


class KeysPage(ConsolePage):
    permissions: ClassVar = {"GET": "view_apikey", "POST": "add_apikey"}
    section = "keys"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(NewKeyForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        """Make a key and show it in this answer alone: only its hash is stored."""
        form = NewKeyForm(request.POST)
        if not form.is_valid():
            return self._page(form, status=400)
        key = form.save(commit=False)
        secret = ApiKey.objects.assign_key(key)
        with transaction.atomic():
            key.save()
            record_act("create_key", self.actor, decision=key.terms())
        return self.show("key_made.html", key=key, secret=secret)

    def _page(self, form: NewKeyForm, *, status: int = 200) -> HttpResponse:
        if status != 200:
            require(self.request, "view_apikey")  # the list stands on this page too
        keys = ApiKey.objects.order_by("revoked", "-created")
        return self.show("keys.html", keys=keys, form=form, status=status)


class KeyPage(ConsolePage):
    """What a key is bound to, to be changed; the key itself is known to nobody here."""

    permissions: ClassVar = {"GET": "change_apikey", "POST": "change_apikey"}
    section = "keys"

    def get(self, request: HttpRequest, prefix: str) -> HttpResponse:
        key = find_key(prefix)
        return self.show("key.html", key=key, form=TermsForm(instance=key))

    def post(self, request: HttpRequest, prefix: str) -> HttpResponse:
        form = TermsForm(request.POST, instance=find_key(prefix))
        if not form.is_valid():
            return self.show("key.html", key=find_key(prefix), form=form, status=400)
        done = _("The key %(prefix)s is changed.") % {"prefix": prefix}
        return told(
            request,
            lambda: self._change(form),
            done if form.has_changed() else _("Nothing was changed."),
            to=reverse("console:keys"),
        )

    @transaction.atomic
    def _change(self, form: TermsForm) -> None:
        """Store what was changed, of a key that is not revoked by now."""
        if not form.has_changed():
            return
        key: ApiKey = form.save(commit=False)
        terms = {name: getattr(key, name) for name in TERMS}
        if not ApiKey.objects.filter(pk=key.pk, revoked=False).update(**terms):
            raise RecognitionError(
                "invalid_request",
                _("The key is revoked, which cannot be undone."),
                hint=_("Make another key."),
            )
        record_act("change_key", self.actor, decision=key.terms())


class RevokePage(ConsolePage):
    """Ask whether a key shall be revoked, then revoke it."""

    permissions: ClassVar = {"GET": "change_apikey", "POST": "change_apikey"}
    section = "keys"

    def get(self, request: HttpRequest, prefix: str) -> HttpResponse:
        return self.show("revoke.html", key=find_key(prefix))

    def post(self, request: HttpRequest, prefix: str) -> HttpResponse:
        key = find_key(prefix)
        return told(
            request,
            lambda: revoke_key(key, self.actor),
            _("The key %(prefix)s is revoked.") % {"prefix": key.prefix},
            to=reverse("console:keys"),
        )


def find_key(prefix: str) -> ApiKey:
    """Return the key with ``prefix``, or raise ``not_found``."""
    found = ApiKey.objects.filter(prefix=prefix).first() if prefix.isprintable() else None
    if found is None:
        raise RecognitionError("not_found", _("There is no such key."))
    return found
