"""Asking for, giving, refusing and taking back approvals."""

import re
import time
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.approvals.models import Approval, ApprovalStatus, Decision, Needs, Verdict
from accounts.approvals.proofs import Proof, WalletSignature, recover
from accounts.approvals.selectors import counting, may_decide
from accounts.levels import Level
from accounts.models import User, Wallet
from accounts.selectors import user_for_actor
from accounts.stepup import MAX_AGE
from accounts.wallets.chains import known_chain_ids
from ledger import Invalid, Refused, record, transition
from ledger.models import Scope

HASH = re.compile(r"^0x[0-9a-f]{64}$")
SIGNING_TIME = timedelta(minutes=15)


@transaction.atomic
def request_approval(
    *,
    subject: str,
    subject_hash: str,
    scope: Scope | None,
    required: int,
    role: str,
    requester: str | User,
    needs: str = Needs.NONE,
    title: str,
    actor: str,
    expires_at: datetime | None = None,
    chain_id: int | None = None,
    link: str = "",
    drafter: str = "",
) -> Approval:
    """Ask `required` people of `role` for their yes to exactly this hash; never the requester's, nor that of the one
    who drafted what is asked for.

    The same question asked twice is the same approval. A question about another hash of the same subject ends the
    open ones of the old hash: what people are asked about is what is there now.
    """
    asker = requester.actor if isinstance(requester, User) else requester
    subject_hash = subject_hash.lower()
    _check_request(subject_hash, required, role, needs, expires_at)
    if link and not (link.startswith("/") and not link.startswith("//")):
        raise Invalid("link", "leads away from here", "a path such as /runbooks/runs/3/")
    live = Approval.objects.select_for_update().filter(about=subject, role=role, needs=needs)
    live = live.filter(status__in=[ApprovalStatus.OPEN, ApprovalStatus.SATISFIED])
    for old in live:
        if old.subject_hash != subject_hash or old.is_expired:
            if old.status == ApprovalStatus.OPEN:
                transition(old, ApprovalStatus.SUPERSEDED, actor=actor, reason="asked anew")
            elif old.is_expired:
                transition(old, ApprovalStatus.WITHDRAWN, actor=actor, reason="expired")
        elif (old.required, old.requester) == (required, asker):
            return old
        else:
            raise Refused(f"{subject} already waits for another approval of this kind", "withdraw that one first")
    try:
        with transaction.atomic():
            approval = Approval.objects.create(
                scope=scope,
                about=subject,
                subject_hash=subject_hash,
                title=title[:200],
                link=link,
                required=required,
                role=role,
                needs=needs,
                chain_id=chain_id,
                requester=asker,
                requester_user=requester if isinstance(requester, User) else user_for_actor(asker),
                drafter_user=user_for_actor(drafter),
                expires_at=expires_at,
            )
    except IntegrityError:  # the same was asked for at the same moment
        return live.get(subject_hash=subject_hash)
    record(
        "approval.requested",
        actor=actor,
        scope=scope,
        subject=approval.subject,
        after={
            "about": subject,
            "hash": subject_hash,
            "required": required,
            "role": role,
            "needs": needs,
            "requester": asker,
            "expires_at": expires_at,
        },
    )
    return approval


def _check_request(subject_hash: str, required: int, role: str, needs: str, expires_at: datetime | None) -> None:
    if not HASH.match(subject_hash):
        raise Invalid("subject_hash", "is not a 32-byte hash", "0x and 64 hex digits")
    if required < 1:
        raise Invalid("required", "at least one person must approve")
    if role not in Level.values:
        raise Invalid("role", f"{role!r} is no level", "one of " + ", ".join(Level.values))
    if needs not in Needs.values:
        raise Invalid("needs", f"{needs!r} is not known", "one of " + ", ".join(Needs.values))
    if expires_at is not None and expires_at <= timezone.now():
        raise Invalid("expires_at", "lies in the past")


