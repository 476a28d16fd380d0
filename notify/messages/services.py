"""Verbs on messages: send, decide, resend."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.template import Context, TemplateDoesNotExist, loader
from django.utils import timezone

from accounts.approvals.services import request_approval
from accounts.models import User
from ledger import Invalid, Refused, record, transition
from ledger.access import ScopeGate
from ledger.models import Scope
from notify.audiences.models import Audience
from notify.audiences.selectors import Recipient, people_of, recipients
from notify.deliveries.lanes import KIND, Queue, channel_of, lanes_of, queues
from notify.deliveries.models import Delivery, Lane
from notify.messages.models import LET_OUT, Message
from notify.promises.services import check_promise, settle_promises
from work import Item, enqueue_many, revive

LONGEST_SUBJECT = 200
GAPS = re.compile(r"\n[ \t]*(?:\n[ \t]*)+\n")  # where a template had something to say to others
LONGEST_BODY = 20_000


def compose(template: str, context: Mapping[str, Any]) -> tuple[str, str]:
    """A template's first line is the subject, the rest the body. Plain text: nothing is escaped as HTML."""
    try:
        found: Any = loader.get_template(f"notify/{template}.txt")
        text = found.template.render(Context({"public_url": settings.PUBLIC_URL, **context}, autoescape=False))
    except TemplateDoesNotExist:
        raise Invalid("template", f"there is no message template {template!r}") from None
    subject, _, body = text.strip().partition("\n")
    return subject.removeprefix("Subject:").strip(), GAPS.sub("\n\n", body).strip()


def send(
    *,
    key: str,
    actor: str,
    audience: str = "",
    users: Iterable[User] = (),
    template: str = "plain",
    context: Mapping[str, Any] | None = None,
    scope: Scope | None = None,
    link: str = "",
    authority: str = "",
    corrects: Message | None = None,
    next_update_by: datetime | None = None,
) -> Message:
    """Put a message into the outbox, once a key. Outside audiences hear nothing that nobody approved.

    `authority` names what approved these very words already, such as `plan:0x9f2c…`; without one, a message for an
    outside audience waits for a commander. `corrects` is a message to the same audience that this one puts right;
    `next_update_by` promises the next one, and the promise is watched (notify/promises).
    """
    subject, body = compose(template, context or {})
    told = audience_of(audience)
    check_words(subject, body)
    if corrects is not None:
        _check_correction(corrects, told)
    check_promise(next_update_by, told)
    with transaction.atomic():
        waits = told is not None and told.kind == Audience.Kind.OUTSIDE and not authority
        message, created = Message.objects.get_or_create(
            key=key,
            defaults={
                "scope": scope,
                "audience": told,
                "template": template,
                "subject_line": subject,
                "body": body,
                "link": absolute(link),
                "digest": digest(audience, subject, body, _besides(corrects, next_update_by)),
                "status": Message.State.AWAITING_APPROVAL if waits else Message.State.APPROVED,
                "requested_by": actor,
                "authority": authority or ("" if waits else "inside"),
                "corrects": corrects,
                "next_update_by": next_update_by,
            },
        )
        if created:
            _begin(message, list(users), actor=actor, waits=waits)
    return message


def audience_of(slug: str) -> Audience | None:
    if not slug:
        return None
    found = Audience.objects.filter(slug=slug).first()
    if found is None:
        known = ", ".join(Audience.objects.order_by("slug").values_list("slug", flat=True))
        raise Invalid("audience", f"there is no audience {slug!r}", f"one of: {known}")
    return found


def refuse_public_of_private(audience: Audience | None, scope: Scope | None) -> None:
    """By whatever door: the public is not told of what is private."""
    if tells_public_of_private(audience, scope):
        raise Refused(
            "This is private: the public cannot be told of it before it is opened.",
            "open the incident, tell those inside, or who helps in confidence (exchanges, bridges, issuers, legal)",
            "private",
        )


def tells_public_of_private(audience: Audience | None, scope: Scope | None) -> bool:
    public = audience is not None and audience.is_public
    return public and scope is not None and ScopeGate(scope.pk).is_closed


def check_words(subject: str, body: str) -> None:
    if not subject or len(subject) > LONGEST_SUBJECT:
        raise Invalid("subject", "must be one line of 1 to 200 characters", "shorter words")
    if not body or len(body) > LONGEST_BODY:
        raise Invalid("body", "must be 1 to 20,000 characters")


