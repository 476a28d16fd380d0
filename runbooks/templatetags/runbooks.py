"""`{% load runbooks %}`: durations, and templates of titles in plain words."""

from datetime import timedelta
from typing import Any

from django import template

from accounts.selectors import actor_name
from ledger.selectors import last_seq
from runbooks.playbooks import durations
from runbooks.playbooks.graph import plain
from runbooks.rehearsals.selectors import standing
from runbooks.runs.models import Run

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
def person(actor: str) -> str:
    """`user:3` as the name that people know."""
    return actor_name(actor)


@register.filter
def plain_words(text: str) -> str:
    """A title of a playbook that has no inputs yet: each template as the name of what will stand there."""
    return plain(text)


@register.inclusion_tag("runbooks/rehearsal/panel.html")
def rehearsal_of(run: Run, may_run: bool) -> dict[str, Any]:
    """The panel about a run's rehearsal, which keeps itself up to date."""
    seq = last_seq()  # before the rest is read: what comes meanwhile is replayed
    return {"run": run, "standing": standing(run.plan), "may_run": may_run, "seq": seq}


@register.filter
def minus(value: int, other: int) -> int:
    return value - other


@register.filter
def thousandths(value: int) -> str:
    """`1240` (thousandths of a second) as `1.2`."""
    return f"{value / 1000:.1f}"


NOW_WORDS = {"later": "Next", "now": "Now", "failed": "Stopped at", "unknown": "Not known"}
CHOICE_WORDS = {
    "retry": "Try again, once you have seen that it did not happen.",
    "skip": "Skip it, once you have seen that it did happen, or that it is safe to go on without it.",
    "abort": "Abort the run: nothing more begins, and what always runs still does.",
}


@register.filter
def now_word(state: str) -> str:
    """What the strip above a run calls its present step."""
    return NOW_WORDS.get(state, "")


@register.filter
def choice_words(choice: str) -> str:
    """A safe choice about an outcome that nobody knows, as a sentence."""
    return CHOICE_WORDS.get(choice, choice)
