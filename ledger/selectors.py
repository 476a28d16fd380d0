"""Reads of the ledger."""

from typing import Any

from django.db.models import QuerySet

from ledger.models import Chain, Event, Scope, ScopeClosure


def last_seq() -> int:
    """The end of the chain: a page drawn now asks its socket for what comes after this."""
    return Chain.objects.values_list("seq", flat=True).first() or 0


def timeline(
    scope: Scope, viewer: Any, *, after: int | None = None, verbs: tuple[str, ...] = (), limit: int = 200
) -> list[Event]:
    """An incident's record: its scope's events and those of the scopes below it, newest first."""
    below = ScopeClosure.objects.filter(ancestor=scope).values("descendant_id")
    events = Event.objects.filter(scope__in=below).visible_to(viewer).select_related("link", "scope")
    if after is not None:
        events = events.filter(link__seq__gt=after)
    if verbs:
        events = events.filter(verb__regex="^(" + "|".join(verb.replace(".", r"\.") for verb in verbs) + ")")
    return list(events.order_by("-pk")[:limit])


def search(viewer: Any, *, verb: str = "", actor: str = "", subject: str = "", scope: str = "") -> "QuerySet[Event]":
    """What one may see of the record, newest first. A verb may end in a star."""
    events = Event.objects.visible_to(viewer).select_related("link", "scope").order_by("-id")
    verb, actor, subject = (text.replace("\x00", "") for text in (verb, actor, subject))
    if verb.endswith("*"):
        events = events.filter(verb__startswith=verb.rstrip("*"))
    elif verb:
        events = events.filter(verb=verb)
    if actor:
        events = events.filter(actor=actor)
    if subject:
        events = events.filter(subject=subject)
    return events.filter(scope_id=int(scope)) if scope else events
