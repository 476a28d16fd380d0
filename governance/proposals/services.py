"""Proposing a Safe transaction and collecting its owners' signatures."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from governance.plans.models import Plan
from governance.plans.schema import Call
from governance.proposals.building import Built, as_json, build, calls_of, read_calls, refuse_over_long
from governance.proposals.calling import refuse_hidden
from governance.proposals.decoding import is_rejection
from governance.proposals.ending import check_limit, set_timer, withdraw
from governance.proposals.integrity import check_plan
from governance.proposals.models import DEAD, OPEN, Proposal
from governance.proposals.nonces import asked_for, first_free
from governance.proposals.signing import confirm, enqueue_execution, supersede
from governance.safes.models import Safe
from governance.safes.services import current
from integrations.safe.hashes import SafeTx, domain_separator, message_hash, safe_tx_hash
from ledger import Invalid, Refused, record, transition
from ledger.models import Scope
from ledger.scopes import members_of_private, open_scope
from ledger.statements import Shape
from ledger.text import one_line, prose
from work import enqueue

__all__ = ["adopt", "confirm", "execute", "propose", "reject", "store", "supersede", "use_up", "withdraw"]
LONGEST_DESCRIPTION = 10_000
ROW = Shape(Proposal)


def propose(
    *,
    safe: Safe,
    calls: Sequence[Call | Mapping[str, Any]],
    title: str,
    actor: str,
    description: str = "",
    scope: Scope | None = None,
    plan: Plan | None = None,
    step_id: str = "",
    nonce: int | None = None,
    auto_execute: bool | None = None,
    expires_at: datetime | None = None,
) -> Proposal:
    """Offer a transaction to the Safe's owners. Asked again for the same step of a plan, it returns what is there.

    Reads the chain first, so it must not be called inside a transaction.
    """
    if plan is not None and (existing := of_step(plan, step_id)):
        return existing
    title = one_line("title", title, 200)
    description = prose("description", description, LONGEST_DESCRIPTION, empty=True)
    check_limit(expires_at)
    checked = read_calls(calls)
    refuse_hidden(checked, safe.chain)
    if plan is not None:
        _refuse_mixed(plan, safe)
        check_plan(plan, step_id, safe, [call.model_dump() for call in checked])
    safe = current(safe)
    return store(
        safe=safe,
        tx=_transaction(safe, build(checked, version=safe.version)),
        nonce=None if nonce is None else asked_for(safe, nonce),
        calls=[call.model_dump() for call in checked],
        title=title,
        description=description,
        scope=scope or (plan.scope if plan else None),
        plan=plan,
        step_id=step_id,
        auto_execute=plan is not None if auto_execute is None else auto_execute,
        expires_at=expires_at,
        actor=actor,
    )


def adopt(*, safe: Safe, tx: SafeTx, title: str, description: str, actor: str) -> Proposal:
    """A transaction that was made elsewhere, exactly as it is: its owners sign these fields and no others.

    `safe` is as the chain has it now. What is no plain calls has none on record, and a finding blocks it.
    """
    if (tx.chain_id, tx.safe, tx.version) != (safe.chain.chain_id, safe.address, safe.version):
        raise Invalid("safe", "This is a transaction of another Safe.", f"one of {safe.address}")
    calls = calls_of(tx)
    refuse_over_long(tx, calls)
    return store(
        safe=safe,
        tx=tx,
        nonce=asked_for(safe, tx.nonce),
        calls=[] if calls is None else as_json(calls),
        title=one_line("title", title, 200),
        description=prose("description", description, LONGEST_DESCRIPTION, empty=True),
        scope=None,
        actor=actor,
    )


def of_step(plan: Plan, step_id: str) -> Proposal | None:
    return Proposal.objects.filter(plan=plan, step_id=step_id).exclude(status__in=DEAD).first()


def _refuse_mixed(plan: Plan, safe: Safe) -> None:
    """Nothing signed in a drill may be worth anything outside it."""
    if plan.environment != Plan.Environment.LIVE and safe.chain.kind == "live":
        raise Refused(
            f"A {plan.environment} may not propose to {safe.label}: {safe.chain.name} is a live chain.",
            "use a Safe on a fork or a devnet",
            "drill-on-live-chain",
        )


def _transaction(safe: Safe, built: Built) -> SafeTx:
    return SafeTx(
        chain_id=safe.chain.chain_id,
        safe=safe.address,
        version=safe.version,
        to=built.to,
        value=built.value,
        data=built.data,
        operation=built.operation,
    )


def store(
    *,
    safe: Safe,
    tx: SafeTx,
    nonce: int | None,
    scope: Scope | None,
    actor: str,
    then: Callable[[Proposal], None] | None = None,
    **columns: Any,
) -> Proposal:
    """Write down a transaction that was checked; `safe` is as the chain has it now. Without a nonce it gets a free one.

    `then` is done in the same transaction.
    """
    plan = columns.get("plan")
    try:
        with transaction.atomic():
            if nonce is None:
                Safe.objects.select_for_update().get(pk=safe.pk)  # one after the other: each gets a place of its own
                nonce = first_free(safe, tx, plan)
            tx = tx.with_nonce(nonce)
            scope = scope or open_scope(kind="proposal", title=columns["title"], actor=actor)
            proposal = _row(safe, tx, scope, actor, columns)
            _announce(proposal, tx, actor)
            if then is not None:
                then(proposal)
    except IntegrityError:
        if plan is not None and (existing := of_step(plan, columns["step_id"])):
            return existing
        raise Invalid(
            "calls",
            f"The very same transaction is already proposed at nonce {tx.nonce}.",
            "open that proposal, or give another nonce",
        ) from None
    return proposal


def _row(safe: Safe, tx: SafeTx, scope: Scope, actor: str, columns: Mapping[str, Any]) -> Proposal:
    made, _ = ROW.insert(
        Proposal(
            safe=safe,
            scope=scope,
            chain_id=tx.chain_id,
            version=tx.version,
            to=tx.to,
            value=tx.value,
            data=tx.data,
            operation=tx.operation,
            safe_tx_gas=tx.safe_tx_gas,
            base_gas=tx.base_gas,
            gas_price=tx.gas_price,
            gas_token=tx.gas_token,
            refund_receiver=tx.refund_receiver,
            nonce=tx.nonce,
            safe_tx_hash=safe_tx_hash(tx),
            created_by=actor,
            created_block=safe.read_block,
            **columns,
        )
    )
    made.safe, made.scope, made.plan = safe, scope, columns.get("plan")
    return made


def _announce(proposal: Proposal, tx: SafeTx, actor: str) -> None:
    about: dict[str, Any] = {
        "safe": proposal.safe.subject,
        "title": proposal.title,
        "nonce": str(tx.nonce),
        "safe_tx_hash": proposal.safe_tx_hash,
        "domain_hash": domain_separator(tx),
        "message_hash": message_hash(tx),
        "plan": proposal.plan.sha256 if proposal.plan else None,
        "step": proposal.step_id,
    }
    if proposal.expires_at is not None:
        about["expires_at"] = proposal.expires_at.isoformat()
    record("proposal.drafted", actor=actor, scope=proposal.scope, subject=proposal.subject, after=about)
    transition(proposal, "signing", actor=actor, after=about)
    set_timer(proposal, actor)
    enqueue(
        "governance.review",
        key=f"proposal:{proposal.pk}",
        subject=proposal.subject,
        payload={"proposal": proposal.pk},
        scope=proposal.scope,
        actor=actor,
        sparing=True,
    )


@transaction.atomic
def execute(*, proposal: Proposal, actor: str) -> None:
    """Ask for the execution of a ready proposal that does not execute by itself."""
    locked = Proposal.objects.select_for_update().get(pk=proposal.pk)
    if locked.status != "ready":
        raise Refused(f"This proposal is {locked.status}, not ready.", "collect the signatures first", "not-ready")
    record("proposal.execution.requested", actor=actor, scope=locked.scope, subject=locked.subject)
    Proposal.objects.filter(pk=locked.pk).update(auto_execute=True)
    enqueue_execution(locked, actor)


def reject(*, proposal: Proposal, actor: str) -> Proposal:
    """Propose the empty call to itself at the same nonce: once executed, the first can never be.

    Also for one that was withdrawn or failed here: its signatures stay good on the chain until its nonce is used.
    """
    proposal.refresh_from_db()
    if proposal.status not in ("draft", "signing", "ready", "rejected", "failed"):
        raise Refused(
            f"This proposal is {proposal.status}; a rejection would come too late, or is not needed.",
            "look at the proposal's page for what happened to it",
            "not-signing",
        )
    return use_up(
        safe=proposal.safe,
        nonce=proposal.nonce,
        title=f"Reject: {proposal.title}"[:200],
        description=f"An empty call uses up nonce {proposal.nonce}: proposal {proposal.pk} can then never be executed.",
        scope=proposal.scope,
        actor=actor,
    )


def use_up(*, safe: Safe, nonce: int, title: str, description: str, actor: str, scope: Scope | None = None) -> Proposal:
    """The empty call at a nonce, made once: whoever asks again gets the one that is open, unless it is private."""
    offered = Proposal.objects.filter(safe=safe, nonce=nonce, status__in=OPEN, to=safe.address)
    for one in offered.select_related("safe", "scope"):
        if is_rejection(one) and (one.scope == scope or members_of_private(one.scope) is None):
            return one
    return propose(
        safe=safe,
        calls=[{"to": safe.address, "value": "0", "data": "0x"}],
        title=title,
        description=description,
        scope=scope,
        nonce=nonce,
        auto_execute=True,
        actor=actor,
    )
