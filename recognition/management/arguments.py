"""What can be given on the command line, read and checked."""

from __future__ import annotations

import math
from argparse import ArgumentTypeError
from collections.abc import Mapping
from datetime import date
from typing import Any

from django.core.management.base import CommandParser

from recognition.consent import BASES, CONSENT_FIELDS, LONGEST_VERSION
from recognition.decisions import Wanted
from recognition.models import GREATEST_RATE, LEAST_RATE, Subject
from recognition.pipeline.types import Box
from recognition.services.results import Selection


def similarity(text: str) -> float:
    """Read a similarity: -1 to 1."""
    value = _number(text)
    if not -1 <= value <= 1:
        raise ArgumentTypeError(f"{text!r} is no similarity: it must lie between -1 and 1")
    return value


def display_name(text: str) -> str:
    """Read a person's name."""
    longest = Subject._meta.get_field("display_name").max_length
    if len(text) > longest or not text.isprintable():
        raise ArgumentTypeError(f"a name has at most {longest} printable characters")
    return text


def box(text: str) -> Box:
    """Read a box: four numbers, in pixels of the upright picture."""
    sides = [_number(part) for part in text.split(",")]
    if len(sides) != 4 or not all(map(math.isfinite, sides)) or min(sides[2:]) <= 0:
        raise ArgumentTypeError(f"{text!r} is no box: write x,y,width,height in pixels")
    return Box(*sides)


def index(text: str) -> int:
    """Read a place in a list, counted from 0."""
    if not (text.isascii() and text.isdigit()):
        raise ArgumentTypeError(f"{text!r} is no whole number from 0 on")
    return int(text)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def add_selection(parser: CommandParser) -> None:
    """Let a command take ``--face`` and ``--box``, for pictures of several people."""
    parser.add_argument(
        "--face", type=index, metavar="N", help="the face meant, counted from the largest, from 0"
    )
    parser.add_argument(
        "--box", type=box, metavar="X,Y,WIDTH,HEIGHT", help="where the face meant is, in pixels"
    )


def rate(text: str) -> float:
    """Read an error rate."""
    value = _number(text)
    if not LEAST_RATE <= value <= GREATEST_RATE:
        message = f"{text!r} is no error rate: write {LEAST_RATE:g} to {GREATEST_RATE:g}"
        raise ArgumentTypeError(message)
    return value


def add_wanted(parser: CommandParser, name: str, meaning: str) -> None:
    """Let a command take ``--threshold``, or an error rate instead."""
    one = parser.add_mutually_exclusive_group()
    one.add_argument("--threshold", type=similarity, help="the similarity that suffices, -1 to 1")
    one.add_argument(f"--target-{name}", type=rate, metavar="RATE", help=meaning)


def wanted(options: Mapping[str, Any], name: str) -> Wanted:
    """Return what the decision is to follow."""
    return Wanted(options["threshold"], options[f"target_{name}"])


def selection(options: Mapping[str, Any]) -> Selection:
    """Return which face is meant."""
    return Selection(face=options["face"], box=options["box"])


def day(text: str) -> date:
    """Read a day."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no day: write YYYY-MM-DD") from None


def version(text: str) -> str:
    """Read the name of a text that was agreed to."""
    if len(text) > LONGEST_VERSION or not text.isprintable():
        message = f"a version has at most {LONGEST_VERSION} printable characters"
        raise ArgumentTypeError(message)
    return text


def add_consent(parser: CommandParser) -> None:
    """Let a command take on what ground people are registered, and for how long."""
    group = parser.add_argument_group("consent and retention")
    group.add_argument(
        "--lawful-basis", choices=[name for name, _ in BASES], help="on what ground they are here"
    )
    group.add_argument("--consent-version", type=version, metavar="TEXT", help="the text agreed to")
    for name, text in (
        ("consent-given", "when (default: today)"),
        ("consent-expires", "the last day of the consent"),
        ("retain-until", "the last day on which they are kept"),
    ):
        group.add_argument(f"--{name}", type=day, metavar="DAY", help=text)


def consent(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was given of that."""
    return {name: options[name] for name in CONSENT_FIELDS if options[name] is not None}
