"""Writing signatures down, and what follows from how many count now."""

from typing import Any

from django.db import transaction

from governance.proposals.integrity import check_row
from governance.proposals.models import Confirmation, Proposal
from governance.safes.models import Safe
from integrations.safe.signatures import Signature
from ledger import Invalid, Refused, alarm, record, transition
from work import enqueue
from work.models import Work

EXECUTE, RECOUNT = "governance.execute", "governance.recount"
COLLECTING = ("signing", "ready")


def refuse_unless_signing(proposal: Proposal) -> None:
    if proposal.status not in COLLECTING:
        raise Refused(
            f"This proposal is {proposal.status}; it takes no more signatures.",
            "look at the proposal's page for what happened to it",
            "not-signing",
        )


def locked(proposal: Proposal) -> Proposal:
    """The row, held until the caller's transaction ends, and still the one that was proposed."""
    rows = Proposal.objects.select_for_update(of=("self",)).select_related("safe__chain", "scope", "plan")
    row = rows.get(pk=proposal.pk)
    refuse_unless_signing(row)
    check_row(row)
    return row


@transaction.atomic
def keep(proposal: Proposal, parsed: Signature, safe: Safe, *, actor: str, user: Any, via: str) -> Confirmation:
    """One an owner. Only a signature that lapsed is replaced, by one that holds."""
    held = locked(proposal)
    values = {"signature": bytes.fromhex(parsed.hex[2:]), "kind": parsed.kind, "user": user, "via": via}
    row, created = Confirmation.objects.get_or_create(proposal=held, owner=parsed.owner, defaults=values)
    if not created and not row.lapsed:
        raise Invalid("signature", f"{parsed.owner} has signed this already.", "another owner's; each counts once")
    if not created:
        Confirmation.objects.filter(pk=row.pk).update(**values, lapsed="")
        row.refresh_from_db()
    record(
        "confirmation.added",
        actor=actor,
        scope=held.scope,
        subject=held.subject,
        after={
            "owner": parsed.owner,
            "kind": parsed.kind,
            "via": via,
            "safe_tx_hash": held.safe_tx_hash,
            "signed": counted(held, safe),
            "threshold": safe.threshold,
        },
    )
    settle(held, safe, actor=actor)
    return row


def counted(proposal: Proposal, safe: Safe) -> int:
    """Signatures of present owners that the Safe would take."""
    return Confirmation.objects.filter(proposal=proposal, owner__in=safe.owners, lapsed="").count()


def settle(held: Proposal, safe: Safe, *, actor: str) -> None:
    """Ready as soon as enough count, signing again when too few do. The caller holds the proposal's row."""
    signed = counted(held, safe)
    numbers = {"signed": signed, "threshold": safe.threshold}
    if held.status == "signing" and signed >= safe.threshold:
        also = {"stopped": None} if (held.stopped or {}).get("code") == "threshold" else {}
        transition(held, "ready", actor=actor, after=numbers, also=also)
        if held.auto_execute:
            enqueue_execution(held, actor)
    elif held.status == "ready" and signed < safe.threshold:
        reason = f"{signed} of {safe.threshold} needed signatures are of present owners; more must sign"
        transition(
            held,
            "signing",
            actor=actor,
            reason=reason,
            after=numbers,
            also={"stopped": {"code": "threshold", "reason": reason}},
            alarm=alarm(f"proposal-stopped:{held.pk}", "SEV2", title=f"Proposal {held.pk} stopped: {reason}"[:200]),
        )


def enqueue_execution(proposal: Proposal, actor: str) -> None:
    """A new try for each one that ended; while one is open it is the same row. The caller holds the proposal's row."""
    ended = Work.objects.filter(kind=EXECUTE, subject=proposal.subject, ended_at__isnull=False).count()
    enqueue(
        EXECUTE,
        key=f"proposal:{proposal.pk}:{ended}",
        subject=proposal.subject,
        payload={"proposal": proposal.pk},
        scope=proposal.scope,
        actor=actor,
    )


def enqueue_recount(proposal: Proposal, *, key: str, actor: str) -> None:
    """Look again at what its signatures are worth, soon and in a worker."""
    enqueue(
        RECOUNT,
        key=f"proposal:{proposal.pk}:{key}",
        subject=proposal.subject,
        payload={"proposal": proposal.pk},
        scope=proposal.scope,
        actor=actor,
    )
