"""Writing signatures down, and what follows from how many count now."""

from collections.abc import Iterable
from typing import Any

from django.db import transaction

from governance.proposals.ending import expired, limit_words
from governance.proposals.integrity import check_row
from governance.proposals.models import DEAD, Confirmation, Proposal
from governance.safes.models import Safe
from integrations.safe.signatures import Signature
from ledger import Invalid, Refused, alarm, record, transition
from ledger.statements import Shape, say
from work import enqueue
from work.models import Work

ROW, CONFIRMATION = Shape(Proposal), Shape(Confirmation)
HOLD = f"SELECT {ROW.columns('p')} FROM governance_proposal p WHERE p.id = %(pk)s FOR UPDATE"  # noqa: S608
GIVEN = f"SELECT {CONFIRMATION.columns('c')} FROM governance_confirmation c WHERE c.proposal_id = %(pk)s"  # noqa: S608
BLOCKED, UNJUDGED = "blocking-finding", "unjudged"  # why enough signatures do not make it ready
EXECUTE, RECOUNT = "governance.execute", "governance.recount"
COLLECTING = ("signing", "ready")
BECAME = {
    "draft": "is not offered to its owners yet",
    "executing": "is being executed",
    "executed": "was executed",
    "unknown": "may have been executed already",
    "rejected": "was withdrawn",
    "superseded": "was superseded",
    "failed": "failed",
}


def why_closed(proposal: Proposal) -> Refused | None:
    """Why it takes no signature now: it is over, or its time limit has passed and nobody has ended it yet."""
    stopped = proposal.stopped or {}
    if expired(proposal) if proposal.status in COLLECTING else stopped.get("code") == "expired":
        hint = "if it is still wanted, propose it again"
        return Refused(f"This proposal takes no more signatures: {limit_words(proposal)}.", hint, "expired")
    if proposal.status in COLLECTING:
        return None
    why = f" ({stopped['reason']})" if proposal.status in DEAD and stopped.get("reason") else ""
    return Refused(
        f"This proposal {BECAME[proposal.status]}{why}; it takes no more signatures.",
        "look at the proposal's page for what happened to it",
        "not-signing",
    )


def refuse_unless_signing(proposal: Proposal) -> None:
    if closed := why_closed(proposal):
        raise closed


def locked(proposal: Proposal) -> Proposal:
    """The row, held until the caller's transaction ends, and still the one that was proposed."""
    rows = Proposal.objects.select_for_update(of=("self",)).select_related("safe__chain", "scope", "plan")
    row = rows.get(pk=proposal.pk)
    refuse_unless_signing(row)
    check_row(row)
    return row


def hold(proposal: Proposal) -> Proposal:
    """`locked`, with what it belongs to as it was loaded just now: that never changes."""
    row = ROW.build(iter(say(HOLD, {"pk": proposal.pk})[0]))
    row.safe, row.scope, row.plan = proposal.safe, proposal.scope, proposal.plan
    refuse_unless_signing(row)
    check_row(row)
    return row


@transaction.atomic
def keep(proposal: Proposal, parsed: Signature, safe: Safe, *, actor: str, user: Any, via: str) -> Confirmation:
    """One an owner. Only a signature that lapsed is replaced, by one that holds."""
    held = locked(proposal)
    there = given(held)
    if parsed.owner in there and not there[parsed.owner].lapsed:
        raise Invalid("signature", f"{parsed.owner} has signed this already.", "another owner's; each counts once")
    return add_confirmation(held, parsed, safe, there, actor=actor, user=user, via=via)


def given(proposal: Proposal) -> dict[str, Confirmation]:
    """By owner, also what lapsed."""
    rows = (CONFIRMATION.build(iter(row)) for row in say(GIVEN, {"pk": proposal.pk}))
    return {row.owner: row for row in rows}


def add_confirmation(
    held: Proposal,
    parsed: Signature,
    safe: Safe,
    there: dict[str, Confirmation],
    *,
    actor: str,
    user: Any,
    via: str,
    judged: bool = True,
) -> Confirmation:
    """One more, under the proposal's lock (or in the transaction that makes it); `there`: those given before.

    `judged`: a simulation was looked at before it was taken.
    """
    values = {"signature": bytes.fromhex(parsed.hex[2:]), "kind": parsed.kind, "user": user, "via": via}
    row = there.get(parsed.owner)
    if row is None:
        row, _ = CONFIRMATION.insert(Confirmation(proposal=held, owner=parsed.owner, **values))
    else:
        Confirmation.objects.filter(pk=row.pk).update(**values, lapsed="")
        row.refresh_from_db()
    there[parsed.owner] = row
    signed = counted(there.values(), safe)
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
            "signed": signed,
            "threshold": safe.threshold,
        },
    )
    settle(held, safe, signed, actor=actor, judged=judged)
    return row


def counted(rows: Iterable[Confirmation], safe: Safe) -> int:
    """Signatures of present owners that the Safe would take."""
    return sum(row.owner in safe.owners and not row.lapsed for row in rows)


def settle(held: Proposal, safe: Safe, signed: int, *, actor: str, judged: bool = True) -> None:
    """Ready as soon as enough count, signing again when too few do. The caller holds the proposal's row.

    Enough that nobody has `judged` with a simulation are looked at in a worker first.
    """
    numbers = {"signed": signed, "threshold": safe.threshold}
    if held.status == "signing" and signed >= safe.threshold and not judged:
        enqueue_recount(held, key=f"judge:{signed}", actor=actor)
    elif held.status == "signing" and signed >= safe.threshold:
        also = {"stopped": None} if (held.stopped or {}).get("code") in ("threshold", BLOCKED, UNJUDGED) else {}
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


def hold_back(held: Proposal, reason: str, *, actor: str) -> None:
    """Enough have signed, and something blocks it: it is not ready, and says why. The caller holds its row."""
    stopped = {"code": BLOCKED, "reason": reason}
    if held.stopped == stopped:
        return
    Proposal.objects.filter(pk=held.pk).update(stopped=stopped)
    record(
        "proposal.stopped",
        actor=actor,
        scope=held.scope,
        subject=held.subject,
        reason=reason,
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
        sparing=True,
    )
