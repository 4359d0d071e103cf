"""One folder a person: whom folders are of, for ``register_folder`` and for imports alike."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from django.utils.text import slugify

from recognition.models import USER_ID, Gallery, Subject, in_parts

# Files in a folder that are meant as pictures. What they are is judged by their bytes alone:
# formats that cannot be read are among them, so that they are refused by name and not passed over.
SUFFIXES = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", ".heic", ".heif",
    ".avif", ".tif", ".tiff", ".jp2", ".svg",
})  # fmt: skip
# Letters that are more than a letter with an accent, and would be lost.
LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"}
)


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a folder is of. ``display_name``: its name, empty where that is the user_id itself."""

    user_id: str
    display_name: str


@dataclass(frozen=True, slots=True)
class Named:
    """Whom folders are of, by the folder's name; and why the others are left out."""

    people: dict[str, Person] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def is_picture(name: str) -> bool:
    """Say whether a file of that name is meant as a picture."""
    return PurePosixPath(name).suffix.lower() in SUFFIXES


def shown(name: object) -> str:
    """Return a file's name fit for a terminal and for UTF-8: one line, no control characters."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(name))


def user_id_of(name: str) -> str:
    """Return the user_id that a person's name becomes, empty where letters would be lost."""
    plain = unicodedata.normalize("NFKD", name.lower().translate(LETTERS))
    if any(character.isalnum() and not character.isascii() for character in plain):
        return ""
    slug = slugify(plain)
    return slug if USER_ID.match(slug) else ""


def claimed_id(folder: str) -> str:
    """Return the user_id that a folder stands for, empty where none can be made of its name."""
    return folder if USER_ID.match(folder) else user_id_of(folder)


def people_of(folders: Iterable[str], gallery: Gallery) -> Named:
    """Return whom ``folders``, given by their names, are of; two people never become one."""
    named = Named()
    claims: dict[str, dict[str, Person]] = {}
    for folder in folders:
        if person := _person(folder):
            claims.setdefault(person.user_id, {})[folder] = person
        else:
            named.left_out[folder] = "no user_id can be made of this name; rename it"
    registered = _names_in(gallery, list(claims))
    for user_id, people in claims.items():
        _settle(people, registered.get(user_id), named)
    return named


def _person(folder: str) -> Person | None:
    if USER_ID.match(folder):
        return Person(folder, "")
    name = unicodedata.normalize("NFC", shown(folder))
    longest = Subject._meta.get_field("display_name").max_length or 0
    user_id = user_id_of(folder)
    return Person(user_id, name) if user_id and len(name) <= longest else None


def _settle(people: Mapping[str, Person], registered: str | None, named: Named) -> None:
    """Choose who gets a user_id: the folder named by it, else the only one of that name.

    ``registered``: the display name of whoever has it already, None for nobody.
    """
    owner = next((folder for folder, person in people.items() if not person.display_name), None)
    only = next(iter(people))
    if owner is None and len(people) == 1 and registered in {None, people[only].display_name}:
        owner = only
    if owner is not None:
        named.people[owner] = people[owner]
    for folder in people:
        if folder != owner:
            named.left_out[folder] = _collision(folder, people, registered)


def _collision(folder: str, people: Mapping[str, Person], registered: str | None) -> str:
    others = [shown(other) for other in people if other != folder]
    whose = ", ".join(others) or f"a registered person called {registered!r}"
    return (
        f"its user_id {people[folder].user_id} is also that of {whose}. "
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
