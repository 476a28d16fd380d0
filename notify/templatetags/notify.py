"""`{% load notify %}`: spans of a ladder in words."""

from django import template

register = template.Library()
_UNITS = ((3600, "h"), (60, "min"), (1, "s"))


@register.filter
def span(seconds: int) -> str:
    """`90` as `1 min 30 s`, `0` as `at once`."""
    parts, left = [], int(seconds)
    for size, name in _UNITS:
        count, left = divmod(left, size)
        parts += [f"{count} {name}"] if count else []
    return " ".join(parts) or "at once"
