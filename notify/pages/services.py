"""Verbs on pages: open, acknowledge, resolve. Rooms above call them; nothing here knows an incident.

Locks are taken in one order: the work row, then the page. Hence each verb wakes the page's work first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.db import transaction

from accounts.models import User
from ledger import Alarm, Refused, alarm, record, transition
from ledger.models import Scope
from ledger.services import Entry, record_all
from ledger.statements import Shape
from ledger.text import one_line, prose
from notify import clock
from notify.deliveries.withdrawing import withdraw
from notify.ladders.models import Ladder
from notify.ladders.services import checked_climb
from notify.ladders.steps import DEFAULT, thawed
from notify.pages.models import Page
from work import Item, enqueue_many
from work.services import wake

CLIMB = "notify.page"
LONGEST_TEXT = 4_000
ROW = Shape(Page)
THERE = "ON CONFLICT (key) WHERE status IN ('climbing', 'acked') DO UPDATE SET key = there.key"


def frozen_ladder(*slugs: str) -> dict[str, Any]:
    """The first of these ladders that is set up; without any, everybody who may lead, then everybody who acts."""
    found = {ladder.slug: ladder for ladder in Ladder.objects.filter(slug__in=slugs)}
    for slug in slugs:
        if slug in found:
            return found[slug].frozen()
    return dict(DEFAULT)


@transaction.atomic
def open_page(
    *,
    key: str,
    title: str,
    actor: str,
    about: str = "",
    text: str = "",
    severity: str = "",
    scope: Scope | None = None,
    link: str = "",
    ladder: dict[str, Any] | None = None,
    follows: Page | None = None,
) -> Page:
    """Ask for somebody. A key that is asked for already is the same page; it climbs from the commit on.

    `ladder` is what `frozen_ladder` gave: from now on nothing that is edited changes this page.
    """
    return open_asked(Asked(key, title, actor, about, text, severity, scope, link, ladder or dict(DEFAULT), follows))


@transaction.atomic
def open_asked(asked: "Asked") -> Page:
    page, new = ROW.insert(asked.page(clock.now()), THERE)
    page.scope = asked.scope
    if new:
        record_all([_opened(page)])
        _enqueue([page])
    return page


@dataclass(frozen=True)
class Asked:
    """What is asked for."""

    key: str
    title: str
    actor: str
    about: str
    text: str
    severity: str
    scope: Scope | None
    link: str
    ladder: dict[str, Any]
    follows: Page | None = None

    def page(self, now: datetime) -> Page:
        return Page(
            scope=self.scope,
            key=self.key[:200],
            about=self.about,
            title=one_line("title", self.title, 200),
            text=prose("text", self.text, LONGEST_TEXT, empty=True),
            link=self.link,
            severity=self.severity,
            frozen=self.ladder,
            due_at=now + timedelta(seconds=thawed(self.ladder).steps[0].after),
            opened_by=self.actor,
            opened_at=now,
            follows=self.follows,
        )


def open_all(asked: Sequence[Asked]) -> None:
    """`open_page` for several, in the caller's transaction. That one of them is asked for already is an error here:
    whoever asks then asks for each by itself."""
    now = clock.now()
    pages = Page.objects.bulk_create([one.page(now) for one in asked])
    record_all([_opened(page) for page in pages])
    _enqueue(pages)


def _opened(page: Page) -> Entry:
    after = {"title": page.title, "about": page.about, "ladder": page.frozen["name"], "follows": page.follows}
    return Entry("page.opened", page.opened_by, page.scope, page.subject, after)


def _enqueue(pages: Sequence[Page]) -> None:
    """They climb from the commit on, or once their first rung is due."""
    enqueue_many(
        [
            Item(
                CLIMB,
                page.work_key,
                page.subject,
                {"page": page.pk},
                page.scope,
                page.opened_by,
                page.due_at if page.climb.steps[0].after else None,
            )
            for page in pages
        ]
    )


@transaction.atomic
def page_by_hand(
    *,
    targets: Iterable[str],
    title: str,
    actor: str,
    text: str = "",
    about: str = "",
    severity: str = "",
    scope: Scope | None = None,
    link: str = "",
) -> Page:
    """A person needs somebody now, whatever the ladders say. Each asking is a page of its own."""
    climb = checked_climb({"steps": [{"targets": list(targets)}], "repeats": 4, "pause": 120, "lapse": 0})
    return open_page(
        key=f"by-hand:{uuid4()}",
        title=title,
        text=text,
        about=about,
        severity=severity,
        scope=scope,
        link=link,
        actor=actor,
        ladder={"ladder": "", "name": "by hand", **climb.model_dump(mode="json")},
    )


def _hold(page: Page) -> Page:
    """The page, locked, after its work row; the work looks at it again right away."""
    wake(CLIMB, page.work_key)
    return Page.objects.select_for_update(of=("self",)).select_related("scope", "acked_by").get(pk=page.pk)


@transaction.atomic
def ack(*, page: Page, user: User | None, actor: str, how: str) -> Page:
    """This person has it: nobody else is told any more. Pressed again, by anybody: it is still being worked on. Without
    a person, it is whoever raised the alarm who says that somebody has."""
    held = _hold(page)
    if held.status == Page.State.ACKED:
        return _still(held, actor)
    if held.status != Page.State.CLIMBING:
        raise Refused(
            f"This page is {held.status}: {held.ended_because}.", "there is nothing to acknowledge", "page-over"
        )
    now = clock.now()
    also = {
        "acked_by": user,
        "acked_at": now,
        "acked_how": how,
        "active_at": now,
        "due_at": lapses_at(held, now),
    }
    answered = unanswered(held, cleared=True) if held.unanswered_at else None
    transition(
        held,
        Page.State.ACKED,
        actor=actor,
        also=also,
        after={"by": user.actor if user else actor, "how": how},
        alarm=answered,
    )
    _stop_telling(held, actor)
    return held


def _still(page: Page, actor: str) -> Page:
    now = clock.now()
    page.active_at, page.due_at = now, lapses_at(page, now)
    page.save(update_fields=["active_at", "due_at"])
    record("page.held", actor=actor, scope=page.scope, subject=page.subject)
    return page


def unanswered(page: Page, cleared: bool = False) -> Alarm:
    """The ladder was gone through in vain: an alarm beside the page."""
    title = f"Nobody answers: {page.title}"[:200]
    return alarm(f"page_unanswered:{page.pk}", page.severity or "SEV2", cleared=cleared, title=title)


def lapses_at(page: Page, active: datetime) -> datetime | None:
    """When its ack counts no more, if nothing is done by a person from then on."""
    return active + timedelta(seconds=page.climb.lapse) if page.climb.lapse else None


@transaction.atomic
def resolve(*, page: Page, actor: str, reason: str) -> Page:
    """A person, or what asked for it, says that nobody is needed any more."""
    words = one_line("reason", reason, 300)
    held = _hold(page)
    if not held.is_live:
        raise Refused(f"This page is {held.status} already.", "nothing is to be done", "page-over")
    also = {"ended_at": clock.now(), "ended_because": words, "due_at": None}
    answered = unanswered(held, cleared=True) if held.status == Page.State.CLIMBING and held.unanswered_at else None
    transition(held, Page.State.RESOLVED, actor=actor, reason=words, also=also, alarm=answered)
    _stop_telling(held, actor)
    return held


@transaction.atomic
def lapse(*, page: Page, actor: str) -> Page:
    """Nobody did anything since: the ack counts no more, and the same is asked for anew. The caller holds the page."""
    why = "nothing was done after it was acknowledged"
    also = {"ended_at": clock.now(), "ended_because": why, "due_at": None}
    transition(page, Page.State.LAPSED, actor=actor, reason=why, also=also)
    return open_page(
        key=page.key,
        title=page.title,
        actor=actor,
        about=page.about,
        text=page.text,
        severity=page.severity,
        scope=page.scope,
        link=page.link,
        ladder=frozen_ladder(page.frozen["ladder"]) if page.frozen["ladder"] else page.frozen,
        follows=page,
    )


@transaction.atomic
def make_room(*, key: str, actor: str, reason: str, acked_only: bool = False) -> Page | None:
    """What is asked for by this key is to be asked for anew: the page that lives ends. None if there is none."""
    live = Page.objects.filter(key=key).live().first()
    held = _hold(live) if live else None
    if held is None or not held.is_live or (acked_only and held.status != Page.State.ACKED):
        return None
    return resolve(page=held, actor=actor, reason=reason)


def _stop_telling(page: Page, actor: str) -> None:
    """What has not left yet must not arrive hours later as if somebody were still needed."""
    messages = page.notices.exclude(message=None).values_list("message_id", flat=True)
    withdraw(messages=list(messages), actor=actor, reason=f"the page is {page.status}")


def ack_key(*, key: str, user: User | None, actor: str, how: str) -> None:
    """What this person did says more than a button: what is asked for by this key is acknowledged."""
    page = Page.objects.filter(key=key, status=Page.State.CLIMBING).first()
    if page is not None:
        ack(page=page, user=user, actor=actor, how=how)


def resolve_about(*, about: str, actor: str, reason: str, acked_only: bool = False) -> None:
    """The cause is gone."""
    pages = Page.objects.of(about).live()
    for page in pages.filter(status=Page.State.ACKED) if acked_only else pages:
        resolve(page=page, actor=actor, reason=reason)
