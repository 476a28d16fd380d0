"""`{% load notify %}`: spans of a ladder in words; how people are reached, for pages of the rooms below."""

from collections.abc import Iterable

from django import template

from accounts.models import User
from notify.ways.selectors import Reach, reach_of, silent

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


@register.simple_tag
def reach(user: User) -> Reach:
    """`{% reach person as reach %}`: the channels by which somebody would be told, and what is wrong with them."""
    return reach_of(user)


@register.simple_tag
def out_of_reach(users: Iterable[User]) -> list[tuple[User, str]]:
    """`{% out_of_reach people as silent %}`: who could not be told, and why."""
    return silent(users)
