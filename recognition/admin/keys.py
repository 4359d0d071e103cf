"""API keys: made with scopes, galleries, networks and a rate, shown once, revoked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from recognition.key_models import checked_networks
from recognition.models import SCOPES, ApiKey, Gallery
from recognition.services.people import record_act
from recognition.services.results import Actor
from recognition.web.base import actor_of


class NetworksField(forms.Field):
    """Networks, one a line or separated by commas; the value is the list of them."""

    widget = forms.Textarea(attrs={"rows": 3})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str]:
        return checked_networks(filter(None, re.split(r"[\s,]+", value or "")))


class ApiKeyForm(forms.ModelForm):
    scopes = forms.MultipleChoiceField(
        choices=[(scope, scope) for scope in SCOPES],
        initial=SCOPES,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("What the key may do."),
    )
    galleries = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Where the key may do it. None ticked: in all galleries."),
    )
    networks = NetworksField(
        required=False,
        help_text=_(
            "Where the client may be, one a line: 192.168.1.7, 10.0.0.0/8, 2001:db8::/32. "
            "Empty: anywhere."
        ),
    )

    class Meta:
        model = ApiKey
        fields = ("name", "scopes", "galleries", "networks", "rate", "expiry_date", "revoked")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "galleries" in self.fields:
            # A gallery that is gone stays to be ticked: without it the key would open them all.
            names = {*Gallery.objects.values_list("name", flat=True), *self.instance.galleries}
            self.fields["galleries"].choices = [(name, name) for name in sorted(names)]


@transaction.atomic
def revoke_key(key: ApiKey, actor: Actor) -> bool:
    """Revoke a key and write that down; return False where it was revoked already."""
    if not ApiKey.objects.filter(pk=key.pk, revoked=False).update(revoked=True):
        return False
    record_act("revoke_key", actor, decision={"key": key.prefix})
    return True


class ApiKeyAdmin(admin.ModelAdmin):
    form = ApiKeyForm
    list_display = (
        "prefix", "name", "may", "where", "from_where", "rate", "created", "expiry_date",
        "last_used", "revoked", "from_environment",
    )  # fmt: skip
    list_filter = (
        "revoked", ("expiry_date", admin.EmptyFieldListFilter), "created", "last_used",
    )  # fmt: skip
    search_fields = ("name", "prefix")
    actions = ("revoke",)

    @admin.display(description=_("scopes"))
    def may(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    @admin.display(description=_("galleries"))
    def where(self, key: ApiKey) -> str:
        return ", ".join(key.galleries) or gettext("all")

    @admin.display(description=_("networks"))
    def from_where(self, key: ApiKey) -> str:
        return ", ".join(key.networks) or gettext("any")

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Sequence[str]:
        if obj is None:
            return ()
        if obj.revoked:  # which cannot be undone
            return ("prefix", *ApiKeyForm.Meta.fields)
        return ("prefix",)

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        """Store the key hashed; what it was is known until the answer is written."""
        if not change:
            obj.secret = ApiKey.objects.assign_key(obj)
        obj.save()
        act = "change_key" if change else "create_key"
        act = "revoke_key" if change and "revoked" in form.changed_data else act
        record_act(act, actor_of(request), decision=obj.terms())

    def delete_model(self, request: HttpRequest, obj: ApiKey) -> None:
        obj.delete()
        record_act("delete_key", actor_of(request), decision={"key": obj.prefix})

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        for key in queryset:
            self.delete_model(request, key)

    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the key at once: a redirect would have to put it into a cookie or the database."""
        context = {
            **self.admin_site.each_context(request),
            "title": _("The API key was made"),
            "opts": self.opts,
            "key": obj,
        }
        return TemplateResponse(request, "admin/recognition/apikey/made.html", context)

    @admin.action(permissions=["change"], description=_("Revoke selected API keys"))
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        count = sum(revoke_key(key, actor_of(request)) for key in queryset)
        messages.success(request, gettext("Keys revoked: %(count)d.") % {"count": count})
