"""Small filters for the room's pages."""

from datetime import datetime

from django import template

register = template.Library()


@register.filter
def moment(text: str) -> datetime | None:
    """An ISO time out of stored JSON."""
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
