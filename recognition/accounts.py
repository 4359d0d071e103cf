"""Who is given an account, a role or a permission, by whom: events like all others.

Django tells of it by signals alone, be it done in the admin or by a command of its own.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.contrib.auth.models import Group, Permission, User
from django.db.models import Model
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_save

from facesite.middleware import actor_name, current_request

#: What is written down when it changes, by kind. That a password changed is told by the user.
WATCHED: dict[type[Model], tuple[str, ...]] = {
    User: ("username", "is_active", "is_staff", "is_superuser"),
    Group: ("name",),
}
GIVEN = {"post_add": "given", "post_remove": "taken", "pre_clear": "cleared"}
#: Commands that bring accounts along with their events, or with none.
READING_IN = ("restore", "loaddata")
PROGRAMS = ("manage.py", "facesite")  # whose first word is a command


def watch() -> None:
    """Write an event of each such change from now on."""
    for kind in WATCHED:
        pre_save.connect(_before, sender=kind, dispatch_uid="facesite")
        post_save.connect(_saved, sender=kind, dispatch_uid="facesite")
        post_delete.connect(_deleted, sender=kind, dispatch_uid="facesite")
    for table in (User.groups.through, User.user_permissions.through, Group.permissions.through):
        m2m_changed.connect(_given, sender=table, dispatch_uid="facesite")


def _before(
    sender: type[Model], instance: Any, raw: bool = False, update_fields: Any = None, **_: Any
) -> None:
    """Remember what a row was; at a sign-in nothing of it is written."""
    instance.facesite_was = None
    if not raw and (update_fields is None or {*WATCHED[sender], "password"} & {*update_fields}):
        rows = sender._default_manager.filter(pk=instance.pk)
        instance.facesite_was = rows.values(*WATCHED[sender]).first()


def _saved(sender: type[Model], instance: Any, created: bool, raw: bool = False, **_: Any) -> None:
    if created and not raw:  # raw: a backup is read
        _record("create", instance, {name: getattr(instance, name) for name in WATCHED[sender]})
        return
    was = instance.facesite_was or {}
    now = {name: getattr(instance, name) for name in was}
    changed: dict[str, Any] = {n: [was[n], now[n]] for n in was if was[n] != now[n]}
    if was and getattr(instance, "_password", None) is not None:  # Django's own mark of a new one
        changed["password_changed"] = True
    if changed:
        _record("change", instance, changed)


def _deleted(instance: Any, **_: Any) -> None:
    _record("delete", instance, {})


def _given(
    instance: Any, action: str, reverse: bool, model: type[Model], pk_set: Any = None, **_: Any
) -> None:
    """Write down which roles or permissions, or to whom where ``reverse``, were given or taken."""
    if action not in GIVEN or pk_set == set():
        return
    others = model._default_manager.filter(pk__in=pk_set) if pk_set else []
    names = [one.codename if isinstance(one, Permission) else str(one) for one in others]
    what = model._meta.verbose_name_plural
    _record("change", instance, {"what": str(what), GIVEN[action]: sorted(names)})


def _record(act: str, instance: Any, decision: dict[str, Any]) -> None:
    from recognition.services.people import record_act
    from recognition.services.results import Actor

    request = current_request.get()
    if request is not None:
        actor = Actor(actor_name(request), request.id)
    elif Path(sys.argv[0]).name in PROGRAMS and sys.argv[1] not in READING_IN:
        actor = Actor(f"command:{sys.argv[1]}")
    else:
        return  # rows that are read in; a program of somebody's own, or a test
    kind = instance._meta.model_name
    record_act(f"{act}_{kind}", actor, decision={kind: str(instance), **decision})
