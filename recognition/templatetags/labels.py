"""Words for codes: ``recognition/labels.py`` as filters."""

from __future__ import annotations

from django import template

from recognition import labels

register = template.Library()

register.filter("outcome", labels.outcome_label)
register.filter("advised", labels.advised)


@register.filter
def mark(outcome: str) -> str:
    """Return how an outcome is marked: good, warn, bad, or not at all."""
    return labels.MARKS.get(outcome, "bad")


@register.filter
def act(code: str) -> str:
    """Return what an event tells of."""
    return labels.label(labels.ACTS, code)


@register.filter
def health(code: str) -> str:
    """Return a part that answering needs, or its state."""
    return labels.label(labels.HEALTH, code)


@register.filter
def field(name: str) -> str:
    """Return what a page calls a field."""
    return labels.label(labels.FIELDS, name)


@register.filter
def step(code: str) -> str:
    """Return what a reviewer did."""
    return labels.label(labels.STEPS, code)
