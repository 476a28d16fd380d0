"""Telling watches itself: what is late raises an alarm, and a heartbeat to somebody outside is withheld meanwhile.

The alarm goes the way of every other one, which may be the very thing that is broken. The heartbeat is the second way:
a dead-man switch elsewhere calls a person when it falls silent, whether because we withhold it or because we are dead.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.cache import cache
from django.db import connection, transaction
from django.db.models import Q

from integrations import outgoing
from ledger import alarm, record
from ledger.models import Chain, Event, Subscription
from notify import clock
from notify.models import Delivery, Page
from work.models import Work

logger = logging.getLogger(__name__)
ACTOR = "system:notify"
OVERDUE = timedelta(seconds=60)
UNSENT = timedelta(minutes=5)
UNLINKED = timedelta(seconds=60)
UNDONE = timedelta(minutes=2)
FAILING = 5  # tries of a subscriber, or of a piece of work, in a row
OWN_WORDS = ("notify.page", "notify.delivery")  # work that is looked at above, as what it is for
# What these try is somebody else's to answer; each says in its own way that it did not come about.
ELSEWHERE = (
    *("notify.subscribing", "accounts.invitation", "governance.exchange", "chain.transaction"),
    *("runbooks.step", "status.publish"),
)
SENT = "notify.heartbeat.sent"

Reason = Callable[[datetime], str]


@dataclass(frozen=True)
class Trouble:
    """Something that is late: in words for a person, or empty. With `severity` it is an alarm, too."""

    name: str
    words: Reason
    severity: str = ""


TROUBLES: dict[str, Trouble] = {}


def withholds(name: str, *, severity: str = "") -> Callable[[Reason], Reason]:
    """Register what keeps the heartbeat back while it says something; rooms above add theirs."""

    def register(words: Reason) -> Reason:
        TROUBLES[name] = Trouble(name, words, severity)
        return words

    return register


@withholds("pages_overdue", severity="SEV2")
def overdue(now: datetime) -> str:
    """Their timers have passed, and nothing moved them."""
    count = Page.objects.live().filter(due_at__lt=now - OVERDUE).count()
    return f"{count} page{'s' * (count > 1)} should have climbed, and did not" if count else ""


@withholds("pages_unanswered")
def unanswered(_now: datetime) -> str:
    """Each has an alarm of its own."""
    count = Page.objects.filter(status=Page.State.CLIMBING).exclude(unanswered_at=None).count()
    return f"nobody answers {count} page{'s' * (count > 1)}" if count else ""


@withholds("deliveries_unsent", severity="SEV3")
def unsent(now: datetime) -> str:
    """Copies of pages, and what nobody has even tried to send. A partner's server that is down for a day is neither."""
    waiting = Delivery.objects.filter(status=Delivery.State.QUEUED, queued_at__lt=now - UNSENT)
    count = (
        waiting.filter(Q(message__notices__page__status=Page.State.CLIMBING) | Q(error="", lane__failures=0))
        .distinct()
        .count()
    )
    return f"{count} message{'s' * (count > 1)} could not be delivered for minutes" if count else ""


@withholds("ledger_late", severity="SEV2")
def ledger_late(now: datetime) -> str:
    """What is not linked reaches no subscriber: no alarm becomes an alert."""
    since = Chain.objects.values_list("horizon", flat=True).first() or 0
    if Event.objects.filter(txid__gte=since, link=None, at__lt=now - UNLINKED).exists():
        return "events have waited for more than a minute to be linked"
    stuck = Subscription.objects.filter(failures__gte=FAILING).order_by("name").values_list("name", flat=True)
    return f"subscribers fail: {', '.join(stuck[:3])}" if stuck else ""


@withholds("work_late", severity="SEV2")
def work_late(now: datetime) -> str:
    """Of whatever kind: due for minutes and not taken up, its worker gone for minutes, or tried again and again."""
    late = now - UNDONE
    waiting = Q(status__in=(Work.Status.QUEUED, Work.Status.WAITING), run_at__lt=late)
    abandoned = Q(status=Work.Status.RUNNING, lease_until__lt=late)
    failing = Q(status=Work.Status.QUEUED, failures__gte=FAILING, run_at__gt=now) & ~Q(kind__in=ELSEWHERE)
    rows = Work.objects.exclude(kind__in=OWN_WORDS).filter(waiting | abandoned | failing)
    kinds = list(rows.order_by("kind").values_list("kind", flat=True).distinct()[:4])
    more = " and others" if len(kinds) > 3 else ""
    return f"work is not done for minutes, or fails again and again: {', '.join(kinds[:3])}{more}" if kinds else ""


def reasons() -> dict[str, str]:
    """What is wrong now, by name."""
    now = clock.now()
    found = {name: trouble.words(now) for name, trouble in TROUBLES.items()}
    return {name: words for name, words in found.items() if words}


@transaction.atomic
def look() -> dict[str, str]:
    """Whatever began to be late, or is not any more, is an event with an alarm; each once."""
    found = reasons()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext('notify.watching'))")
        if not cursor.fetchone()[0]:
            return found
    for name, trouble in TROUBLES.items():
        if trouble.severity and bool(found.get(name)) is not _raised(name):
            _tell(trouble, found.get(name, ""))
    return found


def _raised(name: str) -> bool:
    last = Event.objects.filter(verb__in=(f"watch.{name}.late", f"watch.{name}.timely")).order_by("-pk").first()
    return last is not None and last.verb.endswith(".late")


def _tell(trouble: Trouble, words: str) -> None:
    record(
        f"watch.{trouble.name}.{'late' if words else 'timely'}",
        actor=ACTOR,
        subject="system:notify",
        after={"words": words},
        alarm=alarm(trouble.name, trouble.severity, cleared=not words, title=words[:1].upper() + words[1:]),
    )


def heartbeat() -> str:
    """Say outside that all is well, or say nothing. What was done, in a word."""
    if not settings.OUTSIDE_HEARTBEAT_URL:
        return "off"
    found = reasons()
    if found:
        logger.warning("the outside heartbeat is withheld: %s", "; ".join(found.values()))
        return "withheld"
    try:
        answer = outgoing.request("POST", settings.OUTSIDE_HEARTBEAT_URL)
    except outgoing.OutgoingError as error:
        logger.warning("the outside heartbeat did not arrive: %s", error.message)
        return "failed"
    if answer.status >= 400:
        logger.warning("the outside heartbeat was answered with %s", answer.status)
        return "failed"
    cache.set(SENT, clock.now(), 24 * 3600)
    return "sent"
