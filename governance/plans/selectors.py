"""Reads about plans."""

from typing import Any

from django.db.models import QuerySet

from governance.plans.diff import Change, diff
from governance.plans.models import Plan


def visible_plans(viewer: Any) -> "QuerySet[Plan]":
    return Plan.objects.visible_to(viewer).select_related("scope")


def earlier_plans(plan: Plan, viewer: Any) -> "QuerySet[Plan]":
    """Plans of the same kind to compare with, the newest first."""
    return visible_plans(viewer).filter(kind=plan.kind, pk__lt=plan.pk).order_by("-pk")[:20]


def changes_between(before: Plan, after: Plan) -> list[Change]:
    return diff(before.data(), after.data())
