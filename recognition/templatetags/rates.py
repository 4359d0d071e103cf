"""Error rates as people read them."""

from __future__ import annotations

from django import template

register = template.Library()


@register.filter
def percent(rate: float) -> str:
    """Return a share, 0 to 1, in per cent with two digits that mean something."""
    return f"{100 * rate:.2g} %"
