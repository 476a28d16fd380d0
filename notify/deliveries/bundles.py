"""What goes out: one copy as it was written, or several as one."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from django.utils import timezone

from integrations.channels import BETWEEN, Envelope
from notify.deliveries.models import Delivery
from notify.pages.links import link_for
from notify.subscribers.services import footer, leaving

LATE = timedelta(minutes=10)
LONGEST_SUBJECT = 200


def envelope_of(copies: Sequence[Delivery]) -> Envelope:
    """The first one's token stands for all of them: the same load has the same at every try."""
    parts = tuple(_envelope(copy) for copy in copies)
    leave = leaving(copies[0].destination)
    if len(parts) == 1:
        return replace(parts[0], body=parts[0].body + footer(leave), leave=leave)
    links = {part.link for part in parts}
    return Envelope(
        token=parts[0].token,
        subject=f"{len(parts)} messages: {parts[0].subject}"[:LONGEST_SUBJECT],
        body=BETWEEN.join("\n\n".join(filter(None, (part.subject, part.body, part.link))) for part in parts)
        + footer(leave),
        link=links.pop() if len(links) == 1 else "",
        at=parts[0].at,
        parts=parts,
        leave=leave,
    )


def _envelope(copy: Delivery) -> Envelope:
    """What arrives late says when it was written: by then it may not be so any more."""
    message = copy.message
    body, at = message.body, message.said_at
    if timezone.now() - at > LATE:
        body = f"(Written {at:%Y-%m-%d %H:%M} UTC; it could not be delivered before.)\n\n{body}"
    return Envelope(token=copy.token, subject=message.subject_line, body=body, link=link_for(copy), at=at)
