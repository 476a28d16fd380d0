"""Owners that are Safes, as pages show them: what their owners sign, who has, and what to do where they cannot."""

from dataclasses import dataclass
from typing import Any

from accounts.models import User
from governance.proposals.approving import approval_of
from governance.proposals.models import Confirmation, NestedConfirmation, Proposal
from governance.proposals.nesting import NestedHashes, children, hashes, why_not
from governance.proposals.selectors import Signer, people_of
from governance.safes.models import Safe


@dataclass(frozen=True)
class Owning:
    """One owner that is a Safe."""

    safe: Safe
    hashes: NestedHashes
    why_not: str
    signers: list[Signer]
    given: bool
    approval: Proposal | None

    @property
    def signed(self) -> int:
        return sum(1 for signer in self.signers if signer.counts)

    @property
    def refused(self) -> bool:
        """Its owners have signed, and still the chain does not take their signatures together for its own."""
        return not self.given and self.signed >= self.safe.threshold

    @property
    def data_id(self) -> str:
        return f"within-data-{self.safe.pk}"

    @property
    def for_browser(self) -> dict[str, Any]:
        """What the page's script signs with: it computes the message itself, from the proposal's fields."""
        open_ones = [signer.address for signer in self.signers if signer.signed_at]
        version, owners = self.safe.version, list(self.safe.owners)
        return {"safe": self.safe.address, "version": version, "owners": owners, "signed": open_ones}


def owning_safes(proposal: Proposal) -> list[Owning]:
    """In the order of the proposal's Safe."""
    found = children(proposal.safe)
    if not found:
        return []
    people = people_of(sorted({owner for child in found for owner in child.owners}))
    given = set(Confirmation.objects.filter(proposal=proposal, lapsed="").values_list("owner", flat=True))
    rows = list(NestedConfirmation.objects.filter(proposal=proposal))
    return [_owning(proposal, child, people, given, rows) for child in found]


def _owning(
    proposal: Proposal, child: Safe, people: dict[str, User], given: set[str], rows: list[NestedConfirmation]
) -> Owning:
    mine = {row.owner: row for row in rows if row.within == child.address}
    gone = [owner for owner in mine if owner not in child.owners]
    tx = proposal.safe_tx
    why = why_not(tx, child)
    return Owning(
        safe=child,
        hashes=hashes(tx, child),
        why_not=why,
        signers=[
            Signer(
                address=owner,
                name=people[owner].display_name if owner in people else "",
                user_id=people[owner].pk if owner in people else None,
                signed_at=mine[owner].created_at if owner in mine else None,
                kind=mine[owner].kind if owner in mine else "",
                removed=owner in gone,
            )
            for owner in [*child.owners, *gone]
        ],
        given=child.address in given,
        approval=approval_of(proposal, child) if child.address not in given else None,
    )
