"""`{% load runbooks %}`: durations, and templates of titles in plain words."""

import re
from datetime import timedelta

from django import template

from runbooks.playbooks import durations
from runbooks.playbooks.expressions import TEMPLATE

register = template.Library()


@register.filter
def spelled(seconds: int | timedelta | None) -> str:
    """`90` as `1m30s`."""
    if seconds is None:
        return "\u2013"
    if isinstance(seconds, timedelta):
        seconds = int(seconds.total_seconds())
    return durations.spell(int(seconds))


@register.filter
def plain_words(text: str) -> str:
    """`Pause ${{ inputs.vault.name }}` as `Pause <vault>`, for a playbook that has no inputs yet."""
    return TEMPLATE.sub(lambda match: f"<{_name(match.group(1))}>", text)


def _name(source: str) -> str:
    parts = re.sub(r"\s", "", source).split(".")
    return parts[1].replace("_", " ") if len(parts) > 1 and parts[0] == "inputs" else source.strip()