def give(
    *,
    approval: Approval,
    user: User,
    signature: WalletSignature | None = None,
    passkey_at: datetime | None = None,
    reason: str = "",
) -> Decision:
    """A person's yes. The last one that is needed satisfies the approval, exactly once, however many come at once."""
    with transaction.atomic():
        held = _open_for(approval, user)
        proof = _prove(held, user, Verdict.GIVEN, signature, passkey_at)
        decision = _decide(held, user, Verdict.GIVEN, proof, reason)
        count = len(counting(held))
        record(
            "approval.given",
            actor=user.actor,
            scope=held.scope,
            subject=held.subject,
            before={"given": count - 1},
            after=_after(held, proof, count),
            reason=reason,
        )
        if count >= held.required and held.status == ApprovalStatus.OPEN:
            after = {"about": held.about, "hash": held.subject_hash, "given": count}
            transition(held, ApprovalStatus.SATISFIED, actor=user.actor, after=after)
    approval.refresh_from_db()
    return decision


def refuse(
    *,
    approval: Approval,
    user: User,
    signature: WalletSignature | None = None,
    passkey_at: datetime | None = None,
    reason: str = "",
) -> Decision:
    """A person's no, with its reason. One is enough: whoever still wants it asks anew, and says what changed."""
    if not reason.strip():
        raise Invalid("reason", "is empty", "say why, so that the others know what to change")
    with transaction.atomic():
        held = _open_for(approval, user)
        # A no stops things; it needs no passkey or wallet, but a signature that is handed in must be right.
        proof = _prove(held, user, Verdict.REFUSED, signature, passkey_at) if signature else Proof()
        decision = _decide(held, user, Verdict.REFUSED, proof, reason)
        after = {"about": held.about, "hash": held.subject_hash}
        transition(held, ApprovalStatus.REFUSED, actor=user.actor, reason=reason, after=after)
    approval.refresh_from_db()
    return decision


def _open_for(approval: Approval, user: User) -> Approval:
    """The row, locked: deciders of one approval come one after the other."""
    held = Approval.objects.select_for_update(of=("self",)).select_related("scope").get(pk=approval.pk)
    user.refresh_from_db()
    if held.drafter_user_id == user.pk:
        raise Refused("you drafted what this approval is for", "somebody else must decide", "own-request")
    if held.requester_user_id == user.pk or held.requester == user.actor:
        raise Refused("you asked for this approval yourself", "somebody else must decide", "own-request")
    if not may_decide(held, user):
        raise Refused(f"this needs somebody who is {held.role} or above", "", "wrong-role")
    if held.is_expired:
        raise Refused("this approval has expired", "it must be asked for anew", "expired")
    if held.status == ApprovalStatus.SATISFIED and len(counting(held)) < held.required:
        transition(held, ApprovalStatus.OPEN, actor=user.actor, reason="a yes no longer counts")
    if held.status not in (ApprovalStatus.OPEN, ApprovalStatus.SATISFIED):
        raise Refused(f"this approval is {held.status}", "it must be asked for anew", "not-open")
    return held


def _decide(held: Approval, user: User, verdict: str, proof: Proof, reason: str) -> Decision:
    fields = {
        "verdict": verdict,
        "reason": reason,
        "wallet": proof.wallet,
        "signature": proof.signature,
        "chain_id": proof.chain_id,
        "deadline": proof.deadline,
        "passkey_at": proof.passkey_at,
        "decided_at": timezone.now(),
        "withdrawn_at": None,
    }
    mine = Decision.objects.filter(approval=held, user=user).first()
    if mine is not None and mine.withdrawn_at is None and not (verdict == Verdict.REFUSED):
        raise Refused("you have decided already", "take your decision back first", "decided")
    if verdict == Verdict.GIVEN and held.status != ApprovalStatus.OPEN:
        raise Refused(f"this approval is {held.status} already", "", "not-open")
    if proof.wallet and Decision.objects.filter(approval=held, wallet=proof.wallet).exclude(user=user).exists():
        raise Refused("this wallet has signed for somebody else already", "", "wallet-used")
    decision, _ = Decision.objects.update_or_create(approval=held, user=user, defaults=fields)
    return decision