def absolute(link: str) -> str:
    return settings.PUBLIC_URL + link if link.startswith("/") else link


def digest(audience: str, subject: str, body: str, besides: Mapping[str, str] | None = None) -> str:
    """What an approver approves: these words for this audience, and what is said of them besides."""
    words = [audience, subject, body, besides] if besides else [audience, subject, body]
    text = json.dumps(words, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return "0x" + hashlib.sha256(text.encode()).hexdigest()


def _besides(corrects: Message | None, next_update_by: datetime | None) -> dict[str, str]:
    found = {"corrects": corrects.digest} if corrects else {}
    return {**found, "next_update_by": next_update_by.astimezone(UTC).isoformat()} if next_update_by else found


def _digest_of(message: Message) -> str:
    """Of the words that are stored now."""
    slug = message.audience.slug if message.audience else ""
    besides = _besides(message.corrects, message.next_update_by)
    return digest(slug, message.subject_line, message.body, besides)


def _check_correction(corrected: Message, audience: Audience | None) -> None:
    if corrected.status not in LET_OUT:
        raise Refused("only what was let out is corrected", "refuse its approval instead", "not-let-out")
    if audience is None or corrected.audience_id != audience.pk:
        raise Invalid("audience", "a correction goes to those who heard the message", f"it was {corrected.audience}")


def _begin(
    message: Message, users: list[User], *, actor: str, waits: bool, found: Sequence[Recipient] | None = None
) -> None:
    refuse_public_of_private(message.audience, message.scope)
    record("message.requested", actor=actor, scope=message.scope, subject=message.subject, after=requested(message))
    if waits:
        request_approval(
            subject=message.subject,
            subject_hash=message.digest,
            scope=message.scope,
            required=1,
            role="commander",
            requester=actor,
            title=f"Tell {message.audience}: {message.subject_line}",
            actor=actor,
            link=f"/notify/messages/{message.pk}/",
        )
    else:
        _let_out(message, users, actor=actor, found=found)


def requested(message: Message) -> dict[str, Any]:
    """What its event tells."""
    return {
        "audience": message.audience.slug if message.audience else None,
        "subject": message.subject_line,
        "digest": message.digest,
        "authority": message.authority,
    }


def _let_out(message: Message, users: Iterable[User], *, actor: str, found: Sequence[Recipient] | None = None) -> None:
    """Its words are free: what was promised before is kept by them, and what they promise is watched from now on."""
    message.let_out_at = timezone.now()
    Message.objects.filter(pk=message.pk).update(let_out_at=message.let_out_at)
    settle_promises(message, actor=actor)
    address(message, users, actor=actor, found=found)


def address(message: Message, users: Iterable[User], *, actor: str, found: Sequence[Recipient] | None = None) -> int:
    """Make one delivery for each way to each receiver; nobody to tell is an event of its own, not silence."""
    found = _ways_to(message, list(users)) if found is None else found
    put_into_outbox([(message, actor)], found)
    record(
        "message.addressed" if found else "message.reached.nobody",
        actor=actor,
        scope=message.scope,
        subject=message.subject,
        after={"deliveries": len(found), "audience": message.audience.slug if message.audience else None},
    )
    if not found:
        transition(message, Message.State.FAILED, actor=actor, reason="the audience has no enabled destination")
    return len(found)


def _ways_to(message: Message, users: list[User]) -> list[Recipient]:
    """What is private is told to those of an audience who may see it, and to no list."""
    audience, gate = message.audience, ScopeGate(message.scope_id if message.audience else None)
    if audience is None or not gate.is_closed:
        return recipients(audience, users)
    return recipients(None, [*users, *(user for user in people_of(audience) if gate.lets(user))])


def begin_for(found: Sequence[Recipient], *, key: str, subject: str, body: str, template: str, actor: str) -> Message:
    """A message for these ways alone, of no audience: for words that need nobody's approval, such as a test's."""
    check_words(subject, body)
    message = Message.objects.create(
        key=key,
        template=template,
        subject_line=subject,
        body=body,
        digest=digest("", subject, body),
        status=Message.State.APPROVED,
        requested_by=actor,
        authority=template,
    )
    _begin(message, [], actor=actor, waits=False, found=found)
    return message


def put_into_outbox(letters: Sequence[tuple[Message, str]], found: Sequence[Recipient]) -> None:
    """Of each message, and for whom it is sent, a copy for each of these, with the work that brings it there. In the
    caller's transaction."""
    lanes = lanes_of((one.channel, one.address) for one in found)
    waiting = queues(lanes.values())
    copies = Delivery.objects.bulk_create(
        [
            Delivery(
                message=message,
                lane_id=lanes[one.channel, one.address.lower()],
                destination=one.destination,
                user=one.user,
                channel=one.channel,
                address=one.address,
                sealed="" if one.destination else one.sealed,  # a destination's settings are those of the day
            )
            for message, _ in letters
            for one in found
        ],
        batch_size=1_000,
    )
    actors = {message.pk: actor for message, actor in letters}
    enqueue_many([_item(copy, actors[copy.message_id], waiting[copy.lane_id]) for copy in copies])


def _item(copy: Delivery, actor: str, waiting: Queue) -> Item:
    """Due at once, or when its lane will have come to it."""
    own = copy.destination.pause if copy.destination else None
    due = waiting.enter(channel_of(copy.channel), own)
    about = {"delivery": copy.pk, "channel": copy.channel}
    return Item(KIND, copy.work_key, copy.subject, about, copy.scope, actor, due)


@transaction.atomic
def approved(*, message_id: int, subject_hash: str, actor: str, approval: str) -> None:
    """The commander's yes came in: it counts for the words that are stored now, or not at all."""
    message = Message.objects.select_for_update().get(pk=message_id)
    if message.status != Message.State.AWAITING_APPROVAL:
        return
    if not subject_hash == message.digest == _digest_of(message):
        transition(message, Message.State.REJECTED, actor=actor, reason="its words are not those that were approved")
        return
    if tells_public_of_private(message.audience, message.scope):
        transition(message, Message.State.REJECTED, actor=actor, reason="what it is about is private by now")
        return
    transition(message, Message.State.APPROVED, actor=actor, also={"authority": approval})
    _let_out(message, [], actor=actor)


@transaction.atomic
def refused(*, message_id: int, actor: str, reason: str) -> None:
    message = Message.objects.select_for_update().get(pk=message_id)
    if message.status == Message.State.AWAITING_APPROVAL:
        transition(message, Message.State.REJECTED, actor=actor, reason=reason)


@transaction.atomic(savepoint=False)
def settle(message_id: int) -> None:
    """After a delivery ended: with none left open, the message is sent, or failed if any copy was."""
    message = Message.objects.select_for_update().get(pk=message_id)
    if message.status not in (Message.State.APPROVED, Message.State.WITHDRAWN):
        return
    if message.deliveries.filter(status=Delivery.State.QUEUED).exists():
        return
    counts = set(message.deliveries.values_list("status", flat=True).distinct())
    if counts == {message.status}:
        return
    if Delivery.State.FAILED in counts:
        transition(message, Message.State.FAILED, actor="system:notify", reason="not every copy could be delivered")
    elif Delivery.State.SENT not in counts:
        transition(message, Message.State.WITHDRAWN, actor="system:notify", reason="no copy had left when it was over")
    else:
        told = {"subject": message.subject_line, "audience": message.audience.slug if message.audience else None}
        also = {"sent_at": timezone.now()}
        transition(message, Message.State.SENT, actor="system:notify", also=also, after=told)


@transaction.atomic
def resend(*, delivery: Delivery, actor: str) -> None:
    """A person wants a failed copy tried again."""
    held = Delivery.objects.select_for_update().get(pk=delivery.pk)
    refuse_public_of_private(held.message.audience, held.message.scope)
    also = {"error": "", "carrier": None, "queued_at": timezone.now()}
    transition(held, Delivery.State.QUEUED, actor=actor, reason="sent again by hand", also=also)
    message = Message.objects.select_for_update().get(pk=held.message_id)
    if message.status == Message.State.FAILED:
        transition(message, Message.State.APPROVED, actor=actor, reason="a copy is sent again")
    Lane.objects.filter(pk=held.lane_id, holder=None).update(busy_until=Now(), failures=0)
    revive(KIND, held.work_key, actor=actor)
