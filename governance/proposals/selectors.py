"""Reads about proposals."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from accounts.models import User, Wallet
from governance.proposals.decoding import Names
from governance.proposals.models import Confirmation, Proposal
from governance.proposals.seeing import seen_by


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


@dataclass(frozen=True)
class Quorum:
    signers: list[Signer]
    threshold: int

    @property
    def signed(self) -> int:
        return sum(1 for signer in self.signers if signer.signed_at and not signer.removed)

    @property
    def missing(self) -> int:
        return max(self.threshold - self.signed, 0)

    @property
    def signed_addresses(self) -> list[str]:
        return [signer.address for signer in self.signers if signer.signed_at]


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
                seen_at=seen.get(person.pk) if person else None,
            )
        )
    return Quorum(signers, proposal.safe.threshold)


def waiting_for(user: Any) -> list[Proposal]:
    """Open proposals that this person's wallets are asked to sign, the oldest first."""
    wallets = set(Wallet.objects.filter(user_id=user.pk).values_list("address", flat=True))
    if not wallets:
        return []
    open_ones = visible_proposals(user).filter(status="signing").prefetch_related("confirmations").order_by("pk")
    return [
        proposal
        for proposal in open_ones
        if (wallets & set(proposal.safe.owners)) - {row.owner for row in proposal.confirmations.all()}
    ]
