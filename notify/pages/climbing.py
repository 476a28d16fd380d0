"""One turn of a page's timer: a rung is told, or an ack that nobody followed up lapses.

The move and the notices that it causes are one statement, conditional on the rung that was read: a worker killed at any
moment has told nobody or everybody, and a second worker finds nothing to do. Messages and deliveries follow in the same
transaction; only the outbox talks to the world.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Max, Q

from ledger import record
from ledger.models import Event, ScopeClosure
from ledger.statements import say
from notify import clock
from notify.ladders.targets import Reached, resolve
from notify.messages.models import Message
from notify.messages.services import send
from notify.pages.links import TEMPLATE
from notify.pages.models import Notice, Page
from notify.pages.services import lapse, lapses_at, unanswered
from work import Done, Lease, Outcome, Wait, faults

ACTOR = "system:notify"

CLIMB = """
WITH moved AS (
  UPDATE notify_page SET round = %(next_round)s, step = %(next_step)s, climbed_at = statement_timestamp(),
    due_at = statement_timestamp() + make_interval(secs => %(wait)s),
    unanswered_at = CASE WHEN %(gone_through)s THEN COALESCE(unanswered_at, statement_timestamp()) END
  WHERE id = ANY(%(pages)s::bigint[]) AND status = 'climbing' AND round = %(round)s AND step = %(step)s
    AND due_at <= statement_timestamp()
  RETURNING id, due_at, climbed_at, unanswered_at
), told AS (
  INSERT INTO notify_notice (page_id, round, step, user_id, audience_id, why, reachable, at)
  SELECT moved.id, %(round)s, %(step)s, one.person, one.audience, one.why, one.reachable, statement_timestamp()
  FROM moved, unnest(%(users)s::bigint[], %(audiences)s::bigint[], %(whys)s::text[], %(reachable)s::boolean[])
    AS one(person, audience, why, reachable)
)
SELECT id, due_at, climbed_at, unanswered_at FROM moved
"""


def turn(lease: Lease) -> Outcome:
    """The work `notify.page`. It is woken whenever the page changes, so what it last waited for may be past."""
    with lease.commit() as now:
        page = Page.objects.select_for_update(of=("self",)).select_related("scope").get(pk=lease.work.payload["page"])
        until = _look(page)
        now.end(Wait(until=until, reason=page.status) if page.is_live else Done({"status": page.status}))
    return now.outcome or Done()


def _look(page: Page) -> datetime | None:
    """Do what is due; when to look again."""
    if page.due_at is None or page.due_at > clock.now():
        return page.due_at
    if page.status == Page.State.CLIMBING:
        return _climb(page)
    if page.status == Page.State.ACKED:
        return _judge_ack(page)
    return None


def _climb(page: Page) -> datetime | None:
    rung = (page.round, page.step)
    reached = resolve(page.climb.targets(*rung), page.scope)
    unanswered_before = page.unanswered_at
    if not move([page], reached):
        return page.due_at
    faults.point("page.climbed")
    _tell(page, rung, reached)
    if page.unanswered_at is not None and unanswered_before is None:
        record(
            "page.unanswered",
            actor=ACTOR,
            scope=page.scope,
            subject=page.subject,
            alarm=unanswered(page),
        )
    faults.point("page.told")
    return page.due_at


def move(pages: Sequence[Page], reached: Reached) -> list[Page]:
    """To their next rung, all from the same one, with the notices of that; those with which nobody was faster."""
    page = pages[0]
    climb, rung = page.climb, (page.round, page.step)
    next_round, next_step, wait = climb.after(*rung)
    gone_through = page.round > climb.repeats  # the pause after the last round has passed, too
    if reached.nobody and not gone_through:
        wait = 0  # to wait for nobody's answer would be lost time
    about = {"pages": [one.pk for one in pages], "round": page.round, "step": page.step, "gone_through": gone_through}
    follows = {"next_round": next_round, "next_step": next_step, "wait": wait}
    moved = {pk: times for pk, *times in say(CLIMB, {**about, **follows, **_columns(reached)})}
    found = [one for one in pages if one.pk in moved]
    for one in found:
        one.round, one.step = next_round, next_step
        one.due_at, one.climbed_at, one.unanswered_at = moved[one.pk]
    return found


def _columns(reached: Reached) -> dict[str, list[object]]:
    rows: list[tuple[object, ...]] = [
        *((user.pk, None, why, True) for user, why in reached.people.items()),
        *((user.pk, None, "", False) for user in reached.unreached),
    ]
    if reached.audience:
        rows.append((None, reached.audience.pk, f"audience:{reached.audience.slug}", True))
    columns = zip(*rows, strict=True) if rows else ([],) * 4
    return dict(zip(("users", "audiences", "whys", "reachable"), map(list, columns), strict=True))


def _tell(page: Page, rung: tuple[int, int], reached: Reached) -> None:
    """One message for the rung; each person's copy carries a link of their own."""
    if not reached.nobody:
        message = _message(page, rung, reached)
        Notice.objects.filter(page=page, round=rung[0], step=rung[1], reachable=True).update(message=message)
    verb = "page.reached.nobody" if reached.nobody else "page.climbed"
    record(verb, actor=ACTOR, scope=page.scope, subject=page.subject, after=climbed(page, rung, reached))


def climbed(page: Page, rung: tuple[int, int], reached: Reached) -> dict[str, object]:
    """What its event tells."""
    return {
        "round": rung[0] + 1,
        "step": rung[1] + 1,
        "told": ", ".join(reached.names),
        "unreached": ", ".join(user.display_name for user in reached.unreached),
        "next": page.due_at,
    }


def _message(page: Page, rung: tuple[int, int], reached: Reached) -> Message:
    return send(
        key=f"{page.subject}:{rung[0]}:{rung[1]}",
        actor=ACTOR,
        audience=reached.audience.slug if reached.audience else "",
        users=list(reached.people),
        template=TEMPLATE,
        context={"page": page, "told": reached.names, "again": rung != (0, 0)},
        scope=page.scope,
        link=page.get_absolute_url(),
    )


def _judge_ack(page: Page) -> datetime | None:
    """Whoever acknowledged it is judged by what anybody did for it since."""
    active = _last_deed(page)
    due = lapses_at(page, active)
    if due is None or due > clock.now():
        Page.objects.filter(pk=page.pk).update(active_at=active, due_at=due)
        return due
    lapse(page=page, actor=ACTOR)
    return None


def _last_deed(page: Page) -> datetime:
    """The last event that a person caused, in the page's scope or below it."""
    since = page.active_at or page.opened_at
    below = ScopeClosure.objects.filter(ancestor=page.scope).values("descendant_id")
    events = Event.objects.filter(scope__in=below) if page.scope else Event.objects.filter(subject=page.about)
    by_people = events.filter(Q(actor__startswith="user:") | Q(actor__startswith="token:"), at__gt=since)
    return by_people.exclude(verb__startswith="page.").aggregate(last=Max("at"))["last"] or since
