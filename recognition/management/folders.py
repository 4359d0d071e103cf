"""Whom a folder of folders holds: one folder a person, named by user_id or by name."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from django.utils.text import slugify

from recognition.management.pictures import is_picture, shown
from recognition.models import USER_ID, Gallery, Subject, in_parts

# Letters that are more than a letter with an accent, and would be lost.
LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"}
)


@dataclass(frozen=True, slots=True)
class Person:
    """One folder. ``display_name``: the folder's name, empty where that is the user_id itself."""

    folder: Path
    user_id: str
    display_name: str
    pictures: list[Path]


@dataclass(frozen=True, slots=True)
class Plan:
    """Whom to register; which folders are left out, and why; which files are passed over."""

    people: list[Person] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)


def planned(root: Path, gallery: Gallery) -> Plan:
    """Return what is to be registered from ``root``; two people never become one."""
    plan = Plan()
    claims: dict[str, list[Person]] = {}
    for entry in _visible(root):
        if not entry.is_dir():
            plan.passed_over.append(f"{shown(entry)}: in no person's folder")
        elif person := _person(entry, plan):
            claims.setdefault(person.user_id, []).append(person)
    registered = _names_in(gallery, list(claims))
    for user_id, people in claims.items():
        _settle(people, registered.get(user_id), plan)
    return plan


def user_id_of(name: str) -> str:
    """Return the user_id that a person's name becomes, empty where letters would be lost."""
    plain = unicodedata.normalize("NFKD", name.lower().translate(LETTERS))
    if any(character.isalnum() and not character.isascii() for character in plain):
        return ""
    slug = slugify(plain)
    return slug if USER_ID.match(slug) else ""


def _person(folder: Path, plan: Plan) -> Person | None:
    is_id = USER_ID.match(folder.name) is not None
    user_id = folder.name if is_id else user_id_of(folder.name)
    name = "" if is_id else unicodedata.normalize("NFC", shown(folder.name))
    if not user_id or len(name) > Subject._meta.get_field("display_name").max_length:
        plan.left_out.append(f"{shown(folder)}: no user_id can be made of this name; rename it")
        return None
    try:
        entries = _visible(folder)
    except OSError as error:
        plan.left_out.append(f"{shown(folder)}: it cannot be read: {error.strerror}")
        return None
    pictures = []
    for path in entries:
        if is_picture(path.name) and not path.is_dir():
            pictures.append(path)
        else:
            plan.passed_over.append(f"{shown(path)}: no picture")
    return Person(folder, user_id, name, pictures)


def _settle(people: list[Person], registered: str | None, plan: Plan) -> None:
    """Choose who gets a user_id: the folder named by it, else the only one of that name.

    ``registered``: the display name of whoever has it already, None for nobody.
    """
    owner = next((person for person in people if not person.display_name), None)
    if owner is None and len(people) == 1 and registered in {None, people[0].display_name}:
        owner = people[0]
    if owner:
        plan.people.append(owner)
    for person in people:
        if person is not owner:
            plan.left_out.append(_collision(person, people, registered))


def _collision(person: Person, people: list[Person], registered: str | None) -> str:
    others = [shown(other.folder) for other in people if other is not person]
    whose = ", ".join(others) or f"a registered person called {registered!r}"
    return (
        f"{shown(person.folder)}: its user_id {person.user_id} is also that of {whose}. "
        "If they are one person, put the pictures into one folder named by the user_id; if not, "
        "name each folder by a user_id of its own"
    )


def _names_in(gallery: Gallery, user_ids: list[str]) -> dict[str, str]:
    """Return the display names of those of ``user_ids`` who are registered."""
    there = Subject.objects.filter(gallery=gallery)
    names: dict[str, str] = {}
    for part in in_parts(user_ids):
        some = there.filter(user_id__in=part)
        names.update(some.values_list("user_id", "display_name"))
    return names


def _visible(folder: Path) -> list[Path]:
    """Return what lies in a folder, sorted; hidden things are left out."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
