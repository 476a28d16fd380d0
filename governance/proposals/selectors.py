"""Reads about proposals."""

from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q, QuerySet

from accounts.models import User, Wallet
from governance.proposals.decoding import Names
from governance.proposals.models import Confirmation, Proposal
from governance.proposals.nesting import why_not
from governance.proposals.seeing import seen_by
from governance.safes.models import Safe


@dataclass(frozen=True)
class Signer:
    """An owner and whether the signature is there. `name` is of the person whose wallet it is, "" for a stranger."""

    address: str
    name: str
    user_id: int | None
    signed_at: datetime | None
    kind: str = ""
    removed: bool = False  # signed, but is no owner any more: does not count
    seen_at: datetime | None = None  # opened the page here
    lapsed: str = ""  # signed, but the Safe would not take it any more: does not count

    @property
    def counts(self) -> bool:
        return self.signed_at is not None and not self.removed and not self.lapsed


@dataclass(frozen=True)
class Quorum:
    signers: list[Signer]
    threshold: int

    @property
    def signed(self) -> int:
        return sum(1 for signer in self.signers if signer.counts)

    @property
    def missing(self) -> int:
        return max(self.threshold - self.signed, 0)

    @property
    def signed_addresses(self) -> list[str]:
        return [signer.address for signer in self.signers if signer.signed_at and not signer.lapsed]


def visible_proposals(viewer: Any) -> "QuerySet[Proposal]":
    return Proposal.objects.visible_to(viewer).select_related("safe__chain", "scope", "plan", "transaction")


def people_of(addresses: list[str]) -> dict[str, User]:
    """The active person behind each wallet, in one query."""
    wallets = Wallet.objects.filter(address__in=addresses, user__is_active=True).select_related("user")
    return {wallet.address: wallet.user for wallet in wallets}


def quorum(proposal: Proposal) -> Quorum:
    """Who has signed and who is still to, in the Safe's order of owners."""
    given = {row.owner: row for row in Confirmation.objects.filter(proposal=proposal)}
    owners = list(proposal.safe.owners)
    gone = [owner for owner in given if owner not in owners]
    people = people_of([*owners, *gone])
    names = Names.on(proposal.safe.chain)
    seen = seen_by(proposal)
    signers = []
    for owner in [*owners, *gone]:
        person, row = people.get(owner), given.get(owner)
        signers.append(
            Signer(
                address=owner,
                name=person.display_name if person else names.of(owner),
                user_id=person.pk if person else None,
                signed_at=row.created_at if row else None,
                kind=row.kind if row else "",
                removed=owner in gone,
                lapsed=row.lapsed if row else "",
                seen_at=seen.get(person.pk) if person else None,
            )
        )
    return Quorum(signers, proposal.safe.threshold)


def waiting_for(user: Any) -> list[Proposal]:
    """Open proposals that this person's wallets are asked to sign, the oldest first."""
    wallets = set(Wallet.objects.filter(user_id=user.pk).values_list("address", flat=True))
    if not wallets:
        return []
    owned = Safe.objects.filter(reduce(or_, (Q(owners__contains=[wallet]) for wallet in wallets)))
    mine = {(safe.chain_id, safe.address): safe for safe in owned}
    open_ones = visible_proposals(user).filter(status="signing").prefetch_related("confirmations", "nested")
    return [proposal for proposal in open_ones.order_by("pk") if _asked(proposal, wallets, mine)]


def _asked(proposal: Proposal, wallets: set[str], mine: dict[tuple[int, str], Safe]) -> bool:
    """As an owner, or within an owner that is one of `mine`."""
    signed = {row.owner for row in proposal.confirmations.all() if not row.lapsed}
    if (wallets & set(proposal.safe.owners)) - signed:
        return True
    within = {(row.within, row.owner) for row in proposal.nested.all()}
    children = [mine[key] for owner in proposal.safe.owners if (key := (proposal.safe.chain_id, owner)) in mine]
    return any(
        (child.address, wallet) not in within
        for child in children
        if child.address not in signed and not why_not(proposal.safe_tx, child)
        for wallet in wallets & set(child.owners)
    )
