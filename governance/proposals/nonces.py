"""Which nonce a new proposal gets."""

from django.db.models import Q

from governance.plans.models import Plan
from governance.proposals.consent import to_wait_for
from governance.proposals.models import OPEN, Proposal
from governance.safes.models import Safe
from integrations.chain.addresses import parse_uint
from integrations.safe.hashes import SafeTx, safe_tx_hash
from ledger import Invalid


def asked_for(safe: Safe, asked: int) -> int:
    """A nonce that somebody chose: any that the chain has not used. Others there become rivals, and are shown so."""
    nonce = parse_uint(asked, "nonce")
    if nonce < safe.nonce:
        raise Invalid(
            "nonce", f"Nonce {nonce} is used up: the Safe is at {safe.nonce}.", f"{safe.nonce} or a later one"
        )
    return nonce


def first_free(safe: Safe, tx: SafeTx, plan: Plan | None) -> int:
    """By hand: behind everything that is open. A plan's: not behind what nobody signs, since it is an emergency's.

    A plan's proposal goes behind what an owner has signed (somebody wants it, and another nonce would make that
    signature worthless), what is being executed, and what a run waits for, its own or another: two emergencies must
    not exclude each other. Whatever else nobody has signed yet becomes its rival: the owners decide which of the two
    they sign. The very same transaction at the same nonce would not be a second one, so it goes behind that.
    """
    rows = Proposal.objects.filter(safe=safe, nonce__gte=safe.nonce)
    if plan is None:
        return _first(safe.nonce, set(rows.filter(status__in=OPEN).values_list("nonce", flat=True)))
    signed = Q(status="signing", confirmations__owner__in=list(safe.owners), confirmations__lapsed="")
    held = rows.filter(Q(status__in=("ready", "executing", "unknown")) | signed)
    taken = set(held.values_list("nonce", flat=True))
    planned = rows.filter(status__in=("draft", "signing"), plan__isnull=False).exclude(nonce__in=taken)
    taken |= {one.nonce for one in planned if one.plan_id == plan.pk or not to_wait_for.objection(one)}
    for nonce, known in rows.filter(status__in=OPEN).values_list("nonce", "safe_tx_hash"):
        if safe_tx_hash(tx.with_nonce(nonce)) == known:
            taken.add(nonce)
    return _first(safe.nonce, taken)


def _first(nonce: int, taken: set[int]) -> int:
    while nonce in taken:
        nonce += 1
    return nonce