def _prove(
    held: Approval, user: User, verdict: str, signature: WalletSignature | None, passkey_at: datetime | None
) -> Proof:
    if held.needs == Needs.PASSKEY:
        age = timezone.now() - passkey_at if passkey_at else None
        if age is None or not timedelta(0) <= age <= MAX_AGE:
            raise Refused("this needs a fresh passkey", "show your passkey, then approve again", "passkey-needed")
        return Proof(passkey_at=passkey_at)
    if held.needs == Needs.NONE and signature is None:
        return Proof(passkey_at=passkey_at)
    if signature is None:
        raise Invalid("signature", "is missing", "this approval is signed with a linked wallet")
    check_chain(held, signature.chain_id)
    left = signature.deadline - time.time()
    if not 0 < left <= SIGNING_TIME.total_seconds() + 60:
        raise Invalid("deadline", "has passed" if left <= 0 else "is too far away", "fetch the message again and sign")
    address = recover(held, verdict=verdict, signed=signature)
    if not Wallet.objects.filter(user=user, address=address).exists():
        raise Refused(
            f"the signature is by {address}, which is not a wallet of yours", "link it first", "foreign-wallet"
        )
    return Proof(
        wallet=address, signature=signature.signature, chain_id=signature.chain_id, deadline=signature.deadline
    )


def check_chain(held: Approval, chain_id: int) -> None:
    """A wallet signs for the approval's chain, or, where it names none, for any chain that is set up here."""
    known = [held.chain_id] if held.chain_id is not None else sorted(known_chain_ids())
    if chain_id not in known:
        names = ", ".join(str(one) for one in known) or "none is set up"
        raise Invalid(
            "chain_id", f"chain {chain_id} is not the chain of this approval", f"switch the wallet to {names}"
        )


def _after(held: Approval, proof: Proof, count: int) -> dict[str, object]:
    return {
        "about": held.about,
        "hash": held.subject_hash,
        "given": count,
        "required": held.required,
        "wallet": proof.wallet,
        "passkey_at": proof.passkey_at,
    }


def take_back(*, approval: Approval, user: User, reason: str = "") -> Decision:
    """A person changes their mind; a satisfied approval that now lacks a yes is open again."""
    with transaction.atomic():
        held = Approval.objects.select_for_update(of=("self",)).select_related("scope").get(pk=approval.pk)
        mine = Decision.objects.filter(approval=held, user=user, withdrawn_at=None, verdict=Verdict.GIVEN).first()
        if mine is None or held.status not in (ApprovalStatus.OPEN, ApprovalStatus.SATISFIED):
            raise Refused("there is no yes of yours to take back")
        mine.withdrawn_at = timezone.now()
        mine.save(update_fields=["withdrawn_at"])
        count = len(counting(held))
        record(
            "approval.taken_back",
            actor=user.actor,
            scope=held.scope,
            subject=held.subject,
            after={"about": held.about, "hash": held.subject_hash, "given": count},
            reason=reason,
        )
        if held.status == ApprovalStatus.SATISFIED and count < held.required:
            transition(held, ApprovalStatus.OPEN, actor=user.actor, reason="a yes was taken back")
    approval.refresh_from_db()
    return mine


@transaction.atomic
def withdraw(*, approval: Approval, actor: str, reason: str = "") -> None:
    """The room that asked no longer asks (its run was aborted, its plan changed)."""
    held = Approval.objects.select_for_update(of=("self",)).select_related("scope").get(pk=approval.pk)
    transition(held, ApprovalStatus.WITHDRAWN, actor=actor, reason=reason)
    approval.refresh_from_db()
