"""What this room hears of approvals."""

from ledger import subscribe
from ledger.models import Event
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
