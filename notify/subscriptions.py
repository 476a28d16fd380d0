"""What this room hears of approvals, and of what becomes private."""

from ledger import subscribe
from ledger.models import Event
from notify.deliveries.withdrawing import withdraw_from_public
from notify.messages import services


def _message_of(event: Event) -> int | None:
    noun, _, number = str((event.after or {}).get("about", "")).partition(":")
    return int(number) if noun == "message" and number.isdecimal() else None


@subscribe("approval.satisfied", name="notify.approved")
def approved(event: Event) -> None:
    if pk := _message_of(event):
        given = str((event.after or {})["hash"])
        services.approved(message_id=pk, subject_hash=given, actor=event.actor, approval=event.subject)


@subscribe("approval.refused", name="notify.refused")
def refused(event: Event) -> None:
    if pk := _message_of(event):
        services.refused(message_id=pk, actor=event.actor, reason=event.reason)


def _closes(event: Event) -> bool:
    return event.verb == "scope.linked" or bool((event.after or {}).get("private"))


@subscribe("scope.*", name="notify.closed", when=_closes)
def closed(event: Event) -> None:
    """What is on its way to the public is taken back as far as it can be."""
    if event.verb in ("scope.linked", "scope.private.changed") and event.scope is not None:
        withdraw_from_public(scope=event.scope, actor=event.actor)
