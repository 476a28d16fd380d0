"""Reads of pages."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Prefetch, QuerySet

from accounts.models import User
from notify.models import Delivery
from notify.pages.models import LIVE, Notice, Page


def pages(viewer: Any) -> "QuerySet[Page]":
    return Page.objects.visible_to(viewer).select_related("acked_by", "scope")


def live_about(about: str, viewer: Any) -> list[Page]:
    """For whoever shows what the pages are about."""
    return list(pages(viewer).filter(about=about, status__in=LIVE))


def waiting_for(user: User) -> "QuerySet[Page]":
    """Pages that told this person and that nobody has acknowledged."""
    told = Notice.objects.filter(user=user, reachable=True).values("page_id")
    return pages(user).filter(status=Page.State.CLIMBING, pk__in=told)


SHOWN = 30


@dataclass(frozen=True)
class Rung:
    """A step of the ladder as the page shows it: whom it tells, when, and who was told by it."""

    label: str
    targets: tuple[str, ...]
    at: datetime | None
    state: str  # done, now, later
    notices: tuple[Notice, ...] = ()


def rungs(page: Page) -> list[Rung]:
    """What was told, the last ones if there are many, and what comes until everybody is told."""
    copies = Prefetch("message__deliveries", Delivery.objects.order_by("pk"))
    notices = page.notices.select_related("user", "audience", "message").prefetch_related(copies).order_by("pk")
    told: dict[tuple[int, int], list[Notice]] = {}
    for notice in notices:
        told.setdefault(notice.rung, []).append(notice)
    found = []
    for rung in _passed(page)[-SHOWN:]:
        those = told.get(rung, [])
        at = those[0].at if those else None
        found.append(Rung(_label(page, *rung), page.climb.targets(*rung), at, "done", tuple(those)))
    return found + (_to_come(page) if page.status == Page.State.CLIMBING else [])


def _passed(page: Page) -> list[tuple[int, int]]:
    rung, passed = (0, 0), []
    while rung != (page.round, page.step):
        passed.append(rung)
        rung = page.climb.after(*rung)[:2]
    return passed


def _to_come(page: Page) -> list[Rung]:
    climb, at = page.climb, page.due_at
    coming: list[Rung] = []
    rung, state = (page.round, page.step), "now"
    while at is not None and (rung[0] == page.round or rung[0] <= climb.repeats) and len(coming) < len(climb.steps):
        coming.append(Rung(_label(page, *rung), climb.targets(*rung), at, state))
        *following, wait = climb.after(*rung)
        rung, at, state = (following[0], following[1]), at + timedelta(seconds=wait), "later"
    return coming


def _label(page: Page, round_: int, step: int) -> str:
    if round_ > page.climb.repeats:
        return "Everybody on the ladder"
    return f"Step {step + 1}" + (f", round {round_ + 1}" if round_ else "")


def shown(page: Page) -> dict[str, object]:
    """What the page and its live refresh draw."""
    follower = Page.objects.filter(follows=page).first()
    return {"page": page, "rungs": rungs(page), "follower": follower}
