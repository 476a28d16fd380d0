"""Who of the signers has opened a proposal."""

from datetime import datetime

from django.db import transaction

from accounts.models import User
from governance.proposals.models import Proposal, Sight
from ledger import record


def note_seen(proposal: Proposal, user: User) -> None:
    """One row and one event a signer, however often the page is opened; nothing once it is over."""
    if proposal.status not in ("signing", "ready") or Sight.objects.filter(proposal=proposal, user=user).exists():
        return
    with transaction.atomic():
        _, first = Sight.objects.get_or_create(proposal=proposal, user=user)
        if first:
            record("proposal.seen", actor=user.actor, scope=proposal.scope, subject=proposal.subject)


def seen_by(proposal: Proposal) -> dict[int, datetime]:
    """When each person saw it first."""
    return dict(Sight.objects.filter(proposal=proposal).values_list("user_id", "at"))
