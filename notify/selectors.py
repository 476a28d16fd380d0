"""Reads of this room."""

from typing import Any

from django.db.models import Case, Count, Q, QuerySet, When

from notify.deliveries.lanes import KIND
from notify.messages.models import LET_OUT
from notify.models import Audience, Delivery, Destination, Message
from work.models import Attempt


def messages(viewer: Any) -> "QuerySet[Message]":
    """What may be seen, newest first, with how its copies fare."""
    return (
        Message.objects.visible_to(viewer)
        .select_related("audience", "scope")
        .annotate(
            copies=Count("deliveries"),
            delivered=Count("deliveries", filter=Q(deliveries__status="sent")),
            undelivered=Count("deliveries", filter=Q(deliveries__status="failed")),
        )
        .order_by("-pk")
    )


def correctable(viewer: Any) -> "QuerySet[Message]":
    """What people outside were told."""
    told = Message.objects.visible_to(viewer).filter(status__in=LET_OUT, audience__kind=Audience.Kind.OUTSIDE)
    return told.select_related("audience", "scope")


def audiences() -> "QuerySet[Audience]":
    return Audience.objects.annotate(
        ways=Count("destinations", filter=Q(destinations__enabled=True), distinct=True),
        broken=Count("destinations", filter=Q(destinations__enabled=False), distinct=True),
    ).order_by("kind", "slug")


def tries(delivery: Delivery) -> "QuerySet[Attempt]":
    """Every try at it. What went out with another copy has that one's; a turn that only waited is none."""
    key = str(delivery.carried_by or delivery.pk)
    return Attempt.objects.filter(work__kind=KIND, work__key=key).exclude(outcome="wait").order_by("fence")


def copies(message: Message, most: int = 200) -> "QuerySet[Delivery]":
    """What a page shows of them: what failed first, then what is on its way."""
    rank = Case(When(status=Delivery.State.FAILED, then=0), When(status=Delivery.State.QUEUED, then=1), default=2)
    return message.deliveries.select_related("user").annotate(rank=rank).order_by("rank", "pk")[:most]


def copies_of(destination: Destination, viewer: Any, most: int = 20) -> "QuerySet[Delivery]":
    """The last that went there, or should have, of what the viewer may see."""
    found = Delivery.objects.visible_to(viewer).filter(destination=destination).select_related("message", "lane")
    return found.order_by("-pk")[:most]
