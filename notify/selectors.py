"""Reads of this room."""

from typing import Any

from django.db.models import Count, Q, QuerySet

from notify.models import Audience, Delivery, Message
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


def audiences() -> "QuerySet[Audience]":
    return Audience.objects.annotate(
        ways=Count("destinations", filter=Q(destinations__enabled=True), distinct=True),
        broken=Count("destinations", filter=Q(destinations__enabled=False), distinct=True),
    ).order_by("kind", "slug")


def attempts(delivery: Delivery) -> "QuerySet[Attempt]":
    return Attempt.objects.filter(work__kind="notify.delivery", work__key=delivery.work_key).order_by("fence")
