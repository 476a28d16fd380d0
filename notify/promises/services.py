"""Verbs on promises: made, kept, reminded of, found overdue."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import Approval, Decision
from accounts.selectors import user_for_actor
from ledger import Invalid, StaleTransition, alarm, record, transition
from ledger.models import Scope, ScopeClosure
from notify.audiences.models import Audience
from notify.messages.models import Message
from notify.promises.models import Promise
from work import Done, Lease, Outcome, Wait, cancel, enqueue

KIND = "notify.promise"
ACTOR = "system:notify"
NUDGE = timedelta(minutes=5)
SEVERITY = "SEV4"  # an update that is late does not make the incident graver than it is
FURTHEST = timedelta(days=7)
LIVE = (Promise.State.OPEN, Promise.State.OVERDUE)


def check_promise(by: datetime | None, audience: Audience | None) -> None:
    if by is None:
        return
    if audience is None or audience.kind != Audience.Kind.OUTSIDE:
        raise Invalid("next_update_by", "is promised to people outside", "an outside audience")
    now = timezone.now()
    if timezone.is_naive(by) or not now < by <= now + FURTHEST:
        raise Invalid("next_update_by", "must lie ahead, and within seven days", "a time such as 30 minutes from now")


def settle_promises(message: Message, *, actor: str) -> None:
    """Words were let out: earlier promises to the same people about the same matter are kept by them."""
    if message.audience is None or message.audience.kind != Audience.Kind.OUTSIDE:
        return
    for promise in _live(message):
        _end(promise, Promise.State.KEPT, actor=actor, kept_by=message)
    if message.next_update_by is None:
        return
    promise = Promise.objects.create(message=message, due_at=message.next_update_by)
    record(
        "promise.made",
        actor=actor,
        scope=message.scope,
        subject=promise.subject,
        after={"audience": message.audience.slug, "due_at": promise.due_at},
    )
    enqueue(
        KIND,
        key=str(promise.pk),
        subject=promise.subject,
        scope=message.scope,
        payload={"promise": promise.pk},
        actor=actor,
        run_at=promise.due_at - NUDGE,
    )


def _live(message: Message) -> "QuerySet[Promise]":
    """Of the same audience, in the same scope, below it or above it."""
    found = Promise.objects.select_for_update(of=("self",)).select_related("message__audience", "message__scope")
    found = found.filter(status__in=LIVE, message__audience=message.audience).exclude(message=message)
    if message.scope is None:
        return found.filter(message__scope=None)
    above = ScopeClosure.objects.filter(descendant=message.scope).values("ancestor_id")
    return found.filter(message__scope__in=ScopeClosure.objects.filter(ancestor__in=above).values("descendant_id"))


@transaction.atomic
def void_promises(*, scope: Scope, actor: str, reason: str) -> None:
    """What they were about is over: nothing more is to be told."""
    below = ScopeClosure.objects.filter(ancestor=scope).values("descendant_id")
    found = Promise.objects.select_for_update(of=("self",)).select_related("message__audience", "message__scope")
    for promise in found.filter(status__in=LIVE, message__scope__in=below):
        _end(promise, Promise.State.VOID, actor=actor, reason=reason)


def _end(promise: Promise, to: str, *, actor: str, reason: str = "", kept_by: Message | None = None) -> None:
    late = promise.status == Promise.State.OVERDUE
    cleared = alarm(_key(promise), SEVERITY, cleared=True) if late else None
    after = {"late": late, "by": kept_by.subject if kept_by else ""}
    transition(promise, to, actor=actor, reason=reason, also={"kept_by": kept_by}, after=after, alarm=cleared)
    cancel(KIND, str(promise.pk))


def _key(promise: Promise) -> str:
    return f"update_overdue:{promise.pk}"


def watch(lease: Lease) -> Outcome:
    """The work `notify.promise`: shortly before, whoever asked and whoever approved is reminded; after, it is an
    alarm."""
    promise = Promise.objects.select_related("message__audience", "message__scope").get(
        pk=lease.work.payload["promise"]
    )
    if promise.status != Promise.State.OPEN:
        return Done({"already": promise.status})
    if timezone.now() < promise.due_at:
        with lease.commit():
            _remind(promise)
        return Wait(promise.due_at, "the update is due soon")
    title = f"The update promised to {promise.message.audience} by {promise.due_at:%H:%M} UTC is late"
    outcome = Done()
    try:
        with lease.commit(outcome):
            late = alarm(_key(promise), SEVERITY, title=title)
            transition(promise, Promise.State.OVERDUE, actor=ACTOR, reason=title, alarm=late)
    except StaleTransition:
        return Done({"already": "ended"})
    return outcome


def _remind(promise: Promise) -> None:
    from notify.messages.services import send

    message = promise.message
    asker = user_for_actor(message.requested_by)
    deciders = Decision.objects.filter(approval__in=Approval.objects.filter(about=message.subject), verdict="given")
    people = {user.pk: user for user in (asker, *(one.user for one in deciders.select_related("user"))) if user}
    audience = message.audience.slug if message.audience else ""
    record(
        "promise.due",
        actor=ACTOR,
        scope=message.scope,
        subject=promise.subject,
        after={"audience": audience, "due_at": promise.due_at},
    )
    if people:
        send(
            key=f"{promise.subject}:due",
            users=people.values(),
            template="promise_due",
            context={"promise": promise, "message": message},
            scope=message.scope,
            actor=ACTOR,
            link=f"/notify/messages/{message.pk}/",
        )
