"""Copies that nobody needs any more are not sent: at once where that is possible, else before their next try."""

from collections.abc import Iterable, Sequence

from django.db import transaction

from ledger import transition
from ledger.access import ScopeGate
from ledger.models import Scope, ScopeClosure
from notify.audiences.models import CONFIDANTS, Audience
from notify.deliveries.lanes import unbundle
from notify.deliveries.models import Delivery
from notify.messages.models import Message
from notify.messages.services import settle
from notify.pages.links import TEMPLATE
from notify.pages.models import Notice, Page


@transaction.atomic
def withdraw(*, messages: Iterable[int], actor: str, reason: str) -> int:
    """Take back what is still in the outbox. Whatever a worker is writing at this moment is passed over: to wait for it
    could mean to wait for each other."""
    queued = Delivery.objects.select_for_update(of=("self",), skip_locked=True).select_related("message__scope")
    found = list(queued.filter(message_id__in=messages, status=Delivery.State.QUEUED).order_by("pk"))
    those = [delivery.pk for delivery in found]
    unbundle(queued.filter(carrier_id__in=those, status=Delivery.State.QUEUED).exclude(pk__in=those))
    let_go(found, actor=actor, reason=reason)
    return len(found)


def withdraw_from_public(*, scope: Scope, actor: str) -> int:
    """What it is about has become private."""
    if not ScopeGate(scope.pk).is_closed:
        return 0
    below = ScopeClosure.objects.filter(ancestor=scope).values("descendant_id")
    told = Message.objects.filter(scope__in=below, audience__kind=Audience.Kind.OUTSIDE)
    told = told.exclude(audience__slug__in=CONFIDANTS)
    open_ones = told.filter(deliveries__status=Delivery.State.QUEUED).distinct().values_list("pk", flat=True)
    return withdraw(messages=list(open_ones), actor=actor, reason="what it is about is private by now")


def let_go(copies: Sequence[Delivery], *, actor: str, reason: str) -> None:
    """In the caller's transaction, who holds them."""
    for copy in copies:
        transition(copy, Delivery.State.WITHDRAWN, actor=actor, reason=reason)
    for message_id in sorted({copy.message_id for copy in copies}):
        settle(message_id)


def unneeded(copies: Sequence[Delivery]) -> list[Delivery]:
    """Those of pages that somebody has, or that are over."""
    paging = [copy for copy in copies if copy.message.template == TEMPLATE]
    if not paging:
        return []
    asked = Notice.objects.filter(
        message__in=[copy.message_id for copy in paging], page__status=Page.State.CLIMBING
    ).values_list("message_id", flat=True)
    needed = set(asked)
    return [copy for copy in paging if copy.message_id not in needed]
