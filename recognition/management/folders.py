"""Whom a folder of folders on this machine holds: one folder a person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from recognition.models import Gallery
from recognition.services.folders import is_picture, people_of, shown


@dataclass(frozen=True, slots=True)
class Person:
    """One folder. ``display_name``: the folder's name, empty where that is the user_id itself."""

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
    folders: dict[str, Path] = {}
    for entry in _visible(root):
        if entry.is_dir():
            folders[entry.name] = entry
        else:
            plan.passed_over.append(f"{shown(entry)}: in no person's folder")
    # What cannot be read claims no user_id, so that another folder may have it.
    pictures = {name: _pictures(folder, plan) for name, folder in folders.items()}
    named = people_of((name for name, found in pictures.items() if found is not None), gallery)
    for name, person in named.people.items():
        plan.people.append(Person(person.user_id, person.display_name, pictures[name] or []))
    plan.left_out.extend(f"{shown(folders[name])}: {why}" for name, why in named.left_out.items())
    return plan


def _pictures(folder: Path, plan: Plan) -> list[Path] | None:
    """Return the pictures in a person's folder, None where it cannot be read."""
    try:
        entries = _visible(folder)
    except OSError as error:
        plan.left_out.append(f"{shown(folder)}: it cannot be read: {error.strerror}")
        return None
    pictures = [path for path in entries if is_picture(path.name) and not path.is_dir()]
    plan.passed_over.extend(_passed_over(set(entries) - set(pictures)))
    return pictures


def _passed_over(paths: Iterable[Path]) -> list[str]:
    return [f"{shown(path)}: no picture" for path in sorted(paths)]


def _visible(folder: Path) -> list[Path]:
    """Return what lies in a folder, sorted; hidden things are left out."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
