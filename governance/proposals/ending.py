"""How a proposal ends before it is executed: somebody withdraws it, or its time limit passes.

Neither takes anything from the chain: signatures that were given stay good there until the nonce is used.
"""

from datetime import datetime, timedelta

from django.utils import timezone

from accounts.models import User
from governance.proposals.models import Proposal
from ledger import Invalid, Refused, StaleTransition, transition
from work import Done, Lease, Outcome, Retry, Wait, enqueue

EXPIRE = "governance.expire"
SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=365)
ACTOR = "system:governance"


def refuse_others(proposal: Proposal, *, user: User, actor: str) -> None:
    """Whoever made it withdraws it, or a commander does. A playbook's are nobody's own, so they are a commander's."""
    if not may_withdraw(proposal, user=user, actor=actor):
        raise Refused(
            "Only whoever proposed it, or a commander, may withdraw it.",
            "propose a rejection at the same nonce: the owners then decide by signing",
            "not-yours",
        )


def may_withdraw(proposal: Proposal, *, user: User, actor: str) -> bool:
    """`actor` is the person's own, or that of the token which acts for them."""
    mine = proposal.created_by in (actor, user.actor)
    return user.has_level("commander") or (user.has_level("responder") and mine)


def withdraw(*, proposal: Proposal, actor: str, reason: str) -> None:
    """Stop collecting. Signatures given already stay valid on the chain until the nonce is used: reject does that."""
    if not reason.strip():
        raise Invalid("reason", "Say why it is withdrawn.", "a few words")
    reason = reason.strip()
    transition(
        proposal, "rejected", actor=actor, reason=reason, also={"stopped": {"code": "withdrawn", "reason": reason}}
    )


def check_limit(expires_at: datetime | None) -> datetime | None:
    """A time limit that gives owners a chance, or Invalid."""
    if expires_at is None:
        return None
    ahead = expires_at - timezone.now()
    if not SHORTEST <= ahead <= LONGEST:
        what = "has passed, or leaves less than a minute" if ahead < SHORTEST else "is more than a year ahead"
        raise Invalid("expires_at", f"This time limit {what}.", "a moment within a year, or none")
    return expires_at


def set_timer(proposal: Proposal, actor: str) -> None:
    """In the transaction that makes the proposal."""
    if proposal.expires_at is not None:
        enqueue(
            EXPIRE,
            key=f"proposal:{proposal.pk}",
            subject=proposal.subject,
            payload={"proposal": proposal.pk},
            scope=proposal.scope,
            actor=actor,
            run_at=proposal.expires_at,
        )


def expired(proposal: Proposal) -> bool:
    return proposal.expires_at is not None and proposal.expires_at <= timezone.now()


def limit_words(proposal: Proposal) -> str:
    return f"its time limit of {proposal.expires_at:%Y-%m-%d %H:%M} UTC has passed"


def run(lease: Lease) -> Outcome:
    """The work `governance.expire`: end it, unless it was handed over or has ended."""
    proposal = Proposal.objects.select_related("scope").get(pk=lease.work.payload["proposal"])
    if proposal.status not in ("draft", "signing", "ready"):
        return Done({"status": proposal.status})
    if not expired(proposal):
        return Wait(until=proposal.expires_at)
    reason = limit_words(proposal)
    outcome = Done({"expired": True})
    try:
        with lease.commit(outcome):
            stopped = {"code": "expired", "reason": reason}
            transition(proposal, "rejected", actor=ACTOR, reason=reason, also={"stopped": stopped})
    except StaleTransition:
        return Retry("it moved meanwhile")
    return outcome
