"""Asking to sign past blocking findings, and judging whether that was granted: now, never from memory."""

import hashlib
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from accounts.approvals.models import Approval
from accounts.approvals.selectors import counting, is_satisfied
from accounts.approvals.services import request_approval
from accounts.models import User, Wallet
from accounts.selectors import user_for_actor
from governance.findings import Found
from governance.proposals.counting import refuse_unless_signing
from governance.proposals.models import Proposal
from governance.waivers.models import Waiver
from integrations.safe.hashes import safe_tx_hash
from ledger import Invalid, Refused, record
from ledger.text import prose

ROLE = "commander"
SHORTEST_REASON = 20


@dataclass(frozen=True)
class Standing:
    """A waiver and what became of it."""

    waiver: Waiver
    approval: Approval | None
    holds: bool
    approvers: tuple[User, ...] = ()


def digest(proposal: Proposal, keys: Iterable[str], reason: str) -> str:
    """What the second role approves: this transaction, these findings, this reason."""
    text = json.dumps([safe_tx_hash(proposal.safe_tx), sorted(keys), reason], ensure_ascii=False)
    return "0x" + hashlib.sha256(text.encode()).hexdigest()


def request_waiver(*, proposal: Proposal, findings: Collection[Found], reason: str, actor: str) -> Waiver:
    """Ask a commander to let these findings pass. Whoever asks may sign; whoever grants may not."""
    reason = prose("reason", reason, 2_000)
    if len(reason) < SHORTEST_REASON:
        raise Invalid("reason", "Too short to be a reason.", "why each finding does not stop this, in a sentence")
    refuse_unless_signing(proposal)
    if not findings:
        raise Refused("Nothing blocks this proposal.", "sign it", "nothing-blocks")
    if fixed := [one for one in findings if not one.waivable]:
        raise Refused(
            f"{fixed[0].label}: {fixed[0].text} This can never be signed past.",
            "withdraw it and propose what is wanted",
            "never-waived",
        )
    if user_for_actor(actor) is None:
        raise Refused("A person asks for this, with their name.", "ask when you are signed in yourself", "no-person")
    return _store(proposal, findings, reason, actor)


@transaction.atomic
def _store(proposal: Proposal, findings: Collection[Found], reason: str, actor: str) -> Waiver:
    shown = [
        {"key": one.key, "finding": one.finding, "label": one.label, "call": one.call, "text": one.text}
        for one in findings
    ]
    sha256 = digest(proposal, (one.key for one in findings), reason)
    if existing := Waiver.objects.filter(proposal=proposal, sha256=sha256, requested_by=actor).first():
        return existing
    waiver = Waiver.objects.create(proposal=proposal, findings=shown, reason=reason, sha256=sha256, requested_by=actor)
    record(
        "waiver.requested",
        actor=actor,
        scope=proposal.scope,
        subject=waiver.subject,
        reason=reason,
        after={"proposal": proposal.subject, "hash": sha256, "findings": shown},
    )
    request_approval(
        subject=waiver.subject,
        subject_hash=sha256,
        scope=proposal.scope,
        required=1,
        role=ROLE,
        requester=actor,
        title=f"Sign past {len(shown)} blocking finding{'' if len(shown) == 1 else 's'}: {proposal.title}",
        link=f"/governance/proposals/{proposal.pk}/",
        actor=actor,
    )
    return waiver


def standings(proposal: Proposal) -> list[Standing]:
    """Every waiver asked for, judged with the roles of today; an altered one holds no more."""
    found: list[Standing] = []
    if proposal.pk is None:  # judged before it is stored
        return found
    for waiver in Waiver.objects.filter(proposal=proposal):
        approval = Approval.objects.filter(about=waiver.subject).order_by("-pk").first()
        intact = waiver.sha256 == digest(proposal, waiver.keys, waiver.reason)
        holds = intact and is_satisfied(waiver.subject, waiver.sha256)
        by = tuple(decision.user for decision in counting(approval)) if approval and holds else ()
        found.append(Standing(waiver, approval, holds, by))
    return found


def covered(given: Iterable[Standing]) -> set[str]:
    """Keys of findings that are let through at this moment."""
    return {key for standing in given if standing.holds for key in standing.waiver.keys}


def refuse_own_grant(given: Iterable[Standing], owners: Collection[str]) -> None:
    """The second role is a second person: who granted it does not sign it as well."""
    granted = {user.pk for standing in given if standing.holds for user in standing.approvers}
    if not granted:
        return
    both = Wallet.objects.filter(address__in=owners, user_id__in=granted).select_related("user").first()
    if both is not None:
        raise Refused(
            f"{both.user.display_name} let a blocking finding pass and may not sign past it as well.",
            "another owner signs, or another commander lets it pass",
            "own-waiver",
        )


def as_json(standing: Standing) -> dict[str, Any]:
    waiver = standing.waiver
    return {
        "id": waiver.pk,
        "reason": waiver.reason,
        "findings": [{name: one[name] for name in ("finding", "label", "call", "text")} for one in waiver.findings],
        "hash": waiver.sha256,
        "requested_by": waiver.requested_by,
        "approval": standing.approval.pk if standing.approval else None,
        "status": standing.approval.status if standing.approval else "withdrawn",
        "holds": standing.holds,
    }
